/** What requests of a run are for, and what must hold when one has ended, whatever happened meanwhile. */
import type { AttemptView } from "../../src/api/attempt-view.ts";
import type { RequestView } from "../../src/api/ports.ts";
import type { Chance } from "../sim/chance.ts";

/** Both have the same work; each is a Raft group of its own. */
export const WORKFLOWS = ["chaos_one", "chaos_two"] as const;
export const JOB = "add";

/** What one request asks for. */
export interface Work {
  readonly workflow: (typeof WORKFLOWS)[number];
  readonly salt: number;
  readonly leaves: number;
  /** Each leaf takes so long. */
  readonly pauseMs: number;
}

/** Small requests, most of them quick: many are acknowledged, and some are under way at any moment. */
export function drawWork(chance: Chance): Work {
  return {
    workflow: chance.pick(WORKFLOWS),
    salt: chance.whole(1, 1_000_000),
    leaves: chance.whole(1, 6),
    pauseMs: chance.hits(0.2) ? chance.whole(100, 400) : chance.whole(0, 20),
  };
}

/** The right result, told without the cluster. */
export function resultOf({ salt, leaves }: Work): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (let leaf = 0; leaf < leaves; leaf++) {
    const key = `k${(leaf + salt) % 3}`;
    sums.set(key, (sums.get(key) ?? 0) + leaf * salt + 1);
  }
  return sums;
}

/** What is wrong with a request that has ended; empty when nothing is. */
export function endProblems(
  work: Work,
  view: Pick<RequestView, "request" | "state" | "error" | "result" | "steps">,
): readonly string[] {
  const { request, state, error } = view;
  if (state !== "succeeded") return [`${request} has ${state}: ${error?.code ?? "no reason"}`];
  const text = (pairs: Iterable<readonly [unknown, unknown]>): string =>
    Array.from(pairs, ([key, value]) => `${String(key)}=${String(value)}`)
      .sort()
      .join(" ");
  const [wanted, found] = [text(resultOf(work)), text(view.result?.pairs ?? [])];
  const problems = wanted === found ? [] : [`${request} gave ${found}, not ${wanted}`];
  for (const [step, total] of [
    ["spread", 1],
    ["leaves", work.leaves],
  ] as const) {
    const { done = 0 } = view.steps[step] ?? {};
    if (done !== total) problems.push(`${request} counts ${done} of ${total} done in ${step}`);
  }
  return problems;
}

/**
 * What is wrong with the attempts of a request that succeeded. No handler of ours fails, so no attempt may
 * have; where nodes only leave and come back, or stand still for a moment, none may be lost either.
 */
export function attemptProblems(
  request: string,
  attempts: readonly Pick<AttemptView, "invocation" | "phase" | "part" | "state" | "error">[],
  of: { readonly work: Work; readonly mayLose: boolean },
): readonly string[] {
  const problems: string[] = [];
  const done = new Set<string>();
  for (const { invocation, phase, part, state, error } of attempts) {
    const unit = `${invocation} ${phase} ${part ?? ""}`.trimEnd();
    switch (state) {
      case "done":
        if (done.has(unit)) problems.push(`${unit} has two committed completions`);
        done.add(unit);
        break;
      case "failed":
        problems.push(`${unit} has a failed attempt: ${error?.code ?? "no reason"}`);
        break;
      case "lost":
        if (!of.mayLose) problems.push(`${unit} has a lost attempt`);
        break;
      case "running":
        problems.push(`${unit} has an attempt that runs after the end of its request`);
        break;
      case "released":
        break;
    }
  }
  // The root's map and reduction; each leaf is mapped and reduced at once.
  const units = of.work.leaves + 2;
  if (done.size !== units) problems.push(`${request} has ${done.size} units done of ${units}`);
  return problems;
}
