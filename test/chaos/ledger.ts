/** What was submitted, what was acknowledged, and how it ended: the memory that nodes are held against. */
import type { Work } from "./work.ts";

/** One submission, tried until it is acknowledged. */
export interface Submission {
  readonly key: string;
  readonly work: Work;
  readonly startMs: number;
  /** Neither was any node killed, paused or cut off while it was open. */
  readonly calm: boolean;
  /** The request's id, once acknowledged. */
  id: string | undefined;
  acknowledgedMs: number | undefined;
  endedMs: number | undefined;
  /** As the cluster told it when the request had ended; it must never tell another time. */
  endedAt: string | undefined;
}

/** Newest problems are left out: the first ones tell most. */
const PROBLEMS_MAX = 50;

/** All submissions of a run. */
export class Ledger {
  readonly submissions: Submission[] = [];
  readonly problems: string[] = [];
  readonly #byId = new Map<string, Submission>();
  #lastMs: number | undefined;
  #gapMs = 0;

  /** A new submission, which has not been sent yet. */
  begin(of: Pick<Submission, "key" | "work" | "startMs" | "calm">): Submission {
    const none = { id: undefined, acknowledgedMs: undefined };
    const submission = { ...of, ...none, endedMs: undefined, endedAt: undefined };
    this.submissions.push(submission);
    return submission;
  }

  /** A node has acknowledged it. */
  acknowledged(submission: Submission, id: string, nowMs: number): void {
    const other = this.#byId.get(id);
    if (other !== undefined) this.problem(`${other.key} and ${submission.key} both gave ${id}`);
    this.#byId.set(id, submission);
    submission.id = id;
    submission.acknowledgedMs = nowMs;
    if (this.#lastMs !== undefined) this.#gapMs = Math.max(this.#gapMs, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
  }

  /** Nobody submits for a while: that is no gap. */
  rest(): void {
    this.#lastMs = undefined;
  }

  ended(submission: Submission, endedAt: string, nowMs: number): void {
    submission.endedMs = nowMs;
    submission.endedAt = endedAt;
  }

  problem(text: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(text);
  }

  /** Longest time without an acknowledgement while submissions were tried, ms. */
  get gapMs(): number {
    return this.#gapMs;
  }

  get acknowledgedCount(): number {
    return this.#byId.size;
  }

  get endedCount(): number {
    return this.submissions.filter(({ endedMs }) => endedMs !== undefined).length;
  }

  /** Submissions that were begun, and not acknowledged or not ended yet. */
  get openCount(): number {
    return this.submissions.length - this.endedCount;
  }

  /** Longest time to its acknowledgement of those begun since then; counts those that still wait. */
  delayMsMax(sinceMs: number, nowMs: number): number {
    const delays = this.submissions
      .filter(({ startMs }) => startMs >= sinceMs)
      .map(({ startMs, acknowledgedMs = nowMs }) => acknowledgedMs - startMs);
    return Math.max(0, ...delays);
  }

  /** What is wrong with what a workflow's whole list of requests says at the end. */
  compare(
    workflow: string,
    list: readonly {
      readonly request: string;
      readonly state: string;
      readonly endedAt: string | null;
    }[],
  ): readonly string[] {
    const problems: string[] = [];
    const listed = new Map(list.map((one) => [one.request, one]));
    if (listed.size !== list.length) problems.push(`${workflow} lists a request twice`);
    for (const { request } of list) {
      if (!this.#byId.has(request)) problems.push(`${request} is there, and nobody submitted it`);
    }
    for (const { id, key, work, endedAt } of this.submissions) {
      if (work.workflow !== workflow) continue;
      if (id === undefined) {
        problems.push(`${key} was never acknowledged`);
        continue;
      }
      const found = listed.get(id);
      if (found === undefined) problems.push(`${id} was acknowledged and is lost`);
      else if (endedAt === undefined) problems.push(`${id} hangs: it is ${found.state}`);
      else if (found.state !== "succeeded" || found.endedAt !== endedAt)
        problems.push(`${id} ended at ${endedAt} and is ${found.state} since ${found.endedAt}`);
    }
    return problems;
  }
}
