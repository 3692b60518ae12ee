/** Creates and changes workflows for the API: checks, compares, and puts the commands through. */

import { createHash } from "node:crypto";
import { answerAs } from "../actors/answers.ts";
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { Directory } from "../actors/directory.ts";
import type { Call, CallAnswer } from "../actors/ports.ts";
import type { Router } from "../actors/router.ts";
import { SYSTEM_GROUP } from "../actors/system-group.ts";
import type { ApplyReport, EntityChange, WorkflowDefinition } from "../api/ports.ts";
import type { HandlerDefinition as CheckedHandler } from "../handlers/handler-check.ts";
import { EMPTY_PLAN, refusalOf } from "../scheduler/apply-client.ts";
import type { Command } from "../scheduler/commands.ts";
import { keys, META_KEY } from "../scheduler/keys.ts";
import type { HandlerDefinition, MetaRow, PlanRow, Row } from "../scheduler/rows.ts";
import type { SystemCommand } from "../scheduler/system/commands.ts";
import type { WorkflowRow } from "../scheduler/system/rows.ts";
import type { Deadline } from "../std/deadline.ts";
import { isJobxError } from "../std/errors.ts";
import { WEIGHT_DEFAULT } from "../workflow/definition.ts";
import { accepted, ClusterError, workflowUnknown } from "./cluster-errors.ts";
import type { DataPlane } from "./data-plane/data-plane.ts";
import { planDefinition } from "./definitions.ts";
import { changedDefinitions } from "./entities.ts";
import { SYSTEM_NAME } from "./group-views.ts";
import type { Metrics } from "./metrics.ts";
import { requiredOf } from "./required.ts";
import { checkRoomForWorkflow } from "./room.ts";
import { systemClock, systemTimers } from "./system.ts";
import type { SystemView } from "./system-view.ts";
import { type CallEnd, within } from "./within.ts";

/** Somebody else changed the definitions in between: read and compare again, so often. */
const TRIES_MAX = 5;

/** Between two looks at whether a new workflow's group is there, or a deleted one's closed. */
const LOOK_MS = 50;

/** What a workflow is at this moment. */
export interface WorkflowState {
  readonly group: number;
  readonly meta: MetaRow;
  readonly plan: PlanRow;
  readonly term: number;
  readonly appliedIndex: number;
}

/** What of the node is needed to change workflows. */
export interface WriterNode extends Pick<ClusterNode, "read" | "nextSequence"> {
  readonly directory: Pick<Directory, "workflow" | "workflowNamed" | "workflows">;
  readonly router: Pick<Router, "ask">;
}

/** What a writer is given. */
export interface WriterDeps {
  readonly node: WriterNode;
  readonly view: Pick<SystemView, "workflowNamed">;
  readonly plane: Pick<DataPlane, "checkHandlers">;
  readonly metrics: Pick<Metrics, "committed">;
}

export class WorkflowWriter {
  readonly #node: WriterNode;
  readonly #view: WriterDeps["view"];
  readonly #plane: WriterDeps["plane"];
  readonly #metrics: WriterDeps["metrics"];

  constructor({ node, view, plane, metrics }: WriterDeps) {
    this.#node = node;
    this.#view = view;
    this.#plane = plane;
    this.#metrics = metrics;
  }

  /** @throws {ClusterError} `WORKFLOW_UNKNOWN`; `NO_MAJORITY`. */
  async state(name: string, deadline: Deadline): Promise<WorkflowState> {
    const { group } = await this.#view.workflowNamed(name, { deadline });
    const state = await this.#read(group, deadline);
    if (state === undefined) {
      throw new ClusterError({ code: "WORKFLOW_NOT_ACTIVE" }, `${name} is still being created`);
    }
    return state;
  }

