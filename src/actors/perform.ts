/**
 * One attempt from grant to outcome: brings its input here, runs the handlers, and secures what they
 * made on a second node before anybody refers to it (R25).
 */

import { rowOf } from "../scheduler/apply-kit.ts";
import { clampOutcome } from "../scheduler/clamp.ts";
import type { Dataset, NodeId, Piece, RunPiece } from "../scheduler/dataset.ts";
import { keys } from "../scheduler/keys.ts";
import type { Outcome, Work } from "../scheduler/work.ts";
import { assert } from "../std/assert.ts";
import type { Clock, Timers } from "../std/clock.ts";
import { errorText, isJobxError } from "../std/errors.ts";
import type { Caller } from "./caller.ts";
import type { LocalAttempt, PerformEnd } from "./executor-session.ts";
import type { RunnerPort, RunsPort } from "./ports.ts";
import { inputPages, type ReadRows } from "./reduce-inputs.ts";

/** Copying a run to another node may take so long before the next node is tried. */
const COPY_MS_MAX = 60_000;

/**
 * How often a run is asked for that no node could give, and how long between: those that hold it may
 * be cut off or start anew, which is no failure of the unit.
 */
const ENSURE_TRIES_MAX = 30;
const ENSURE_PAUSE_MS = 1_000;

/** Sources of handlers kept in memory, the least recently used one goes first. */
const SOURCES_MAX = 256;

/** Why an input cannot be read for now: the cluster's trouble, which must not use up a unit's retries. */
const PASSING: ReadonlySet<string> = new Set([
  "NO_MAJORITY",
  "COMMAND_OUTCOME_UNKNOWN",
  "COMMAND_QUEUE_FULL",
  "REPLICA_STOPPED",
  "NODE_STOPPING",
]);

export interface PerformDeps {
  readonly self: NodeId;
  readonly capabilities: readonly string[];
  readonly runner: RunnerPort;
  readonly runs: RunsPort;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly caller: Caller;
  /** Members that are up, without this node, in an order that spreads load. */
  readonly others: () => readonly NodeId[];
  /** Reads rows from a workflow's scheduler. */
  readonly read: ReadRows;
}

export class Performer {
  readonly #deps: PerformDeps;
  readonly #sources = new Map<string, Promise<string>>();
  #turn = 0;

  constructor(deps: PerformDeps) {
    this.#deps = deps;
  }

