/**
 * R20: while other workflows are short on a node, what it lends to one is less than a whole slot above its
 * part by weight. As no slots are kept back, so nobody who is short is left with less for long.
 *
 * What schedulers have said is taken from the messages that the node has heard, not from its own view of
 * them. Only who has units for all slots of the node counts as short: whatever it has there already, its
 * part by weight is not enough for it.
 */
import type { PeerMessage } from "../../../src/actors/ports.ts";
import type { SchedulerMessage } from "../../../src/scheduler/protocol.ts";
import type { SimProcess } from "../host.ts";
import { Violation, type World } from "../world.ts";
import { isSilent } from "./silence.ts";

/** Others count from so many beats on after they said what they have: a node looks after them at each. */
const SETTLED_BEATS = 2;

/** Parts of slots are no whole numbers for the error of quotients only. */
const ROUNDING = 1e-9;

/** What the scheduler of a group has said last. */
interface Said {
  /** Of the newest beat to it. */
  sequence: number;
  term: number;
  weight: number;
  /** Since when it has that weight. */
  weightMs: number;
  /** Since when it has units for all slots; undefined while it has not. */
  shortMs: number | undefined;
  heardMs: number;
}

export class FairnessChecker {
  readonly #world: World;
  readonly #said = new WeakMap<SimProcess, Map<number, Said>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A message has come to a process. */
  heard(process: SimProcess, message: PeerMessage): void {
    if (message.kind !== "scheduler" || message.message.kind === "not-scheduler") return;
    const nowMs = process.host.clock.nowMs();
    const { message: word } = message;
    const said = this.#of(process).get(word.group);
    // Before it has asked a scheduler, a node does not listen to it.
    if (said === undefined || word.term < said.term) return;
    said.term = word.term;
    // What it said before it was silent for a lease the node has forgotten.
    if (isSilent(process, said.heardMs)) said.shortMs = undefined;
    said.heardMs = nowMs;
    if (word.kind === "demand" || word.kind === "settled") this.#demand(process, said, word);
  }

  #demand(
    process: SimProcess,
    said: Said,
    word: Extract<SchedulerMessage, { kind: "demand" | "settled" }>,
  ): void {
    if (said.weight !== word.weight) said.weightMs = said.heardMs;
    said.weight = word.weight;
    const isShort = word.ready >= process.host.options.options.executor.slots;
    said.shortMs = isShort ? (said.shortMs ?? said.heardMs) : undefined;
  }

  /** A process sends a message. */
  said(process: SimProcess, message: PeerMessage): void {
    if (message.kind !== "executor" || message.message.kind !== "beat") return;
    const { group, slots, sequence } = message.message;
    const nowMs = process.host.clock.nowMs();
    const groups = this.#of(process);
    const known = groups.get(group);
    // A workflow that was gone and came back is another one.
    const lent = known === undefined || sequence <= known.sequence ? unheard(nowMs) : known;
    groups.set(group, lent);
    lent.sequence = sequence;
    const { executor } = process.host.options.options;
    const settledMs = nowMs - SETTLED_BEATS * executor.beatMs;
    if (lent.weightMs > settledMs) return;
    // While it stood still it heard nothing, and what it was to hear then comes in any order with its beats.
    if (process.wasPausedSince(settledMs)) return;
    const there = new Set(process.node?.directory.workflows().map((one) => one.group));
    const others = [...groups].flatMap(([other, said]) =>
      other !== group && there.has(other) && this.#isShort(process, said, settledMs) ? [said] : [],
    );
    if (others.length === 0) return;
    const weights = others.reduce((sum, { weight }) => sum + weight, lent.weight);
    const part = (executor.slots * lent.weight) / weights;
    const most = Math.ceil(part - ROUNDING);
    if (slots > most) this.#lendsTooMuch({ process, group, slots, most });
    if (others.some(({ weight }) => weight !== lent.weight)) this.#world.totals.slotsWeighed += 1;
  }

  /** Code of a node would take what is thrown for its own error. */
  #lendsTooMuch(what: {
    readonly process: SimProcess;
    readonly group: number;
    readonly slots: number;
    readonly most: number;
  }): void {
    const { process, group, slots, most } = what;
    const weights = [...this.#of(process)].map(([other, { weight }]) => `${other}: ${weight}`);
    this.#world.violate(
      new Violation(
        `R20: ${process.id} lends ${slots} slots to group ${group}, whose part is at most ${most} while others are short; weights are ${weights.join()}`,
      ),
    );
  }

  #isShort(process: SimProcess, said: Said, settledMs: number): boolean {
    const { shortMs = Number.POSITIVE_INFINITY, weightMs } = said;
    const isThere = !isSilent(process, said.heardMs);
    return Math.max(shortMs, weightMs) <= settledMs && isThere;
  }

  #of(process: SimProcess): Map<number, Said> {
    const groups = this.#said.get(process) ?? new Map<number, Said>();
    this.#said.set(process, groups);
    return groups;
  }
}

function unheard(nowMs: number): Said {
  const never = Number.POSITIVE_INFINITY;
  return { sequence: 0, term: 0, weight: 0, weightMs: never, shortMs: undefined, heardMs: nowMs };
}
