/** One attempt from grant to outcome: brings its input here, runs the handlers, secures what they made. */

import { rowOf } from "../scheduler/apply-kit.ts";
import { clampOutcome } from "../scheduler/clamp.ts";
import type { Dataset } from "../scheduler/dataset.ts";
import { keys } from "../scheduler/keys.ts";
import {
  LOST_RUNS_MAX,
  type LostRun,
  type Outcome,
  type Work,
  type WorkEnd,
  type WorkError,
} from "../scheduler/work.ts";
import { assert } from "../std/assert.ts";
import type { Clock } from "../std/clock.ts";
import { errorText, isJobxError } from "../std/errors.ts";
import { offers } from "../workflow/required-capability.ts";
import type { LocalAttempt, PerformEnd } from "./executor-session.ts";
import { type InputOf, inputPages, inputsWithMakers, type ReadRows } from "./reduce-inputs.ts";
import type { RunCopies } from "./run-copies.ts";
import type { RunnerPort, SecretsPort, VolumesPort } from "./work-ports.ts";

/** Sources of handlers kept in memory, the least recently used one goes first. */
const SOURCES_MAX = 256;

/** Parts of one result whose runs are copied to other nodes at once. */
const SECURED_AT_ONCE = 32;

/** Why an input cannot be read for now: the cluster's trouble, which must not use up a unit's retries. */
const PASSING: ReadonlySet<string> = new Set([
  "NO_MAJORITY",
  "COMMAND_OUTCOME_UNKNOWN",
  "COMMAND_QUEUE_FULL",
  "REPLICA_STOPPED",
  "NODE_STOPPING",
  "RUN_UNREACHABLE",
  "RUN_NOT_SECURED",
  "FS_KEY_MISSING",
]);

/** The next page of a reduce's inputs, or the first one again; undefined after the last. */
type NextInputs = Parameters<RunnerPort["run"]>[1]["inputs"];

const NO_INPUTS: NextInputs = () => Promise.resolve(undefined);

type RanTimes = Omit<WorkEnd, "outcome">;

type SeenEnd = Pick<PerformEnd, "outcome" | "hasFiles">;

export interface PerformDeps {
  /** As of now: they come and go. */
  readonly capabilities: () => readonly string[];
  readonly runner: RunnerPort;
  readonly copies: Pick<RunCopies, "ensure" | "secure" | "lost">;
  readonly clock: Clock;
  /** Without it handlers have no volume. */
  readonly volumes?: VolumesPort | undefined;
  /** Without it handlers that name secrets fail. */
  readonly secrets?: SecretsPort | undefined;
  /** Reads rows from a workflow's scheduler. */
  readonly read: ReadRows;
}

export class Performer {
  readonly #deps: PerformDeps;
  readonly #sources = new Map<string, Promise<string>>();

  constructor(deps: PerformDeps) {
    this.#deps = deps;
  }

