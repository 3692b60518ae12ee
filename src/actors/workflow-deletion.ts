/**
 * R9: deleting a workflow is a saga that the system group's leader drives. The row says `deleting`; then
 * the workflow's group commits its last entry, after which it acknowledges nothing that a client asks;
 * only then the row becomes `deleted`, and every node lets go of its replica. Every step is harmless to
 * repeat, so a new leader simply goes on.
 */
import type { Command } from "../scheduler/commands.ts";
import type { SystemCommand } from "../scheduler/system/commands.ts";
import type { Timer, Timers } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Directory } from "./directory.ts";

/** Between two looks at workflows that are to be deleted and wait for their groups. */
const LOOK_MS = 1_000;

export interface WorkflowDeletionDeps {
  readonly timers: Timers;
  readonly log: Log;
  readonly directory: Pick<Directory, "workflows">;
  /** Whether this node leads the system group. */
  readonly leads: () => boolean;
  /** Puts a command through a workflow's log. Rejects when its group has no leader in time. */
  readonly tell: (group: number, command: Command) => Promise<void>;
  readonly propose: (command: SystemCommand) => Promise<void>;
}

export class WorkflowDeletion {
  readonly #deps: WorkflowDeletionDeps;
  /** Groups that are being closed from here: one without a majority keeps no other waiting. */
  readonly #busy = new Set<number>();
  #timer: Timer | undefined;

  constructor(deps: WorkflowDeletionDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.timers.after(LOOK_MS, () => {
      this.look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Looks now: the directory has changed. */
  look(): void {
    if (!this.#deps.leads()) return;
    for (const { group, name, state } of this.#deps.directory.workflows()) {
      if (state !== "deleting" || this.#busy.has(group)) continue;
      this.#busy.add(group);
      void this.#advance(group, name).finally(() => this.#busy.delete(group));
    }
  }

  async #advance(group: number, workflow: string): Promise<void> {
    const { log, tell, propose } = this.#deps;
    try {
      await tell(group, { kind: "close" });
      await propose({ kind: "workflow-deleted", group });
      log.info("a workflow was deleted", { workflow, group });
    } catch (error) {
      log.warn("deleting a workflow has to wait", { workflow, reason: errorText(error) });
    }
  }
}
