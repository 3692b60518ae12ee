/**
 * R9: deleting a workflow is a saga that the system group's leader drives. The row says `deleting`; then
 * the workflow's group commits its last entry, after which it acknowledges nothing that a client asks;
 * only then the row becomes `deleted`, and every node lets go of its replica. Every step is harmless to
 * repeat, so a new leader simply goes on.
 */
import type { Command } from "../scheduler/commands.ts";
import type { SystemCommand } from "../scheduler/system/commands.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Directory } from "./directory.ts";

export interface WorkflowDeletionDeps {
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

  constructor(deps: WorkflowDeletionDeps) {
    this.#deps = deps;
  }

  /** To be called now and then, and when the directory has changed. */
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