  /** Atomic: on an error no definition has changed. */
  async apply(
    definition: WorkflowDefinition,
    how: {
      readonly dryRun: boolean;
      readonly force: boolean;
      readonly revision: number | undefined;
    },
    { deadline, signal }: CallEnd,
  ): Promise<ApplyReport> {
    const checked = await this.#check(definition, { deadline, signal });
    const added = await this.#checkAdded(definition, { deadline, signal });
    const known = await this.#find(definition.workflow, deadline);
    const created = known === undefined;
    const stepHandlers = added.map(definitionOf);
    const handlers = checked?.map(definitionOf);
    const common = { definition, handlers, stepHandlers, created, force: how.force };
    if (known === undefined) {
      checkHandlersOnly(definition);
      checkName(definition.workflow);
      const nothing = { description: "", retention: undefined, weight: WEIGHT_DEFAULT };
      const { command, report } = planDefinition({ ...common, plan: EMPTY_PLAN, ...nothing });
      // Before anything is made: what is refused leaves no empty workflow behind.
      acceptedEverywhere(command);
      if (how.dryRun) return report;
    }
    const group = known?.group ?? (await this.#createFor(definition, deadline));
    for (let tries = 1; ; tries++) {
      const state = await this.#whenThere(group, deadline);
      const { plan, meta } = state;
      checkRevision(meta, how.revision);
      const { description, retention, weight } = meta;
      const planned = planDefinition({ ...common, plan, description, retention, weight });
      // Before a source is stored that nothing would name, and said of what is only looked at too.
      acceptedEverywhere(planned.command);
      if (how.dryRun || !planned.changes) return planned.report;
      for (const handler of [...(checked ?? []), ...added])
        await this.#store(group, handler, deadline);
      const command = { ...planned.command, revision: meta.plan };
      if (await this.#define(group, command, { deadline, last: tries >= TRIES_MAX })) {
        return planned.report;
      }
    }
  }

  /** Makes a workflow that must not be there yet. @throws {ClusterError} `WORKFLOW_EXISTS`. */
  async create(
    input: { readonly workflow: string; readonly description: string; readonly weight: number },
    deadline: Deadline,
  ): Promise<void> {
    const { workflow: name, description, weight } = input;
    checkName(name);
    const group = await this.#create({ name, description, weight, exclusive: true }, deadline);
    await this.#whenThere(group, deadline);
  }

  async #find(name: string, deadline: Deadline): Promise<WorkflowRow | undefined> {
    try {
      return await this.#view.workflowNamed(name, { deadline });
    } catch (error) {
      if (isJobxError(error) && error.code === "WORKFLOW_UNKNOWN") return undefined;
      throw error;
    }
  }

  /** Changes one definition. Resolves with all of them as they are then. */
  async changeEntity(change: EntityChange, deadline: Deadline): Promise<PlanRow> {
    for (let tries = 1; ; tries++) {
      const { group, meta, plan } = await this.state(change.workflow, deadline);
      const next = changedDefinitions(plan, change);
      const { description, retention, weight, plan: revision } = meta;
      const said = { description, retention, weight, revision };
      const command = { kind: "define", ...said, ...next } as const;
      if (await this.#define(group, command, { deadline, last: tries >= TRIES_MAX })) {
        return (await this.state(change.workflow, deadline)).plan;
      }
    }
  }

  /** The source of a handler at one version. */
  async source(group: number, version: string, deadline: Deadline): Promise<string> {
    const what = { keys: [keys.source(version)] };
    const [row] = (await this.#node.read(group, what, deadline.leftMs())).values;
    if (row?.kind !== "source") throw new Error("a handler's source is kept");
    return row.source;
  }

  /** False when somebody else changed the definitions in between: look again. */
  async #define(
    group: number,
    command: Command,
    how: { readonly deadline: Deadline; readonly last: boolean },
  ): Promise<boolean> {
    try {
      await this.command(group, command, how.deadline);
      return true;
    } catch (error) {
      // A source may have gone with the last plan that named it, just before this one does.
      const raced =
        isJobxError(error) &&
        (error.code === "DEFINITION_CHANGED" || error.code === "HANDLER_SOURCE_MISSING");
      if (!raced || how.last) throw error;
      return false;
    }
  }

