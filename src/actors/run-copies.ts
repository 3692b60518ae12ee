/**
 * Where runs are: brings those of other nodes here, and has new ones copied to a second node before
 * anybody refers to them (R25).
 */

import type { Dataset, NodeId, Piece, RunPiece } from "../scheduler/dataset.ts";
import { LOST_RUNS_MAX } from "../scheduler/work.ts";
import type { Timers } from "../std/clock.ts";
import { errorText, isJobxError } from "../std/errors.ts";
import { handOnBlocks, UNABLE_CODES } from "./block-hand-on.ts";
import type { Caller } from "./caller.ts";
import type { Directory } from "./directory.ts";
import { ActorError } from "./errors.ts";
import type { CallAnswer, MeshPort } from "./ports.ts";
import { nameOfMember } from "./whom-to-ask.ts";
import type { CondemnedPort, RunsPort } from "./work-ports.ts";

/** Copying a run to another node may take so long before the next node is tried. */
const COPY_MS_MAX = 60_000;

/**
 * How often a run is asked for that no node could give, and how long between: those that hold it may
 * be cut off or start anew, which is no failure of the unit.
 */
const ENSURE_TRIES_MAX = 30;
const ENSURE_PAUSE_MS = 1_000;

/** After so many it is asked whether it is lost for certain. */
const LOST_TRIES = 10;

/**
 * How often all other nodes are asked to take a copy, and how long between: links to nodes that are
 * up break and come back, and a run that was left with one copy is lost with its node.
 */
const SECURE_TRIES_MAX = 60;
const SECURE_PAUSE_MS = 500;

export interface RunCopiesDeps {
  readonly mesh: Pick<MeshPort, "self" | "isUp">;
  readonly runs: Omit<RunsPort, "coded" | Exclude<keyof CondemnedPort, "listBlocks">>;
  readonly timers: Timers;
  readonly caller: Pick<Caller, "ask">;
  /** Members that are up, without this node, in an order that spreads load. */
  readonly others: () => readonly NodeId[];
  /** As `wantedCopies`. */
  readonly wanted: (cids: readonly string[]) => Promise<readonly number[]>;
  readonly directory: Pick<Directory, "member" | "members">;
}

export class RunCopies {
  readonly #deps: RunCopiesDeps;
  #turn = 0;
  /** Handing on of blocks that is under way, and that which follows it. */
  #handsOn: Promise<void> | undefined;
  #handsOnNext: Promise<void> | undefined;

  constructor(deps: RunCopiesDeps) {
    this.#deps = deps;
  }

  /**
   * Brings every run of the dataset to this node.
   * @throws {ActorError} `RUN_UNREACHABLE` when no node that is up could give one for half a minute;
   * `RUN_LOST`, after ten seconds, when besides each of its holders is no member any more, or is up and
   * lacks it, and so do all members where a holder was removed; what `RunsPort.ensure` throws that does not
   * pass.
   */
  async ensure(dataset: Dataset, signal: AbortSignal): Promise<Dataset> {
    for (const piece of dataset) if (piece.kind === "run") await this.#ensureRun(piece, signal);
    return dataset;
  }

