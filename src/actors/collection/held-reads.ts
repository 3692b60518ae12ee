/** Answers reads of a workflow's rows as they were at one moment, at its leader: what a snapshot is made of. */
import type { Row } from "../../scheduler/rows.ts";
import type { CallAnswer } from "../ports.ts";
import { HeldMoments, type HeldMomentsDeps } from "./held-moments.ts";
import type { CapturedRows, HeldRowsCall } from "./report.ts";

/** Rows of one answer: of files with their lists of blocks, some 100 KiB. */
const ROWS_AT_ONCE = 256;

export class HeldReads {
  readonly #deps: HeldMomentsDeps;
  readonly #moments: HeldMoments;

  constructor(deps: HeldMomentsDeps) {
    this.#deps = deps;
    this.#moments = new HeldMoments(deps);
  }

  /**
   * Holds a moment where `moment` is 0, lets go of it where `done`, and else reads.
   * @throws {ActorError} as `HeldMoments.hold` and `rows`.
   */
  async serve(call: HeldRowsCall): Promise<CallAnswer> {
    const { group, keys, scan } = call;
    const replica = this.#deps.workflow(group)?.replica;
    if (replica?.leadingTerm === undefined) {
      return { kind: "not-scheduler", leader: replica?.leaderNode };
    }
    if (call.done) {
      await this.#moments.close(call.moment);
      return { kind: "held-rows", moment: call.moment, values: [], scanned: [], more: false };
    }
    const moment = call.moment === 0 ? await this.#moments.hold(group) : call.moment;
    const rows = this.#moments.rows(group, moment);
    const values: (Row | undefined)[] = [];
    for (const key of keys.slice(0, ROWS_AT_ONCE)) values.push(await readOne(rows, key));
    const limit = Math.min(scan?.limit ?? 0, ROWS_AT_ONCE);
    if (scan === undefined || limit === 0) {
      return { kind: "held-rows", moment, values, scanned: [], more: false };
    }
    const page = await rows.scan({ ...scan, limit });
    const scanned = page.rows.map(([key, row]) => ({ key, row }));
    return { kind: "held-rows", moment, values, scanned, more: page.more };
  }

  stop(): void {
    this.#moments.stop();
  }
}

async function readOne(rows: CapturedRows, key: string): Promise<Row | undefined> {
  const page = await rows.scan({ gte: key, lt: `${key}\0`, limit: 1 });
  return page.rows[0]?.[1];
}
