/**
 * R16: whom an executor obeys. No attempt begins, is given up or is settled by words of a scheduler of a
 * lower term than the executor has heard of that group; and none runs on for longer than a lease, and the
 * beat at which that is looked after, since the executor last heard a scheduler, by its own clock.
 */
import type { PeerMessage } from "../../../src/actors/ports.ts";
import { singleGrants } from "../../../src/scheduler/grants.ts";
import type { SchedulerMessage } from "../../../src/scheduler/protocol.ts";
import type { Token } from "../../../src/scheduler/unit.ts";
import type { SimProcess } from "../host.ts";
import type { Running } from "../host-watch.ts";
import { Violation, type World } from "../world.ts";

/** Clocks round, and who was paused hears and looks in the same moment. */
const ROUNDING_MS = 1;

type Word = Exclude<SchedulerMessage, { kind: "not-scheduler" }>;

/** What an executor knows of a group's scheduler. */
interface Known {
  term: number;
  /** By the executor's clock. */
  heardMs: number;
  /** Of attempts that were granted to it, by their tokens. */
  readonly requests: Map<string, string>;
}

/** What was so before an executor heard a word of a lower term. */
interface Before {
  readonly held: readonly string[];
  readonly unstopped: readonly Running[];
}

export class ObedienceChecker {
  readonly #world: World;
  readonly #known = new WeakMap<SimProcess, Map<number, Known>>();
  readonly #running = new WeakMap<SimProcess, Set<Running>>();
  #before: Before | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** An attempt runs, or waits for a slot. @returns what is to be called at its end. */
  runs(process: SimProcess, attempt: Running): () => void {
    const running = this.#runningOf(process);
    running.add(attempt);
    return () => void running.delete(attempt);
  }

  /** A process sends a message. */
  said(process: SimProcess, message: PeerMessage): void {
    if (message.kind !== "executor" || message.message.kind !== "beat") return;
    const { group } = message.message;
    const groups = this.#of(process);
    // Only to whom it beats it listens.
    if (!groups.has(group)) {
      groups.set(group, { term: 0, heardMs: process.host.clock.nowMs(), requests: new Map() });
    }
    this.#checkLeases(process, groups);
  }

  /** A message has come to a process, which has not read it yet. */
  heard(process: SimProcess, message: PeerMessage): void {
    this.#before = undefined;
    const word = wordOf(message);
    const known = word && this.#of(process).get(word.group);
    if (word === undefined || known === undefined) return;
    if (word.term < known.term) {
      this.#world.totals.staleWords += 1;
      this.#before = {
        held: this.#held(process, word, known),
        unstopped: this.#unstopped(process),
      };
      return;
    }
    known.term = word.term;
    known.heardMs = process.host.clock.nowMs();
    if (word.kind !== "grants") return;
    for (const grant of word.grants.flatMap(singleGrants)) {
      known.requests.set(textOf(grant.token), grant.request);
    }
  }

  /** The process has done what the message made it do at once. */
  followed(process: SimProcess, message: PeerMessage): void {
    const before = this.#before;
    this.#before = undefined;
    const word = wordOf(message);
    const known = word && this.#of(process).get(word.group);
    if (before === undefined || word === undefined || known === undefined) return;
    const about = `${process.id} has heard term ${known.term} of group ${word.group}, and by words of term ${word.term} it`;
    const held = this.#held(process, word, known);
    const begun = held.find((text) => !before.held.includes(text));
    if (begun !== undefined) this.#violate(`${about} begins attempt ${begun}`);
    const settled = before.held.find((text) => !held.includes(text));
    if (settled !== undefined) this.#violate(`${about} takes attempt ${settled} for over`);
    const stopped = before.unstopped.find(({ signal }) => signal.aborted);
    if (stopped !== undefined) this.#violate(`${about} gives up attempt ${textOf(stopped.token)}`);
  }

  /** Attempts that a word is about, and that are here and have not ended. */
  #held(process: SimProcess, word: Word, known: Known): readonly string[] {
    const executor = process.node?.executor;
    return aboutOf(word, known).flatMap(({ token, request }) =>
      executor?.isHeld({ group: word.group, token, request }) === true ? [textOf(token)] : [],
    );
  }

  #unstopped(process: SimProcess): readonly Running[] {
    return [...this.#runningOf(process)].filter(({ signal }) => !signal.aborted);
  }

  #checkLeases(process: SimProcess, groups: ReadonlyMap<number, Known>): void {
    const { leaseMs, beatMs } = process.host.options.options.executor;
    const nowMs = process.host.clock.nowMs();
    // Who stood still looks after its leases when it goes on.
    if (process.wasPausedSince(nowMs - beatMs - ROUNDING_MS)) return;
    for (const { group, token } of this.#unstopped(process)) {
      const silentMs = nowMs - (groups.get(group)?.heardMs ?? nowMs);
      if (silentMs <= leaseMs + beatMs + ROUNDING_MS) continue;
      this.#violate(
        `${process.id} runs attempt ${textOf(token)} of group ${group}, and has heard no scheduler for ${silentMs.toFixed(0)} ms`,
      );
    }
  }

  #runningOf(process: SimProcess): Set<Running> {
    const running = this.#running.get(process) ?? new Set<Running>();
    this.#running.set(process, running);
    return running;
  }

  #of(process: SimProcess): Map<number, Known> {
    const groups = this.#known.get(process) ?? new Map<number, Known>();
    this.#known.set(process, groups);
    return groups;
  }

  /** Code of a node would take what is thrown for its own error. */
  #violate(text: string): void {
    this.#world.violate(new Violation(`R16: ${text}`));
  }
}

function wordOf(message: PeerMessage): Word | undefined {
  if (message.kind !== "scheduler" || message.message.kind === "not-scheduler") return undefined;
  return message.message;
}

function aboutOf(
  word: Word,
  { requests }: Known,
): readonly { readonly token: Token; readonly request: string }[] {
  switch (word.kind) {
    case "demand":
      return [];
    case "grants":
      return word.grants.flatMap(singleGrants);
    case "settled":
    case "cancel":
      return word.tokens.flatMap((token) => {
        const request = requests.get(textOf(token));
        return request === undefined ? [] : [{ token, request }];
      });
  }
}

function textOf({ index, ordinal }: Token): string {
  return `${index}.${ordinal}`;
}