  /**
   * Has new runs copied to another node; the copies are noted in the result. A run keeps its single
   * copy only when no other node is up that could take one.
   * @throws {ActorError} `RUN_NOT_SECURED` when nodes are up and none took a copy for half a minute.
   */
  async secure(dataset: Dataset, signal: AbortSignal): Promise<Dataset> {
    return Promise.all(dataset.map((piece) => this.#securePiece(piece, signal)));
  }

  /**
   * R26: which of these runs no node has a copy of any more, by asking each node once; the first few. One
   * that somebody has after all is brought here.
   */
  async lost(runs: readonly RunPiece[], signal: AbortSignal): Promise<readonly RunPiece[]> {
    const lost: RunPiece[] = [];
    for (const run of runs) {
      if (lost.length >= LOST_RUNS_MAX) break;
      try {
        await this.#deps.runs.ensure(run, this.#whom(run), signal);
      } catch (error) {
        if (!isAway(error) || signal.aborted) throw error;
        const { code } = (await this.#unreachable(run, { error, signal })).details;
        if (code === "RUN_LOST") lost.push(run);
      }
    }
    return lost;
  }

  /** Its holders, then all others that are up. */
  #whom({ holders }: RunPiece): readonly NodeId[] {
    const first = holders.filter((node) => node !== this.#deps.mesh.self);
    return [...first, ...this.#deps.others().filter((node) => !first.includes(node))];
  }

  /** Its holders may be restarting: they get a while before that counts as the unit's failure. */
  async #ensureRun(run: RunPiece, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#deps.runs.ensure(run, this.#whom(run), signal);
        return;
      } catch (error) {
        if (!isAway(error) || signal.aborted) throw error;
        const isLast = tries >= ENSURE_TRIES_MAX;
        // Where all who may have it are up and say that they have not, there is nothing to wait for.
        if (isLast || tries === LOST_TRIES) {
          const why = await this.#unreachable(run, { error, signal });
          if (isLast || why.code === "RUN_LOST") throw why;
        }
      }
      await orAborted(this.#pause(ENSURE_PAUSE_MS), signal);
    }
  }

  async #unreachable(
    run: RunPiece,
    { error, signal }: { readonly error: unknown; readonly signal: AbortSignal },
  ): Promise<ActorError> {
    const { directory } = this.#deps;
    const nameOf = (node: NodeId) => nameOfMember(directory.member(node));
    // A holder that was removed has handed its blocks on, to any of those that stayed.
    const handedOn = run.holders.some((node) => nameOf(node) === undefined);
    const heirs = handedOn ? directory.members().map(({ node }) => node) : [];
    const holders = [...new Set([...run.holders, ...heirs])];
    const lacks = await Promise.all(holders.map((node) => this.#lacks(node, run, signal)));
    const names = run.holders.map((node) => nameOf(node) ?? `${node} (no member any more)`);
    const code = lacks.every(Boolean) ? "RUN_LOST" : "RUN_UNREACHABLE";
    const text = `no node that is up has the run ${run.cid.slice(0, 12)}, which is stored on ${names.join(" and ")}`;
    return new ActorError({ code }, `${text}: ${errorText(error)}`);
  }

  /** Whether a holder will not give the run however long it is waited for: it is gone, or has lost it. */
  async #lacks(node: NodeId, run: RunPiece, signal: AbortSignal): Promise<boolean> {
    const { mesh, directory, runs } = this.#deps;
    if (nameOfMember(directory.member(node)) === undefined) return true;
    // Whatever this node had of it would have been found.
    if (node === mesh.self) return true;
    if (!mesh.isUp(node)) return false;
    try {
      await runs.ensure(run, [node], signal);
      return false;
    } catch (error) {
      if (!isJobxError(error)) return false;
      const { code, remoteCode } = detailsOf(error);
      return code === "FS_BLOCK_MISSING" || remoteCode === "FS_BLOCK_MISSING";
    }
  }

  async #securePiece(piece: Piece, signal: AbortSignal): Promise<Piece> {
    if (piece.kind === "inline" || piece.holders.length > 1) return piece;
    this.#turn += 1;
    const turn = this.#turn;
    const unable = new Set<NodeId>();
    let said = "";
    for (let tries = 1; tries <= SECURE_TRIES_MAX; tries++) {
      const others = this.#deps.others().filter((node) => !unable.has(node));
      // Nobody else is up who could: that there is one copy only stands in the record.
      if (others.length === 0) return piece;
      for (let at = 0; at < others.length; at++) {
        signal.throwIfAborted();
        const to = others[(turn + at) % others.length] ?? this.#deps.mesh.self;
        const call = { kind: "copy-run", run: piece } as const;
        const answer = await orAborted(this.#deps.caller.ask(to, call, COPY_MS_MAX), signal);
        if (answer?.kind === "done") return { ...piece, holders: [...piece.holders, to] };
        if (answer?.kind === "error" && UNABLE_CODES.has(answer.code)) unable.add(to);
        said = saidOf(answer);
      }
      await orAborted(this.#pause(SECURE_PAUSE_MS), signal);
    }
    const text = "no other node took a copy of what the unit made, though some are up";
    throw new ActorError({ code: "RUN_NOT_SECURED" }, `${text}: ${said}`);
  }

  /**
   * Before this node leaves for ever: has others fetch its blocks, until there are as many copies without it.
   * Whoever asks while that is under way waits for the next one, which finds what was stored meanwhile.
   * @throws {ActorError} `NODE_BLOCKS_STAY` when too few took a block.
   */
  handOn(): Promise<void> {
    if (this.#handsOn === undefined) return this.#beginHandOn();
    const begin = (): Promise<void> => {
      this.#handsOnNext = undefined;
      return this.#beginHandOn();
    };
    this.#handsOnNext ??= this.#handsOn.then(begin, begin);
    return this.#handsOnNext;
  }

  #beginHandOn(): Promise<void> {
    const { runs, caller, others, wanted } = this.#deps;
    const run = handOnBlocks({ runs, caller, heirs: others, wanted }).finally(() => {
      if (this.#handsOn === run) this.#handsOn = undefined;
    });
    this.#handsOn = run;
    return run;
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.timers.after(delayMs, resolve);
    });
  }
}

/** Whether somebody else may have it, or the same one later. */
function isAway(error: unknown): boolean {
  return isJobxError(error) && /^(FS_BLOCK_MISSING$|MESH_)/.test(error.code);
}

/** Nobody waits any more for what the signal ends: a node that says nothing holds nobody up. */
async function orAborted<Answer>(work: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  let stopListening = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => {
      const reason: unknown = signal.reason;
      reject(reason instanceof Error ? reason : new Error("nobody waits for it any more"));
    };
    signal.addEventListener("abort", onAbort, { once: true });
    stopListening = () => signal.removeEventListener("abort", onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    stopListening();
  }
}

function saidOf(answer: CallAnswer | undefined): string {
  if (answer === undefined) return "no answer in time";
  return answer.kind === "error" ? `${answer.code}: ${answer.message}` : "it cannot be reached";
}

/** Another node's code comes inside the error of the stream. */
function detailsOf({ details }: { readonly details: Readonly<Record<string, unknown>> }): {
  readonly code: unknown;
  readonly remoteCode: unknown;
} {
  return { code: details["code"], remoteCode: details["remoteCode"] };
}
