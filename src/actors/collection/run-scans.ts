/**
 * Answers which runs a workflow's rows name, at its leader. The rows are those of one moment, held open: a
 * result moves from row to row while its request goes on, and a look at row after row could miss it on the way.
 */
import type { Cid } from "../../scheduler/dataset.ts";
import type { Clock, Timer, Timers } from "../../std/clock.ts";
import { prefixEnd } from "../../std/ordered-text.ts";
import { ActorError } from "../errors.ts";
import type { Call, CallAnswer, StatesPort } from "../ports.ts";
import type { WorkflowGroup } from "../workflow-group.ts";
import { DATASET_PREFIXES, runsOf } from "./references.ts";
import type { CapturedRows } from "./report.ts";

/** Moments held open at once: each keeps old versions of its group's rows on the disk. */
const SCANS_MAX = 4;

/** Nobody has asked for the next page for so long. */
const IDLE_MS = 30_000;

/** Rows of one page: some milliseconds of this thread. */
const PAGE_ROWS = 128;

/** How long the last entries of the log may take until they are applied, and between two looks. */
const SETTLE_MS_MAX = 3_000;
const SETTLE_LOOK_MS = 20;

type ScanCall = Extract<Call, { readonly kind: "run-references" }>;

interface Scan {
  readonly group: number;
  readonly rows: CapturedRows;
  usedMs: number;
}

export interface RunScansDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly states: Pick<StatesPort, "captureRows">;
  readonly workflow: (group: number) => Pick<WorkflowGroup, "replica"> | undefined;
}

export class RunScans {
  readonly #deps: RunScansDeps;
  readonly #scans = new Map<number, Scan>();
  #lastScan = 0;
  #making = 0;
  #timer: Timer | undefined;

  constructor(deps: RunScansDeps) {
    this.#deps = deps;
  }

  /**
   * A page of runs that the group's rows name. Scan 0 begins one: of a moment not before the call, also for what
   * the log had by then.
   * @throws {ActorError} `COLLECTION_BUSY`, `COLLECTION_GONE`; those of linearizable reads.
   */
  async serve(call: ScanCall): Promise<CallAnswer> {
    const replica = this.#deps.workflow(call.group)?.replica;
    if (replica?.leadingTerm === undefined) {
      return { kind: "not-scheduler", leader: replica?.leaderNode };
    }
    const number = call.scan === 0 ? await this.#begin(call.group) : call.scan;
    const scan = this.#scans.get(number);
    if (scan?.group !== call.group) throw gone();
    scan.usedMs = this.#deps.clock.nowMs();
    const { runs, after } = await pageOf(scan.rows, call.after);
    if (after === undefined) await this.#close(number);
    return { kind: "run-references", scan: number, runs, after };
  }

  stop(): void {
    this.#timer?.cancel();
    for (const number of this.#scans.keys()) void this.#close(number);
  }

  async #begin(group: number): Promise<number> {
    if (this.#scans.size + this.#making >= SCANS_MAX) {
      throw new ActorError(
        { code: "COLLECTION_BUSY" },
        "too many collectors ask this node at once",
      );
    }
    this.#making += 1;
    try {
      await this.#settled(group);
      const rows = await this.#deps.states.captureRows(group);
      this.#lastScan += 1;
      this.#scans.set(this.#lastScan, { group, rows, usedMs: this.#deps.clock.nowMs() });
      this.#arm();
      return this.#lastScan;
    } finally {
      this.#making -= 1;
    }
  }

  /**
   * Everything that was in the leader's log is applied here. A majority's word alone would do for what was
   * acknowledged; what waits for disks may be older than anybody remembers, and name runs.
   */
  async #settled(group: number): Promise<void> {
    const replica = this.#deps.workflow(group)?.replica;
    if (replica === undefined) throw gone();
    const term = replica.leadingTerm;
    const { lastIndex } = replica.core.status();
    await replica.linearize();
    const endMs = this.#deps.clock.nowMs() + SETTLE_MS_MAX;
    while (replica.appliedIndex < lastIndex) {
      if (this.#deps.clock.nowMs() > endMs) throw gone();
      await new Promise<void>((resolve) => {
        this.#deps.timers.after(SETTLE_LOOK_MS, resolve);
      });
    }
    if (term === undefined || replica.leadingTerm !== term) throw gone();
  }

  async #close(number: number): Promise<void> {
    const scan = this.#scans.get(number);
    this.#scans.delete(number);
    await scan?.rows.close();
  }

  #arm(): void {
    this.#timer ??= this.#deps.timers.after(IDLE_MS, () => {
      this.#timer = undefined;
      const sinceMs = this.#deps.clock.nowMs() - IDLE_MS;
      for (const [number, { usedMs }] of this.#scans) {
        if (usedMs <= sinceMs) this.#close(number).catch(() => undefined);
      }
      if (this.#scans.size > 0) this.#arm();
    });
  }
}

/** The next rows that may name runs; `after` is undefined when there are no more. */
async function pageOf(
  rows: CapturedRows,
  after: string | undefined,
): Promise<{ readonly runs: readonly Cid[]; readonly after: string | undefined }> {
  const at = after === undefined ? 0 : DATASET_PREFIXES.findIndex((one) => after.startsWith(one));
  const prefix = DATASET_PREFIXES[at];
  if (prefix === undefined) throw gone();
  const gte = after === undefined || after === prefix ? prefix : `${after}\0`;
  const page = await rows.scan({ gte, lt: prefixEnd(prefix), limit: PAGE_ROWS });
  const runs = [...new Set(page.rows.flatMap(([, row]) => runsOf(row)))];
  const last = page.rows.at(-1)?.[0];
  const next = page.more && last !== undefined ? last : DATASET_PREFIXES[at + 1];
  return { runs, after: next };
}

function gone(): ActorError {
  return new ActorError(
    { code: "COLLECTION_GONE" },
    "the moment that is asked for is not held any more",
  );
}
