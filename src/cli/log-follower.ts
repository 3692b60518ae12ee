/**
 * What the attempts of a request print, told as it happens: those that run are read at their nodes, those
 * that have ended are told by what is stored. Each once.
 *
 * F1. An attempt that is watched is told by its parts; its end only says how it ended, and what the parts
 *     did not have.
 * F2. It is watched until the list says that it has ended, or has it no more: a node that does not answer
 *     or has nothing of it may do so again, or the attempt is lost and another one begins.
 */

import type { AttemptView, OutputView } from "../api/attempt-view.ts";
import type { JobxClient } from "../api/client.ts";
import { ATTEMPTS_MAX } from "../api/limits.ts";
import { RemoteError } from "../api/transport.ts";
import { type Piece, StreamMerge } from "./output-merge.ts";
import { forgottenText } from "./request-text.ts";

/** Attempts that are watched at once: more than people read. Others are told when they have ended. */
export const WATCHED_MAX = 64;

/** Reads under way at once. */
const READS_MAX = 16;

/** A node that does not answer is left alone for so many rounds: waiting for it holds up the others. */
const ROUNDS_WITHOUT = 5;

/**
 * After so many rounds in which an attempt's node has said that it has ended, or has none of it, the list
 * is looked at again: events about attempts may be missed.
 */
const ROUNDS_TO_LOOK = 10;

/** Of a request that has ended, how often attempts that are still at their ends are looked at. */
const LAST_ROUNDS = 8;

const STREAMS = ["stdout", "stderr"] as const;

/** What is told. */
export type LogItem =
  | ({
      readonly kind: "output";
      readonly attempt: AttemptView;
      readonly stream: (typeof STREAMS)[number];
    } & Piece)
  /** It has ended; `followed`: what it printed has been told. */
  | { readonly kind: "attempt"; readonly attempt: AttemptView; readonly followed: boolean }
  /** What went wrong with following it, if it is about one. */
  | {
      readonly kind: "note";
      readonly attempt: AttemptView | undefined;
      readonly text: string;
    };

interface Watched {
  readonly attempt: AttemptView;
  readonly live: string;
  readonly stdout: StreamMerge;
  readonly stderr: StreamMerge;
  state: OutputView["state"];
  hasShown: boolean;
  /** Rounds for which it is not read. */
  rest: number;
  /** Rounds since its node has said that it does not run there. */
  over: number;
}

/** Use: `look` first and whenever something has happened, `read` again and again, `finish` in the end. */
export class LogFollower {
  readonly #client: Pick<JobxClient, "attempts" | "output">;
  readonly #request: string;
  readonly #show: (item: LogItem) => void;
  readonly #watched = new Map<string, Watched>();
  readonly #ended = new Set<string>();
  #saidFull = false;
  #saidForgotten = false;

  constructor(options: {
    readonly client: Pick<JobxClient, "attempts" | "output">;
    readonly request: string;
    readonly show: (item: LogItem) => void;
  }) {
    this.#client = options.client;
    this.#request = options.request;
    this.#show = options.show;
  }

  /** Whether there is anything to read. */
  get isWatching(): boolean {
    return this.#watched.size > 0;
  }

