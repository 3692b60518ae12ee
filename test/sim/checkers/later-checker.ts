/**
 * R10: what the next version brings is in no log, on no wire and in no state before the version is raised,
 * and no program that cannot read it is handed it. After the raise only one can be that was installed
 * again too late: it must end, or stop its replica, and is not to pass over anything.
 */
import type { PeerMessage } from "../../../src/actors/ports.ts";
import type { NodeStore } from "../../../src/node/node-store.ts";
import { errorText } from "../../../src/std/errors.ts";
import type { SimProcess } from "../host.ts";
import { isLaterMessage, isLaterPayload, LATER_VERSION, MARKS_KEY, marksIn } from "../later.ts";
import { promise, type World } from "../world.ts";

export class LaterChecker {
  readonly #world: World;
  readonly #version: () => number;
  /** Marks that were applied, by group. */
  readonly #applied = new Map<number, number>();
  readonly #acknowledged = new Map<number, number>();

  /** `version`: the highest that a replica has applied. */
  constructor(world: World, version: () => number) {
    this.#world = world;
    this.#version = version;
  }

  /** Looks over the shoulder of a store that was just opened. */
  watch(process: SimProcess, store: NodeStore): void {
    const workflow = store.workflow.bind(store);
    store.workflow = async (group) => {
      const state = await workflow(group);
      const write = state.write.bind(state);
      state.write = (batch) => {
        const row = batch.rows.get(MARKS_KEY);
        if (row?.kind === "source") this.#marked(process, group, marksIn(row.source));
        return write(batch);
      };
      return state;
    };
  }

  /** A process hears something that it can read. */
  heard(process: SimProcess, from: string, message: PeerMessage): void {
    if (isLaterMessage(message)) {
      this.#world.totals.laterMessages += 1;
      const text = `${process.id} hears what version ${LATER_VERSION} brings from ${from}`;
      this.#guard(this.#isRaised, () => text);
    }
    if (message.kind !== "raft" || canRead(process)) return;
    for (const { group, message: said } of message.items) {
      if (group === 0 || said.kind !== "append") continue;
      const later = said.entries.find(
        (entry) => entry.kind === "normal" && isLaterPayload(entry.data),
      );
      if (later === undefined) continue;
      this.#world.totals.laterUnread += 1;
      this.#guard(
        this.#isRaised,
        () => `${process.id} cannot read entry ${later.index} of group ${group}, and is handed it`,
      );
    }
  }

  /** A process was sent what it cannot read. */
  unreadable(process: SimProcess, from: string, error: Error): void {
    this.#world.totals.laterUnread += 1;
    this.#world.trace.note(`${process.id} cannot read what ${from} says: ${errorText(error)}`);
    this.#guard(
      this.#isRaised && !canRead(process),
      () => `${process.id} cannot read what ${from} says: ${errorText(error)}`,
    );
  }

  /** A mark was acknowledged to whoever wanted it. */
  acknowledged(group: number): void {
    this.#acknowledged.set(group, (this.#acknowledged.get(group) ?? 0) + 1);
  }

  /** At the end. @throws {Violation} when a mark that was acknowledged was not applied. */
  check(): void {
    for (const [group, count] of this.#acknowledged) {
      const applied = this.#applied.get(group) ?? 0;
      promise(
        applied >= count,
        () => `${count} marks of group ${group} were acknowledged, and ${applied} applied`,
      );
    }
  }

  #marked(process: SimProcess, group: number, count: number): void {
    this.#guard(
      this.#isRaised && canRead(process),
      () => `${process.id} applies what version ${LATER_VERSION} brings`,
    );
    const before = this.#applied.get(group) ?? 0;
    if (count <= before) return;
    this.#world.totals.laterApplied += count - before;
    this.#applied.set(group, count);
  }

  get #isRaised(): boolean {
    return this.#version() >= LATER_VERSION;
  }

  /** Code of a node would take the violation for its own error. */
  #guard(holds: boolean, text: () => string): void {
    try {
      promise(holds, () => `${text()}, in version ${this.#version()}`);
    } catch (error) {
      this.#world.violate(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

function canRead({ versions }: SimProcess): boolean {
  return versions.max >= LATER_VERSION;
}
