/** What is looked at when nothing happens any more. */
import type { AllCheckers } from "./checkers/all-checkers.ts";
import type { NoteHistory } from "./checkers/note-history.ts";
import type { SimWorkflow } from "./client.ts";
import type { Totals } from "./totals.ts";
import { promise } from "./world.ts";

export interface Ending {
  readonly checkers: AllCheckers;
  readonly workflows: readonly SimWorkflow[];
  /** By the name of their workflow. */
  readonly notes: ReadonlyMap<string, NoteHistory>;
  readonly totals: Totals;
}

/** Holds whatever was lost: nothing that was said is wrong. @throws {Violation} */
export function checkAnswers({ checkers, workflows, notes }: Ending): void {
  for (const [name, history] of notes) history.check(name);
  for (const { name, group } of workflows) {
    const fanIn = checkers.rows.unfinishedFanIn(group);
    promise(fanIn === undefined, () => `a request of ${name} succeeded without ${fanIn}`);
  }
}

/** And everything that was acknowledged is there. @throws {Violation} */
export function checkEnd(ending: Ending): void {
  const { checkers, workflows, totals } = ending;
  checkAnswers(ending);
  checkers.later.check();
  // What each client was promised it has looked after itself; this is only the sum.
  if (!workflows.every(({ group }) => checkers.rows.knows(group))) return;
  const requests = workflows.reduce((sum, { group }) => sum + checkers.rows.requestCount(group), 0);
  const { requests: acknowledged, submissionsUnknown } = totals;
  promise(
    acknowledged <= requests && requests <= acknowledged + submissionsUnknown,
    `${acknowledged} requests were acknowledged, ${submissionsUnknown} submissions have an unknown outcome, and ${requests} requests exist`,
  );
}
