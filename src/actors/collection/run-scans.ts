/**
 * Answers which runs a workflow's rows name, at its leader. The rows are those of one moment, held open: a
 * result moves from row to row while its request goes on, and a look at row after row could miss it on the way.
 */
import type { Cid } from "../../scheduler/dataset.ts";
import { prefixEnd } from "../../std/ordered-text.ts";
import type { Call, CallAnswer } from "../ports.ts";
import { HeldMoments, type HeldMomentsDeps, momentGone } from "./held-moments.ts";
import { DATASET_PREFIXES, runsOf } from "./references.ts";
import type { CapturedRows } from "./report.ts";

/** Rows of one page: some milliseconds of this thread. */
const PAGE_ROWS = 128;

type ScanCall = Extract<Call, { readonly kind: "run-references" }>;

export class RunScans {
  readonly #deps: HeldMomentsDeps;
  readonly #moments: HeldMoments;

  constructor(deps: HeldMomentsDeps) {
    this.#deps = deps;
    this.#moments = new HeldMoments(deps);
  }

  /**
   * A page of runs that the group's rows name. Scan 0 begins one: of a moment not before the call, also for what
   * the log had by then.
   * @throws {ActorError} as `HeldMoments.hold` and `rows`.
   */
  async serve(call: ScanCall): Promise<CallAnswer> {
    const replica = this.#deps.workflow(call.group)?.replica;
    if (replica?.leadingTerm === undefined) {
      return { kind: "not-scheduler", leader: replica?.leaderNode };
    }
    const scan = call.scan === 0 ? await this.#moments.hold(call.group) : call.scan;
    const { runs, after } = await pageOf(this.#moments.rows(call.group, scan), call.after);
    if (after === undefined) await this.#moments.close(scan);
    return { kind: "run-references", scan, runs, after };
  }

  stop(): void {
    this.#moments.stop();
  }
}

/** The next rows that may name runs; `after` is undefined when there are no more. */
async function pageOf(
  rows: CapturedRows,
  after: string | undefined,
): Promise<{ readonly runs: readonly Cid[]; readonly after: string | undefined }> {
  const at = after === undefined ? 0 : DATASET_PREFIXES.findIndex((one) => after.startsWith(one));
  const prefix = DATASET_PREFIXES[at];
  if (prefix === undefined) throw momentGone();
  const gte = after === undefined || after === prefix ? prefix : `${after}\0`;
  const page = await rows.scan({ gte, lt: prefixEnd(prefix), limit: PAGE_ROWS });
  const runs = [...new Set(page.rows.flatMap(([, row]) => runsOf(row)))];
  const last = page.rows.at(-1)?.[0];
  const next = page.more && last !== undefined ? last : DATASET_PREFIXES[at + 1];
  return { runs, after: next };
}
