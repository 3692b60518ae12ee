/**
 * Gives keys of sealed volumes to members that joined after they were made. Any node that has a key can; the
 * first of those that are up does, as it sees it. Two that do it at once do no harm.
 */
import type { SystemCommand } from "../../scheduler/system/commands.ts";
import type { MemberRow, SealKeyRow } from "../../scheduler/system/rows.ts";
import type { Timer, Timers } from "../../std/clock.ts";
import { errorText } from "../../std/errors.ts";
import type { Log } from "../../std/log.ts";
import type { NodeId } from "../../wire/dataset.ts";
import { type SealKeys, wrapsFor } from "./seal-keys.ts";

/** Between two looks; one at rows that have not changed costs nothing. */
const LOOK_MS = 500;

/** Nodes that are given a key by one command. */
const WRAPS_AT_ONCE = 64;

export interface KeyGiverDeps {
  readonly self: NodeId;
  readonly isUp: (node: NodeId) => boolean;
  readonly keys: Pick<SealKeys, "find" | "lacking">;
  readonly directory: {
    /** Another list whenever a row has changed. */
    members(): readonly MemberRow[];
    sealKeys(): readonly { readonly group: number; readonly row: SealKeyRow }[];
  };
  readonly propose: (command: SystemCommand) => Promise<unknown>;
  readonly timers: Timers;
  readonly log: Log;
}

export class KeyGiver {
  readonly #deps: KeyGiverDeps;
  #timer: Timer | undefined;
  #isStopped = false;
  /** The members for whom nothing is left to do. */
  #settled: readonly MemberRow[] | undefined;

  constructor(deps: KeyGiverDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.timers.after(LOOK_MS, () => {
      void this.#look().finally(() => {
        if (!this.#isStopped) this.start();
      });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { directory, keys } = this.#deps;
    const members = directory.members();
    if (members === this.#settled) return;
    let isSettled = true;
    for (const { group, row } of directory.sealKeys()) {
      const lacking = keys.lacking(row);
      if (lacking.length === 0) continue;
      isSettled = false;
      if (this.#isFirst(row)) await this.#give(group, row, lacking.slice(0, WRAPS_AT_ONCE));
    }
    if (isSettled) this.#settled = members;
  }

  /** Whether this node comes first among those that have the key and are up. */
  #isFirst({ wraps }: SealKeyRow): boolean {
    const { self, isUp } = this.#deps;
    return wraps.find(({ node }) => node === self || isUp(node))?.node === self;
  }

  async #give(group: number, { id }: SealKeyRow, nodes: readonly NodeId[]): Promise<void> {
    const { keys, propose, log } = this.#deps;
    const key = keys.find(group);
    if (key === undefined) return;
    const wraps = wrapsFor(key, nodes);
    if (wraps.length === 0) return;
    try {
      await propose({ kind: "seal-wrap", group, id, wraps });
      log.info("gave the key of a sealed volume to nodes", { group, nodes });
    } catch (error) {
      log.warn("could not give the key of a sealed volume", { group, reason: errorText(error) });
    }
  }
}
