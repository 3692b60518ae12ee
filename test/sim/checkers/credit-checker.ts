/**
 * R20: slots are lent to one scheduler at a time. What schedulers may believe, by the beats that they may
 * have heard, never comes to more slots than the node has, and the spare one.
 */
import type { PeerMessage } from "../../../src/actors/ports.ts";
import type { SimProcess } from "../host.ts";
import { Violation, type World } from "../world.ts";
import { isSilent } from "./silence.ts";

/** Decision 0018. */
const SPARE_SLOTS = 1;

interface Lent {
  /** Beats that the scheduler may have heard, from the newest that it has answered on. */
  beats: { readonly sequence: number; readonly slots: number }[];
  /** R16: words of a lower term are not listened to. */
  term: number;
  /** When a scheduler of the group was last heard of. */
  heardMs: number;
}

export class CreditChecker {
  readonly #world: World;
  readonly #lent = new WeakMap<SimProcess, Map<number, Lent>>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A process sends a message. */
  said(process: SimProcess, message: PeerMessage): void {
    if (message.kind !== "executor" || message.message.kind !== "beat") return;
    const { group, sequence, slots } = message.message;
    const groups = this.#of(process);
    const lent = groups.get(group) ?? { beats: [], term: 0, heardMs: process.host.clock.nowMs() };
    groups.set(group, lent);
    // A workflow that was gone and came back is counted anew.
    if (sequence <= (lent.beats.at(-1)?.sequence ?? 0)) lent.beats = [];
    lent.beats.push({ sequence, slots });
    this.#forget(process, groups);
    this.#check(process, groups);
  }

  /** A message has come to a process. */
  heard(process: SimProcess, message: PeerMessage): void {
    if (message.kind !== "scheduler" || message.message.kind === "not-scheduler") return;
    const { message: said } = message;
    const lent = this.#of(process).get(said.group);
    if (lent === undefined || said.term < lent.term) return;
    lent.term = said.term;
    // What was lent to it before may be another one's by now.
    if (isSilent(process, lent.heardMs)) lent.beats = [];
    lent.heardMs = process.host.clock.nowMs();
    if (said.kind !== "demand" && said.kind !== "settled") return;
    if (!lent.beats.some(({ sequence }) => sequence === said.heard)) return;
    lent.beats = lent.beats.filter(({ sequence }) => sequence >= said.heard);
  }

  #of(process: SimProcess): Map<number, Lent> {
    const groups = this.#lent.get(process) ?? new Map<number, Lent>();
    this.#lent.set(process, groups);
    return groups;
  }

  /** A workflow that is gone has no scheduler. */
  #forget(process: SimProcess, groups: Map<number, Lent>): void {
    const there = new Set(process.node?.directory.workflows().map(({ group }) => group));
    for (const group of [...groups.keys()]) if (!there.has(group)) groups.delete(group);
  }

  #check(process: SimProcess, groups: ReadonlyMap<number, Lent>): void {
    const { slots } = process.host.options.options.executor;
    const believed = [...groups].map(([group, { beats, heardMs }]) => ({
      group,
      slots: isSilent(process, heardMs) ? 0 : Math.max(0, ...beats.map((beat) => beat.slots)),
    }));
    const lent = believed.filter((one) => one.slots > 0);
    const sum = lent.reduce((total, one) => total + one.slots, 0);
    if (sum > slots + SPARE_SLOTS) {
      const text = `${sum} of ${slots} slots and a spare one: ${JSON.stringify(lent)}`;
      // Code of a node would take what is thrown for its own error.
      this.#world.violate(new Violation(`R20: ${process.host.id} has lent ${text}`));
    }
    if (lent.length > 1) this.#world.totals.slotsShared += 1;
  }
}
