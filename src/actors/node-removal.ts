/**
 * R9: removing a node is a saga that the system group's leader drives. The row says `removing`: from
 * then on the node gets no new work and leads nothing, and each group's leader replaces its replica.
 * When no group counts on it any more and nobody else lacks its blocks, the row becomes `removed`, and
 * only then is it refused. Every step is harmless to repeat, so a new leader simply goes on.
 */
import type { NodeId } from "../scheduler/dataset.ts";
import type { SystemCommand } from "../scheduler/system/commands.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Caller } from "./caller.ts";
import type { Directory } from "./directory.ts";
import type { GroupStatus } from "./ports.ts";

/** Between two looks at nodes that are to be removed. */
const LOOK_MS = 1_000;

/** Until the question for a node's blocks is repeated: it may be lost, and what is under way goes on. */
const HAND_ON_MS = 30_000;

/**
 * A node that is to be removed and down for so long counts as dead: blocks that only it has are lost then.
 * One that only starts anew is back by that time, and hands them on.
 */
const DEAD_AFTER_MS = 15_000;

export interface NodeRemovalDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly directory: Pick<Directory, "members" | "workflows" | "tickets">;
  readonly caller: Pick<Caller, "ask">;
  /** Whether this node leads the system group. */
  readonly leads: () => boolean;
  readonly isUp: (node: NodeId) => boolean;
  /** Of the group's leader. Rejects when there is none. */
  readonly groupStatus: (group: number) => Promise<GroupStatus>;
  readonly propose: (command: SystemCommand) => Promise<void>;
}

export class NodeRemoval {
  readonly #deps: NodeRemovalDeps;
  /** Since when nodes that are to be removed are down, as seen from here while it leads. */
  readonly #downSinceMs = new Map<NodeId, number>();
  #timer: Timer | undefined;
  #stopped = false;

  constructor(deps: NodeRemovalDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.timers.after(LOOK_MS, () => {
      void this.#look();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { directory, log, leads } = this.#deps;
    if (!leads()) this.#downSinceMs.clear();
    for (const { node, state } of directory.members()) {
      if (state !== "removing" || !leads()) continue;
      try {
        await this.#advance(node);
      } catch (error) {
        log.warn("removing a node has to wait", { node, reason: errorText(error) });
      }
    }
    if (!this.#stopped) this.start();
  }

  async #advance(node: NodeId): Promise<void> {
    const { directory, caller, isUp, propose, log } = this.#deps;
    const isDead = this.#isDead(node);
    if (await this.#isNeeded(node)) return;
    if (!isDead) {
      // It may be back soon, with what only it has.
      if (!isUp(node)) return;
      // Runs of which it has the only copy: of a dead node there is nothing left to copy.
      const answer = await caller.ask(node, { kind: "hand-on-blocks" }, HAND_ON_MS);
      if (answer?.kind === "error") throw new Error(`${answer.code}: ${answer.message}`);
      // It died while it did so, or said nothing in time: the next look sees which.
      if (answer?.kind !== "done") return;
    }
    const tickets = directory
      .tickets()
      .filter(({ madeBy, revoked }) => madeBy === node && !revoked);
    for (const { id } of tickets) await propose({ kind: "revoke-ticket", id });
    await propose({ kind: "node-removed", node });
    log.info("a node was removed", { node });
  }

  #isDead(node: NodeId): boolean {
    const { clock, isUp } = this.#deps;
    const nowMs = clock.nowMs();
    if (isUp(node)) {
      this.#downSinceMs.delete(node);
      return false;
    }
    const sinceMs = this.#downSinceMs.get(node) ?? nowMs;
    this.#downSinceMs.set(node, sinceMs);
    return nowMs - sinceMs >= DEAD_AFTER_MS;
  }

  /** Whether a group has a replica there; in the system group only a vote counts. */
  async #isNeeded(node: NodeId): Promise<boolean> {
    const { directory, groupStatus } = this.#deps;
    for (const group of [0, ...directory.workflows().map((row) => row.group)]) {
      const { members } = await groupStatus(group);
      // It listens to the system group to the end, so that it learns of its own.
      if (members.some((member) => member.node === node && (group !== 0 || member.votes)))
        return true;
    }
    return false;
  }
}