  /** Runs the attempt; whatever goes wrong is an outcome. */
  async perform(attempt: LocalAttempt): Promise<PerformEnd> {
    const { clock } = this.#deps;
    let ran = { ranMs: 0, storedMs: 0, untilMs: clock.nowMs() };
    const outcome = await this.#outcomeOf(attempt, (times) => {
      ran = { ...times, untilMs: clock.nowMs() };
    });
    const { ranMs, storedMs, untilMs } = ran;
    return { outcome, ranMs, securedMs: storedMs + clock.nowMs() - untilMs };
  }

  async #outcomeOf(
    attempt: LocalAttempt,
    ran: (times: { readonly ranMs: number; readonly storedMs: number }) => void,
  ): Promise<Outcome> {
    const { signal } = attempt.controller;
    try {
      const work = await this.#withInputsHere(attempt);
      const end = await this.#deps.runner.run(work, this.#context(attempt));
      ran(end);
      return await this.#secure(clampOutcome(end.outcome), signal);
    } catch (error) {
      if (signal.aborted) return { kind: "released", reason: "cancelled" };
      if (isJobxError(error) && PASSING.has(error.code)) {
        return clampOutcome({ kind: "released", reason: errorText(error) });
      }
      return clampOutcome({ kind: "failed", error: executorError(error) });
    }
  }

  /** The source of a handler version. */
  source(group: number, version: string): Promise<string> {
    const known = this.#sources.get(version);
    if (known !== undefined) return known;
    const asked = this.#readSource(group, version);
    this.#sources.set(version, asked);
    asked.catch(() => this.#sources.delete(version));
    const oldest = this.#sources.keys().next();
    if (this.#sources.size > SOURCES_MAX && oldest.done !== true) {
      this.#sources.delete(oldest.value);
    }
    return asked;
  }

  /** Brings every run of the dataset to this node. */
  async ensure(dataset: Dataset, signal: AbortSignal): Promise<Dataset> {
    for (const piece of dataset) if (piece.kind === "run") await this.#ensureRun(piece, signal);
    return dataset;
  }

  /** Has new runs copied to another node; the copies are noted in the result. */
  async secureDataset(dataset: Dataset, signal: AbortSignal): Promise<Dataset> {
    return Promise.all(dataset.map((piece) => this.#securePiece(piece, signal)));
  }

  /** Its holders may be restarting: they get a while before that counts as the unit's failure. */
  async #ensureRun(run: RunPiece, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      const holders = run.holders.filter((node) => node !== this.#deps.self);
      const others = this.#deps.others().filter((node) => !holders.includes(node));
      try {
        await this.#deps.runs.ensure(run, [...holders, ...others], signal);
        return;
      } catch (error) {
        const away = isJobxError(error) && /^(FS_BLOCK_MISSING$|MESH_)/.test(error.code);
        if (!away || signal.aborted || tries >= ENSURE_TRIES_MAX) throw error;
      }
      await new Promise<void>((resolve) => {
        this.#deps.timers.after(ENSURE_PAUSE_MS, resolve);
      });
    }
  }

  #context(attempt: LocalAttempt): Parameters<RunnerPort["run"]>[1] {
    const { grant, group, controller } = attempt;
    const { signal } = controller;
    const pages = inputPages(this.#deps.read, group, grant.inputs);
    return {
      request: grant.request,
      invocation: grant.invocation,
      step: grant.step,
      signal,
      source: (version) => this.source(group, version),
      inputs: async () => {
        const next = await pages.next();
        return next.done === true ? undefined : this.ensure(next.value, signal);
      },
    };
  }

  async #withInputsHere(attempt: LocalAttempt): Promise<Work> {
    const { work } = attempt.grant;
    const { signal } = attempt.controller;
    if (work.kind === "reduce") {
      await this.ensure(work.session, signal);
      return work;
    }
    await this.ensure(
      work.input.map((slice) => slice.piece),
      signal,
    );
    // Without what the reducer requires, the leaf is reduced elsewhere.
    const required = work.reducerCapability;
    const able = required === "none" || this.#deps.capabilities.includes(required);
    return able ? work : { ...work, reducer: undefined };
  }

  async #readSource(group: number, version: string): Promise<string> {
    const { values } = await this.#deps.read(group, { keys: [keys.source(version)] });
    const row = rowOf({ peek: () => values[0] }, "source", keys.source(version));
    assert(row !== undefined, "a handler's source is stored before the handler is defined");
    return row.source;
  }

  async #secure(outcome: Outcome, signal: AbortSignal): Promise<Outcome> {
    switch (outcome.kind) {
      case "mapped": {
        const children = await this.secureDataset(outcome.children, signal);
        return { ...outcome, children, session: await this.secureDataset(outcome.session, signal) };
      }
      case "combined": {
        const pairs = await this.secureDataset(outcome.pairs, signal);
        return { ...outcome, pairs, session: await this.secureDataset(outcome.session, signal) };
      }
      case "reduced": {
        const parts = await Promise.all(
          outcome.parts.map((part) => this.secureDataset(part, signal)),
        );
        return { ...outcome, parts, session: await this.secureDataset(outcome.session, signal) };
      }
      case "failed":
      case "released":
        return outcome;
    }
  }

  async #securePiece(piece: Piece, signal: AbortSignal): Promise<Piece> {
    if (piece.kind === "inline" || piece.holders.length > 1) return piece;
    const others = this.#deps.others();
    this.#turn += 1;
    for (let tries = 0; tries < others.length; tries++) {
      signal.throwIfAborted();
      const to = others[(this.#turn + tries) % others.length];
      if (to === undefined) break;
      const answer = await this.#deps.caller.ask(to, { kind: "copy-run", run: piece }, COPY_MS_MAX);
      if (answer?.kind === "done") return { ...piece, holders: [...piece.holders, to] };
    }
    // Nobody else is up, or nobody could: that there is one copy only stands in the record.
    return piece;
  }
}

function executorError(error: unknown): Extract<Outcome, { kind: "failed" }>["error"] {
  const code = isJobxError(error) ? error.code : "EXECUTOR_FAILED";
  return { code, message: errorText(error), traceback: "", stdout: "", stderr: "" };
}
