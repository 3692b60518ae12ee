/** R9: what crosses groups, as steps that are harmless to repeat; who leads the system group takes them. */
import type { NodeId } from "../scheduler/dataset.ts";
import type { SystemCommand } from "../scheduler/system/commands.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Caller } from "./caller.ts";
import type { Directory } from "./directory.ts";
import { NodeRemoval } from "./node-removal.ts";
import type { GroupStatus } from "./ports.ts";
import type { Router } from "./router.ts";
import { SYSTEM_GROUP, type SystemGroup } from "./system-group.ts";
import { VersionRaise } from "./version-raise.ts";
import { WorkflowDeletion } from "./workflow-deletion.ts";
import { WorkflowTelling, type WorkflowTold } from "./workflow-telling.ts";

/** One step of what crosses groups; it is taken again when it did not end in time. */
const STEP_MS = 10_000;

/** Between two looks at what is to be deleted or raised; a change of the directory is seen at once. */
const LOOK_MS = 1_000;

/** Saying that a workflow is active outlasts an election. */
const ACTIVE_MS = 60_000;

export interface SagasDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly directory: Directory;
  readonly caller: Caller;
  readonly router: Router;
  readonly system: SystemGroup;
  readonly isUp: (node: NodeId) => boolean;
  readonly groupStatus: (group: number, deadlineMs: number) => Promise<GroupStatus>;
}

export class Sagas {
  readonly #deps: SagasDeps;
  readonly #removal: NodeRemoval;
  readonly #deletion: WorkflowDeletion;
  readonly #raise: VersionRaise;
  readonly #telling: WorkflowTelling;
  #timer: Timer | undefined;

  constructor(deps: SagasDeps) {
    this.#deps = deps;
    const leads = (): boolean => deps.system.replica?.leadingTerm !== undefined;
    const propose = (command: SystemCommand): Promise<void> => this.#ask(command, STEP_MS);
    this.#removal = new NodeRemoval({
      ...{ ...deps, leads, propose },
      groupStatus: (group) => deps.groupStatus(group, STEP_MS),
    });
    this.#raise = new VersionRaise({ ...deps, leads, propose });
    this.#telling = new WorkflowTelling({ ...deps, propose });
    this.#deletion = new WorkflowDeletion({
      ...{ ...deps, leads, propose },
      tell: async (group, command) => {
        const envelope = { id: { kind: "none" }, command } as const;
        await deps.router.ask(group, { kind: "command", group, envelope }, STEP_MS);
      },
    });
  }

  start(): void {
    this.#removal.start();
    this.#lookAgain();
  }

  stop(): void {
    this.#removal.stop();
    this.#telling.stop();
    this.#timer?.cancel();
  }

  directoryChanged(): void {
    this.#deletion.look();
    this.#raise.look();
  }

  /** The group has committed its first entry, so the workflow is active; said by the group's leader. */
  active(group: number): void {
    const { directory, log } = this.#deps;
    if (directory.workflow(group)?.state === "active") return;
    this.#ask({ kind: "workflow-active", group }, ACTIVE_MS).catch((error: unknown) => {
      const reason = errorText(error);
      log.warn("could not say that a workflow is active", { group, reason });
    });
  }

  /** What lists show of a workflow; said by its group's leader. */
  told(told: WorkflowTold): void {
    this.#telling.tell(told);
  }

  #lookAgain(): void {
    this.#timer = this.#deps.timers.after(LOOK_MS, () => {
      this.directoryChanged();
      this.#lookAgain();
    });
  }

  async #ask(command: SystemCommand, deadlineMs: number): Promise<void> {
    const envelope = { id: { kind: "none" }, command } as const;
    await this.#deps.router.ask(SYSTEM_GROUP, { kind: "system-command", envelope }, deadlineMs);
  }
}