  /** Tells what has ended since the last look, in the order of the ends, and watches what runs. */
  async look(): Promise<void> {
    const { attempts, forgotten } = await this.#client.attempts(this.#request, {
      limit: ATTEMPTS_MAX,
    });
    this.#tellForgotten(forgotten);
    const ended = attempts.filter(({ state }) => state !== "running");
    ended.sort((a, b) => ((a.endedAt ?? "") < (b.endedAt ?? "") ? -1 : 1));
    for (const attempt of ended) await this.#tellEnd(attempt);
    const running = new Set<string>();
    for (const attempt of attempts) {
      if (attempt.live === null) continue;
      running.add(keyOf(attempt));
      this.#watch(attempt, attempt.live);
    }
    for (const [key, watched] of this.#watched) {
      if (!running.has(key)) await this.#tellGone(key, watched);
    }
  }

  /** Tells what those that run have printed since; true when the list of attempts may say more. */
  async read(): Promise<boolean> {
    const open = [...this.#watched.values()].filter(({ state }) => state !== "ended");
    const due = open.filter((watched) => watched.rest-- <= 0);
    for (let at = 0; at < due.length; at += READS_MAX) {
      await Promise.all(due.slice(at, at + READS_MAX).map((watched) => this.#read(watched)));
    }
    let isNews = false;
    for (const watched of this.#watched.values()) {
      const isOver = watched.state === "ended" || watched.state === "gone";
      watched.over = isOver ? watched.over + 1 : 0;
      isNews ||= watched.over % ROUNDS_TO_LOOK === 1;
    }
    return isNews;
  }

  /** The request has ended: what its last attempts still say is told. */
  async finish(pause: () => Promise<void>): Promise<void> {
    await this.look();
    for (let round = 0; round < LAST_ROUNDS && this.isWatching; round++) {
      await pause();
      await this.read();
      await this.look();
    }
  }

  /** Said once: of a request that goes on failing it would be said for ever. */
  #tellForgotten(forgotten: number): void {
    if (forgotten === 0 || this.#saidForgotten) return;
    this.#saidForgotten = true;
    this.#show({ kind: "note", attempt: undefined, text: forgottenText(forgotten) });
  }

  #watch(attempt: AttemptView, live: string): void {
    const key = keyOf(attempt);
    if (this.#watched.has(key) || this.#ended.has(key)) return;
    if (this.#watched.size >= WATCHED_MAX) {
      const text = `more than ${WATCHED_MAX} attempts are under way: the others are told when they have ended`;
      if (!this.#saidFull) this.#show({ kind: "note", attempt: undefined, text });
      this.#saidFull = true;
      return;
    }
    this.#watched.set(key, {
      ...{ attempt, live, stdout: new StreamMerge(), stderr: new StreamMerge() },
      ...{ state: "running", hasShown: false, rest: 0, over: 0 },
    });
  }

  async #read(watched: Watched): Promise<void> {
    const { attempt, live, stdout, stderr } = watched;
    const of = { attempt: live, stdout: stdout.place, stderr: stderr.place };
    let page: OutputView;
    try {
      page = await this.#client.output(this.#request, of);
    } catch (error) {
      // The request may have been deleted: that is told by others.
      if (!(error instanceof RemoteError) || error.details.status >= 500) throw error;
      watched.state = "gone";
      return;
    }
    for (const stream of STREAMS) this.#tell(watched, stream, watched[stream].live(page[stream]));
    if (page.state === "unreachable") {
      watched.rest = ROUNDS_WITHOUT;
      const text = `${attempt.nodeName} does not answer`;
      if (watched.state === "running") this.#show({ kind: "note", attempt, text });
    }
    watched.state = page.state;
  }

  #tell(watched: Watched, stream: (typeof STREAMS)[number], piece: Piece): void {
    if (piece.leftOut === 0 && piece.text === "") return;
    watched.hasShown = true;
    this.#show({ kind: "output", attempt: watched.attempt, stream, ...piece });
  }

  async #tellEnd(attempt: AttemptView): Promise<void> {
    const key = keyOf(attempt);
    if (this.#ended.has(key)) return;
    const watched = this.#watched.get(key);
    const isSilent = (attempt.error ?? attempt.printed) === null;
    if (watched === undefined) {
      if (isSilent) return;
      this.#ended.add(key);
      this.#show({ kind: "attempt", attempt, followed: false });
      return;
    }
    if (watched.state !== "ended") await this.#read(watched);
    this.#ended.add(key);
    this.#watched.delete(key);
    if (watched.state !== "ended") this.#tellStored(watched, attempt);
    if (isSilent && !watched.hasShown) return;
    this.#show({ kind: "attempt", attempt, followed: true });
  }

  /** Its node cannot tell the rest of it: what is stored does, or nobody. */
  #tellStored(watched: Watched, attempt: AttemptView): void {
    const stored = attempt.printed ?? (attempt.state === "failed" ? attempt.error : null);
    if (stored !== null) {
      for (const stream of STREAMS)
        this.#tell(watched, stream, watched[stream].stored(stored[stream]));
    } else if (attempt.state !== "done") {
      const text = `what it printed from here on is not known: it is not to be had from ${attempt.nodeName}`;
      this.#show({ kind: "note", attempt, text });
    }
  }

  /** Nothing is stored of it, as where its request was cancelled: its node tells until it has ended. */
  async #tellGone(key: string, watched: Watched): Promise<void> {
    if (watched.state === "running") await this.#read(watched);
    if (watched.state === "running") return;
    this.#watched.delete(key);
    this.#ended.add(key);
    if (!watched.hasShown) return;
    const { attempt, state } = watched;
    const rest = state === "ended" ? "" : "; what else it printed is not known";
    this.#show({ kind: "note", attempt, text: `it has ended, and nothing of it is stored${rest}` });
  }
}

/** The same for an attempt while it runs and when it has ended. */
export function keyOf({ invocation, phase, part, node, grantedAt }: AttemptView): string {
  return [invocation, phase, part, node, grantedAt].join(" ");
}