  /** Runs the attempt; whatever goes wrong is an outcome. */
  async perform(attempt: LocalAttempt): Promise<PerformEnd> {
    const { clock } = this.#deps;
    let ran: RanTimes = { ranMs: 0, storedMs: 0, run: undefined };
    let untilMs = clock.nowMs();
    const { outcome, hasFiles } = await this.#endOf(attempt, (times) => {
      ran = times;
      untilMs = clock.nowMs();
    });
    const { ranMs, storedMs, run } = ran;
    return {
      outcome,
      hasFiles,
      ranMs,
      securedMs: storedMs + clock.nowMs() - untilMs,
      run: run && { tookMs: run.tookMs, throughMs: untilMs - run.agoMs },
    };
  }

  async #endOf(attempt: LocalAttempt, ran: (times: RanTimes) => void): Promise<SeenEnd> {
    const { signal } = attempt.controller;
    try {
      const work = await this.#withInputsHere(attempt);
      const inputs = await this.#inputsHere(attempt);
      const { volume, ...end } = await this.#run(work, { attempt, inputs });
      ran(end);
      // A copy that was here went between the look for it and its use.
      if (end.outcome.kind === "failed" && end.outcome.error.code === "RUN_LOST") {
        return without(await this.#lacking(attempt, end.outcome.error));
      }
      const outcome = await this.#secure(clampOutcome(end.outcome), signal);
      const isDone =
        outcome.kind !== "failed" && outcome.kind !== "released" && outcome.kind !== "lacking";
      if (volume === undefined || !isDone) return without(outcome);
      return { outcome, hasFiles: await volume.prepare() };
    } catch (error) {
      if (!signal.aborted && isJobxError(error) && error.code === "RUN_LOST") {
        return without(await this.#lackingAfter(attempt, executorError(error)));
      }
      return without(outcomeOfError(error, signal));
    }
  }

  /** The same where looking for what is lost may go wrong by itself. */
  async #lackingAfter(attempt: LocalAttempt, error: WorkError): Promise<Outcome> {
    try {
      return await this.#lacking(attempt, error);
    } catch (broken) {
      return clampOutcome({ kind: "released", reason: errorText(broken) });
    }
  }

  /** R26: all that is lost of its input is told at once, so that it is made again side by side. */
  async #lacking(attempt: LocalAttempt, error: WorkError): Promise<Outcome> {
    const { grant, group, controller } = attempt;
    const { copies, read } = this.#deps;
    const lost: LostRun[] = [];
    const look = async ({ data, child, unit }: InputOf): Promise<void> => {
      const runs = data.flatMap((piece) => (piece.kind === "run" ? [piece] : []));
      const some = await copies.lost(runs, controller.signal);
      lost.push(...some.map(({ cid }) => ({ cid, child, unit })));
    };
    const { work } = grant;
    const own = ownInput(work);
    await look({ data: own, child: undefined, unit: 0 });
    for await (const input of inputsWithMakers(read, group, grant.inputs)) {
      if (lost.length >= LOST_RUNS_MAX) break;
      await look(input);
    }
    if (lost.length === 0) return { kind: "released", reason: error.message };
    return clampOutcome({ kind: "lacking", lost: lost.slice(0, LOST_RUNS_MAX), error });
  }

  /** Its handlers reach the volume for as long as they run: what comes later is nobody's. */
  async #run(
    work: Work,
    { attempt, inputs }: { readonly attempt: LocalAttempt; readonly inputs: NextInputs },
  ): Promise<WorkEnd & { readonly volume: { prepare(): Promise<boolean> } | undefined }> {
    const { volumes, runner } = this.#deps;
    const { group, grant, controller } = attempt;
    const secrets = await this.#secretsOf(work, group);
    const unseals = work.kind === "map" && work.mapper.runtime?.unseals === true;
    const unsealKey = unseals ? await this.#deps.secrets?.unsealKey(group) : undefined;
    const context = { ...this.#context(attempt, inputs), secrets, unsealKey };
    const { token, request } = grant;
    const access = await volumes?.open({ group, token, request });
    if (volumes === undefined || access === undefined) {
      return { ...(await runner.run(work, context)), volume: undefined };
    }
    try {
      const end = await runner.run(work, { ...context, volume: access });
      return { ...end, volume: { prepare: () => volumes.prepare(access, controller.signal) } };
    } finally {
      volumes.close(access);
    }
  }

  /** What all handlers of the work name. */
  async #secretsOf(
    work: Work,
    group: number,
  ): Promise<Readonly<Record<string, string>> | undefined> {
    if (work.kind === "list") return undefined;
    const handlers =
      work.kind === "map" ? [work.mapper, work.combiner, work.reducer] : [work.reducer];
    const names = new Set(handlers.flatMap((one) => one?.runtime?.secrets ?? []));
    if (names.size === 0) return undefined;
    return this.#deps.secrets?.open(group, [...names]);
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

  #context(attempt: LocalAttempt, inputs: NextInputs): Parameters<RunnerPort["run"]>[1] {
    const { grant, group, weight, isSpare, controller } = attempt;
    return {
      group,
      weight,
      isSpare,
      token: grant.token,
      request: grant.request,
      invocation: grant.invocation,
      step: grant.step,
      signal: controller.signal,
      source: (version) => this.source(group, version),
      inputs,
    };
  }

  /**
   * Brings all that a reduce merges here, before the unit has a slot: a holder that is away must not
   * keep others from running. One page stays in memory; more are read again when they are merged.
   */
  async #inputsHere(attempt: LocalAttempt): Promise<NextInputs> {
    const { grant, group, controller } = attempt;
    if (grant.inputs.kind === "none") return NO_INPUTS;
    const { signal } = controller;
    const { copies, read } = this.#deps;
    const pages = inputPages(read, group, grant.inputs);
    const first = await pages.next();
    if (first.done === true) return NO_INPUTS;
    await copies.ensure(first.value, signal);
    let isOnly = true;
    for await (const page of pages) {
      isOnly = false;
      await copies.ensure(page, signal);
    }
    if (isOnly) {
      let given = false;
      return (again) => {
        const dataset = given && !again ? undefined : first.value;
        given = true;
        return Promise.resolve(dataset);
      };
    }
    let merged = inputPages(read, group, grant.inputs);
    return async (again) => {
      if (again) merged = inputPages(read, group, grant.inputs);
      const next = await merged.next();
      return next.done === true ? undefined : copies.ensure(next.value, signal);
    };
  }

  async #withInputsHere(attempt: LocalAttempt): Promise<Work> {
    const { work } = attempt.grant;
    const { signal } = attempt.controller;
    const { copies } = this.#deps;
    await copies.ensure(ownInput(work), signal);
    if (work.kind !== "map") return work;
    // Without what the reducer requires, the leaf is reduced elsewhere.
    const able = offers(this.#deps.capabilities(), work.reducerCapability);
    return able ? work : { ...work, reducer: undefined };
  }

  async #readSource(group: number, version: string): Promise<string> {
    const { values } = await this.#deps.read(group, { keys: [keys.source(version)] });
    const row = rowOf({ peek: () => values[0] }, "source", keys.source(version));
    assert(row !== undefined, "a handler's source is stored before the handler is defined");
    return row.source;
  }

  /** A few parts at a time: a result may have a thousand, each with a run that is to be copied. */
  async #secureAll(parts: readonly Dataset[], signal: AbortSignal): Promise<readonly Dataset[]> {
    const secured: Dataset[] = [];
    for (let from = 0; from < parts.length; from += SECURED_AT_ONCE) {
      const some = parts.slice(from, from + SECURED_AT_ONCE);
      secured.push(
        ...(await Promise.all(some.map((one) => this.#deps.copies.secure(one, signal)))),
      );
    }
    return secured;
  }

  async #secure(outcome: Outcome, signal: AbortSignal): Promise<Outcome> {
    const { copies } = this.#deps;
    switch (outcome.kind) {
      case "mapped": {
        const children = await copies.secure(outcome.children, signal);
        return { ...outcome, children, session: await copies.secure(outcome.session, signal) };
      }
      case "combined": {
        const pairs = await copies.secure(outcome.pairs, signal);
        return { ...outcome, pairs, session: await copies.secure(outcome.session, signal) };
      }
      case "reduced": {
        const parts = await this.#secureAll(outcome.parts, signal);
        return { ...outcome, parts, session: await copies.secure(outcome.session, signal) };
      }
      case "listed":
        return { ...outcome, children: await copies.secure(outcome.children, signal) };
      case "failed":
      case "released":
      case "lacking":
        return outcome;
    }
  }
}

function without(outcome: Outcome): { readonly outcome: Outcome; readonly hasFiles: false } {
  return { outcome, hasFiles: false };
}

/** What the grant itself names. */
function ownInput(work: Work): Dataset {
  switch (work.kind) {
    case "map":
      return work.input.map(({ piece }) => piece);
    case "list":
      return work.sources;
    case "reduce":
      return work.session;
  }
}

function outcomeOfError(error: unknown, signal: AbortSignal): Outcome {
  if (signal.aborted) return { kind: "released", reason: "cancelled" };
  if (isJobxError(error) && PASSING.has(error.code)) {
    return clampOutcome({ kind: "released", reason: errorText(error) });
  }
  return clampOutcome({ kind: "failed", error: executorError(error) });
}

function executorError(error: unknown): WorkError {
  const code = isJobxError(error) ? error.code : "EXECUTOR_FAILED";
  return { code, message: errorText(error), traceback: "", stdout: "", stderr: "" };
}
