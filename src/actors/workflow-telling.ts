/**
 * What a workflow's definitions say of it is told to the system group, so that lists show it without
 * asking every workflow's group. Its own rows stay the truth; a list is behind them for a moment.
 */
import type { SystemCommand } from "../scheduler/system/commands.ts";
import type { Timer, Timers } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Directory } from "./directory.ts";

/** What lists show of a workflow, as its definitions of `revision` say. */
export type WorkflowTold = Omit<Extract<SystemCommand, { kind: "workflow-told" }>, "kind">;

/** Until what the system group has not taken is told again. */
const AGAIN_MS = 1_000;

export interface WorkflowTellingDeps {
  readonly timers: Timers;
  readonly log: Log;
  readonly directory: Pick<Directory, "workflow">;
  /** Rejects when the system group has not taken it in time. */
  readonly propose: (command: SystemCommand) => Promise<void>;
}

export class WorkflowTelling {
  readonly #deps: WorkflowTellingDeps;
  /** The newest of each group that is not taken yet. */
  readonly #open = new Map<number, WorkflowTold>();
  readonly #timers = new Set<Timer>();
  #stopped = false;

  constructor(deps: WorkflowTellingDeps) {
    this.#deps = deps;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
  }

  /** A group's leader tells what it has applied, until it is taken: that of a later revision instead. */
  tell(told: WorkflowTold): void {
    const { group } = told;
    if (this.#isKnown(told)) return;
    const isUnderWay = this.#open.has(group);
    this.#open.set(group, told);
    if (!isUnderWay) void this.#say(group);
  }

  async #say(group: number): Promise<void> {
    for (;;) {
      const told = this.#open.get(group);
      if (this.#stopped || told === undefined) return;
      if (this.#isKnown(told)) {
        this.#open.delete(group);
        return;
      }
      try {
        await this.#deps.propose({ kind: "workflow-told", ...told });
        if (this.#open.get(group) === told) this.#open.delete(group);
      } catch (error) {
        const reason = errorText(error);
        this.#deps.log.debug("could not tell of a workflow's definitions", { group, reason });
        await this.#pause();
      }
    }
  }

  /** Another leader may have told it, or the workflow is gone. */
  #isKnown({ group, revision }: WorkflowTold): boolean {
    const row = this.#deps.directory.workflow(group);
    if (row === undefined) return false;
    return row.state === "deleted" || row.revision >= revision;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#deps.timers.after(AGAIN_MS, () => {
        this.#timers.delete(timer);
        resolve();
      });
      this.#timers.add(timer);
    });
  }
}