  /**
   * Resolves when the workflow is deleted: then no node gets anything acknowledged by its group.
   * @throws {ClusterError} `WORKFLOW_UNKNOWN`; `COMMAND_OUTCOME_UNKNOWN` when its group did not close in
   * time: it is deleted as soon as that has a majority.
   */
  async delete(name: string, deadline: Deadline): Promise<void> {
    const { directory } = this.#node;
    await this.#view.workflowNamed(name, { deadline });
    const answer = await this.system({ kind: "delete-workflow", name }, deadline);
    if (answer.kind !== "revision") throw new Error("a workflow is deleted with its group");
    while (directory.workflow(answer.revision)?.state !== "deleted") {
      if (deadline.leftMs() <= 0) throw stillDeleting(name);
      await new Promise<void>((resolve) => systemTimers.after(LOOK_MS, resolve));
    }
  }

  /** Puts a command through a workflow's log, once, however often it has to be sent; for a mount or not. */
  async command(
    group: number,
    command: Command,
    deadline: Deadline,
    by?: { readonly key: string; readonly bodyHash: string } | { readonly mount: string },
  ): Promise<ReturnType<typeof accepted>> {
    const id =
      by === undefined || "mount" in by
        ? ({ kind: "entry", ...this.#node.nextSequence(group) } as const)
        : ({ kind: "key", ...by } as const);
    const envelope = { id, command };
    const call: Call =
      by !== undefined && "mount" in by
        ? { kind: "mount-command", group, envelope, mount: by.mount }
        : { kind: "command", group, envelope };
    return accepted(await this.#timed(group, call, deadline));
  }

  /**
   * As `command`, for a mount or not; also tells rows by their keys, as the leader has them when it answers.
   * @throws {JobxError} as `command`.
   */
  async told(
    group: number,
    command: Command,
    deadline: Deadline,
    { mount, rows }: { readonly mount: string | undefined; readonly rows: readonly string[] },
  ): Promise<{
    readonly answer: ReturnType<typeof accepted>;
    readonly rows: readonly (Row | undefined)[];
  }> {
    const envelope = { id: { kind: "entry", ...this.#node.nextSequence(group) }, command } as const;
    const call = { kind: "told-command", group, envelope, mount, rows } as const;
    const { answer, rows: told } = answerAs("told", await this.#timed(group, call, deadline));
    return { answer: accepted({ kind: "answered", answer }), rows: told };
  }

  /** The same for the system group. */
  async system(command: SystemCommand, deadline: Deadline): Promise<ReturnType<typeof accepted>> {
    const id = { kind: "entry", ...this.#node.nextSequence(SYSTEM_GROUP) } as const;
    const call = { kind: "system-command", envelope: { id, command } } as const;
    return accepted(await this.#timed(SYSTEM_GROUP, call, deadline));
  }

  async #timed(group: number, call: Call, deadline: Deadline): Promise<CallAnswer> {
    const startMs = systemClock.nowMs();
    const answer = await this.#node.router.ask(group, call, deadline.leftMs());
    this.#metrics.committed(systemClock.nowMs() - startMs);
    return answer;
  }

  /** Those that come with steps. */
  async #checkAdded(
    { stepHandlers = [], ...rest }: WorkflowDefinition,
    end: CallEnd,
  ): Promise<readonly CheckedHandler[]> {
    if (stepHandlers.length === 0) return [];
    return (await this.#check({ ...rest, handlers: stepHandlers }, end)) ?? [];
  }

  async #check(
    { handlers }: WorkflowDefinition,
    end: CallEnd,
  ): Promise<readonly CheckedHandler[] | undefined> {
    if (handlers === undefined) return undefined;
    const check = await within(end, "handlers were checked", () =>
      this.#plane.checkHandlers(handlers),
    );
    if (check.kind === "accepted") return check.definitions;
    const [first] = check.errors;
    const where = check.errors.map(({ file, line, reason }) => `${file}:${line}: ${reason}`);
    throw new ClusterError(
      { code: first?.code ?? "HANDLER_SOURCE_INVALID" },
      `${where.join("\n")}\nnothing was changed`,
    );
  }

  #createFor(definition: WorkflowDefinition, deadline: Deadline): Promise<number> {
    const { workflow: name, description = "", weight = WEIGHT_DEFAULT } = definition;
    return this.#create({ name, description, weight, exclusive: false }, deadline);
  }

  async #create(
    input: {
      readonly name: string;
      readonly description: string;
      readonly weight: number;
      readonly exclusive: boolean;
    },
    deadline: Deadline,
  ): Promise<number> {
    checkRoomForWorkflow(this.#node.directory, input.name);
    const command = { kind: "create-workflow", ...input, replicas: [] } as const;
    const answer = await this.system(command, deadline);
    if (answer.kind !== "revision") throw new Error("a workflow is made with a group");
    return answer.revision;
  }

  async #store(group: number, handler: CheckedHandler, deadline: Deadline): Promise<void> {
    const { version, source } = handler;
    const key = keys.source(version);
    const { values } = await this.#node.read(group, { keys: [key] }, deadline.leftMs());
    if (values[0] === undefined) {
      await this.command(group, { kind: "source", version, source }, deadline);
    }
  }

  /** A new group elects its first leader, which writes its first entry. */
  async #whenThere(group: number, deadline: Deadline): Promise<WorkflowState> {
    for (;;) {
      const state = await this.#read(group, deadline);
      if (state !== undefined) return state;
      await new Promise<void>((resolve) => systemTimers.after(LOOK_MS, resolve));
    }
  }

  async #read(group: number, deadline: Deadline): Promise<WorkflowState | undefined> {
    for (let tries = 1; ; tries++) {
      const first = await this.#node.read(group, { keys: [META_KEY] }, deadline.leftMs());
      const meta = first.values[0];
      if (meta?.kind !== "meta") return undefined;
      const { values } = await this.#node.read(
        group,
        { keys: [keys.plan(meta.plan)] },
        deadline.leftMs(),
      );
      const plan = values[0];
      if (plan?.kind === "plan") {
        return { group, meta, plan, term: first.term, appliedIndex: first.appliedIndex };
      }
      // Replaced between the two reads, and nobody had begun with it.
      if (tries >= TRIES_MAX) return undefined;
    }
  }
}

/** @throws {ClusterError} `WORKFLOW_NAME_RESERVED`. */
function checkName(name: string): void {
  if (name !== SYSTEM_NAME) return;
  throw new ClusterError(
    { code: "WORKFLOW_NAME_RESERVED" },
    `${SYSTEM_NAME} is what the group of the cluster itself is called; choose another name`,
  );
}

/** What would be refused whatever workflow it is for. @throws {ClusterError} with the code of the refusal. */
function acceptedEverywhere(definitions: Parameters<typeof refusalOf>[0]): void {
  const refusal = refusalOf(definitions);
  if (refusal !== undefined) accepted({ kind: "answered", answer: refusal });
}

/** Handlers alone are for a workflow that is there. @throws {ClusterError} `WORKFLOW_UNKNOWN`. */
function checkHandlersOnly({ workflow, handlers, steps, jobs }: WorkflowDefinition): void {
  if (handlers === undefined || steps !== undefined || jobs !== undefined) return;
  throw workflowUnknown(workflow);
}

function stillDeleting(name: string): ClusterError {
  return new ClusterError(
    { code: "COMMAND_OUTCOME_UNKNOWN" },
    `${name} is being deleted, and its group has not agreed in time; the cluster goes on with it`,
  );
}

/** @throws {ClusterError} `REVISION_CHANGED`. */
function checkRevision(meta: MetaRow, revision: number | undefined): void {
  if (revision === undefined || revision === meta.plan) return;
  throw new ClusterError(
    { code: "REVISION_CHANGED", revision: meta.plan },
    `${meta.name} has changed meanwhile: its revision is ${meta.plan}`,
  );
}

function definitionOf(checked: CheckedHandler): HandlerDefinition {
  const { name, version, language, type, argumentType, memoryBytes, runtime } = checked;
  return {
    handler: { name, version, language, type, argumentType, memoryBytes, runtime },
    capability: requiredOf(checked),
    retries: checked.retries,
    timeoutMs: checked.timeoutMs,
    description: checked.description,
  };
}

/** Tells two bodies apart that come under the same idempotency key. */
export function bodyHash(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}
