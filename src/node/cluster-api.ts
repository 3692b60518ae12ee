import { askForOutput } from "../actors/output-calls.ts";
import { CLOCK_OFF_MS } from "../actors/peer-clocks.ts";
import { SYSTEM_GROUP } from "../actors/system-group.ts";
import type { AttemptList, OutputView } from "../api/attempt-view.ts";
import type { ClusterView } from "../api/cluster-view.ts";
import type {
  CallOptions,
  ClusterPort,
  EntityChange,
  HandlerSourceView,
  JobView,
  NodeView,
  Principal,
  RequestList,
  RequestPage,
  RequestView,
  RequestWait,
  StepView,
  StreamEvent,
  SubmitAnswer,
  SubmitInput,
  WhyView,
  WorkflowView,
} from "../api/ports.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { parseKeptName, parseRequestId, requestId } from "../scheduler/unit.ts";
import { whyText } from "../scheduler/why.ts";
import { Deadline } from "../std/deadline.ts";
import type { VolumeGround } from "./attempt-volumes.ts";
import { ClusterAdmin } from "./cluster-admin.ts";
import type { ClusterApiDeps } from "./cluster-api-deps.ts";
import { ClusterError } from "./cluster-errors.ts";
import { clusterView } from "./cluster-view.ts";
import { named } from "./entities.ts";
import { eventStream } from "./event-stream.ts";
import { Copies } from "./files/copies.ts";
import { FileCalls } from "./files/file-calls.ts";
import { Files } from "./files/files.ts";
import type { HealerDeps } from "./files/healer.ts";
import { Inodes } from "./files/inodes.ts";
import { Snapshots } from "./files/snapshots.ts";
import { Volumes } from "./files/volumes.ts";
import { groupName } from "./group-views.ts";
import { Invocations } from "./invocations.ts";
import { nodeOffer, stateOfMember } from "./member-views.ts";
import { outputView, parseLiveName } from "./output-views.ts";
import { changeRequest, type RequestChange } from "./request-changes.ts";
import { RequestReader } from "./request-reader.ts";
import { VolumeKeys } from "./seal/volume-keys.ts";
import { smallResult } from "./small-result.ts";
import { isLarge, refuseEarly } from "./submission-check.ts";
import { submissionCommand } from "./submission-command.ts";
import { systemClock } from "./system.ts";
import { type SystemView, systemViewOf } from "./system-view.ts";
import { Tokens } from "./tokens.ts";
import { handlerViews, jobEntities, requestView, stepEntities } from "./views.ts";
import { within } from "./within.ts";
import { WorkflowSecrets } from "./workflow-secrets.ts";
import { workflowSummary, workflowView } from "./workflow-view.ts";
import { bodyHash, WorkflowWriter } from "./workflow-writer.ts";

/** Longest part of one wait at the scheduler; longer ones are asked again. */
const WAIT_MS_MAX = 20_000;

/** What takes time when a result is asked for. */
const FETCHED = "the result was fetched from other nodes";

/** A request as it is. */
const LOOK: RequestWait = { waitMs: 0, withResult: false, knowsPaused: false };

/** The requests of a workflow that somebody who begins to follow it is shown. */
const NEWEST = {
  limit: 50,
  before: undefined,
  states: undefined,
  job: undefined,
  sinceMs: undefined,
  untilMs: undefined,
} as const;

export class ClusterApi implements ClusterPort {
  readonly admin: ClusterAdmin;
  readonly invocations: Invocations;
  readonly files: Files;
  readonly inodes: Inodes;
  readonly volumes: Volumes;
  readonly snapshots: Snapshots;
  readonly copies: Copies;
  readonly secrets: WorkflowSecrets;
  readonly #deps: ClusterApiDeps;
  readonly #calls: FileCalls;
  readonly #reader: RequestReader;
  readonly #staleReader: RequestReader;
  readonly #writer: WorkflowWriter;
  readonly #tokens: Tokens;
  readonly #view: SystemView;

  constructor(deps: ClusterApiDeps) {
    this.#deps = deps;
    const { node, plane, metrics, isUp, stateHash } = deps;
    const view = systemViewOf(node);
    this.#view = view;
    this.#reader = new RequestReader(node, view);
    this.#staleReader = new RequestReader(node, view, { stale: true });
    const readers = { fresh: this.#reader, stale: this.#staleReader };
    this.invocations = new Invocations({ node, plane, ...readers });
    this.#writer = new WorkflowWriter({ node, view, plane, metrics });
    const self = (): string => this.self().id;
    const { contents, coded } = plane;
    const volumeKeys = new VolumeKeys({ keys: deps.sealKeys, view, writer: this.#writer });
    const { source: keys } = volumeKeys;
    const writer = this.#writer;
    const calls = new FileCalls({ node, self, isUp, view, contents, coded, keys, writer });
    this.#calls = calls;
    this.files = new Files(calls);
    this.inodes = new Inodes(calls, deps.freeBytes, deps.near);
    this.volumes = new Volumes(calls, volumeKeys);
    this.secrets = new WorkflowSecrets({ node, keys: volumeKeys, view, writer });
    this.snapshots = new Snapshots(calls);
    this.copies = new Copies({
      ...{ calls, pace: (bytes) => deps.healPacer.take(bytes) },
      nodeNamed: (text, options) => this.admin.nodeIdOf(text, options),
    });
    const fresh = (ms: number): Promise<void> => view.fresh(ms);
    this.admin = new ClusterAdmin({ node, writer: this.#writer, isUp, fresh, stateHash });
    this.#tokens = new Tokens({
      ...{ clock: systemClock, fresh, directory: node.directory, writer },
      copyAgeMs: () => deps.copyAgeMs(SYSTEM_GROUP),
      ...{ own: deps.ownToken, isRemoved: () => deps.member()?.state === "removed" },
    });
  }

  /** What healing in the background knows of this node and the others. */
  healing(): Pick<HealerDeps, "led" | "members" | "page"> {
    return {
      led: () =>
        this.#deps.node.leads().flatMap(({ group }) => (group === SYSTEM_GROUP ? [] : [group])),
      members: () => this.copies.members(),
      page: (group, after, signal) => this.copies.healPage(group, after, signal),
    };
  }

  /** What attempts' views of their volumes stand upon. */
  volumeGround(): Omit<VolumeGround, "url"> {
    return {
      ...{ files: this.files, volumes: this.volumes, secrets: this.secrets },
      command: async (workflow, command, options) =>
        this.#calls.command(await this.#calls.begin(workflow, options), command),
    };
  }

  self(): NodeView {
    const member = this.#deps.member();
    if (member === undefined) {
      throw new ClusterError({ code: "NODE_NOT_READY" }, "this node does not know its cluster yet");
    }
    return this.#nodeView(member);
  }

  ready(): ReturnType<ClusterPort["ready"]> {
    const reasons = this.#deps.troubles();
    const { durability } = this.#deps;
    const [first] = reasons;
    const ready = { ready: first === undefined, reason: first?.message ?? "ready", reasons };
    return { ...ready, warnings: this.#deps.warnings(), durability };
  }

  nodes(): Promise<readonly NodeView[]> {
    const members = this.#deps.node.directory.members();
    return Promise.resolve(members.map((member) => this.#nodeView(member)));
  }

  clusterView(): ClusterView {
    return clusterView(this.#deps.node.directory);
  }

  version(): string {
    return this.#deps.version;
  }

  createToken(
    ...args: Parameters<ClusterPort["createToken"]>
  ): ReturnType<ClusterPort["createToken"]> {
    return this.#tokens.create(args[0], args[1].deadline);
  }

  tokens(options: CallOptions): ReturnType<ClusterPort["tokens"]> {
    return this.#tokens.list(options);
  }

  revokeToken(id: string, options: CallOptions): Promise<void> {
    return this.#tokens.revoke(id, options.deadline);
  }

  async workflows(options: CallOptions): ReturnType<ClusterPort["workflows"]> {
    if (options.stale !== true) await this.#view.fresh(options.deadline.leftMs());
    return this.#deps.node.directory.workflows().map(workflowSummary);
  }

  async workflow(name: string, options: CallOptions): Promise<WorkflowView> {
    const state = await this.#writer.state(name, options.deadline);
    return workflowView(this.#deps.node, name, state);
  }

  apply(...args: Parameters<ClusterPort["apply"]>): ReturnType<ClusterPort["apply"]> {
    const [definition, input, options] = args;
    return this.#writer.apply(definition, input, options);
  }

  async createWorkflow(
    input: Parameters<ClusterPort["createWorkflow"]>[0],
    options: CallOptions,
  ): Promise<WorkflowView> {
    await this.#writer.create(input, options.deadline);
    return this.workflow(input.workflow, options);
  }

  async steps(workflow: string, options: CallOptions): Promise<readonly StepView[]> {
    return stepEntities((await this.#writer.state(workflow, options.deadline)).plan);
  }

  async step(workflow: string, name: string, options: CallOptions): Promise<StepView> {
    return named("step", name, await this.steps(workflow, options));
  }

  async jobs(workflow: string, options: CallOptions): Promise<readonly JobView[]> {
    return jobEntities((await this.#writer.state(workflow, options.deadline)).plan);
  }

  async job(workflow: string, name: string, options: CallOptions): Promise<JobView> {
    return named("job", name, await this.jobs(workflow, options));
  }

  async handler(workflow: string, name: string, options: CallOptions): Promise<HandlerSourceView> {
    const { group, plan } = await this.#writer.state(workflow, options.deadline);
    const view = named("handler", name, handlerViews(plan));
    const source = await this.#writer.source(group, view.version, options.deadline);
    return { ...view, source };
  }

  async changeEntity(
    change: EntityChange,
    options: CallOptions,
  ): Promise<StepView | JobView | null> {
    const plan = await this.#writer.changeEntity(change, options.deadline);
    if (change.action === "delete") return null;
    const all: readonly (StepView | JobView)[] =
      change.entity === "step" ? stepEntities(plan) : jobEntities(plan);
    return named(change.entity, change.name, all);
  }

  deleteWorkflow(name: string, options: CallOptions): Promise<void> {
    return this.#writer.delete(name, options.deadline);
  }

  async submit(
    input: SubmitInput,
    options: CallOptions,
  ): Promise<{ readonly request: string; readonly duplicate: boolean }> {
    const { workflow, job, idempotencyKey, keep } = input;
    const row = await this.#view.workflowNamed(workflow, { deadline: options.deadline });
    const { plane, node } = this.#deps;
    if (isLarge(input.arguments)) {
      const look = { group: row.group, job, keep, idempotencyKey };
      await refuseEarly(node, look, options.deadline);
    }
    const dataset = await within(
      options,
      "the arguments were stored on two nodes",
      async (signal) =>
        // R25: on two nodes before a command refers to it.
        node.copies.secure(await plane.storePairs(input.arguments), signal),
    );
    const { command, key } = submissionCommand(input, dataset);
    const answer = await this.#writer.command(row.group, command, options.deadline, key);
    if (answer.kind !== "request") throw new Error("a submission is answered with its request");
    const request = requestId(workflow, row.group, answer.request);
    return { request, duplicate: answer.repeated };
  }

  async request(id: string, input: RequestWait, options: CallOptions): Promise<RequestView> {
    const reader = this.#readerFor(options);
    const place = await reader.place(id, options.deadline);
    const { group, sequence: request } = place;
    const { knowsPaused } = input;
    const endMs = performance.now() + input.waitMs;
    const patienceMs = options.stale === true ? 0 : input.waitMs;
    for (let leftMs = patienceMs; leftMs > 0; leftMs = endMs - performance.now()) {
      const waitMs = Math.ceil(Math.min(leftMs, WAIT_MS_MAX));
      const call = { kind: "wait", group, request, waitMs, knowsPaused } as const;
      const answer = await this.#deps.node.router.ask(group, call, options.deadline.leftMs());
      options.signal.throwIfAborted();
      if (answer.kind === "waited" && answer.news) break;
    }
    const row = await reader.row(place, options.deadline);
    const { workflow } = place;
    const view = requestView(row, { request: place.id, workflow, group });
    if (!input.withResult || row.state !== "succeeded") return view;
    const { copies } = this.#deps.node;
    const pairs = await smallResult(
      { request: place.id, dataset: row.result ?? [] },
      {
        ensure: (dataset) => within(options, FETCHED, (signal) => copies.ensure(dataset, signal)),
        read: (dataset) => this.#deps.plane.readPairTexts(dataset),
      },
    );
    return { ...view, result: { pairs } };
  }

  async requests(workflow: string, page: RequestPage, options: CallOptions): Promise<RequestList> {
    const { group } = await this.#view.workflowNamed(workflow, options);
    const about = { name: workflow, group };
    return this.#readerFor(options).list(about, page, options.deadline);
  }

  async result(id: string, options: CallOptions): Promise<AsyncIterable<Uint8Array>> {
    const reader = this.#readerFor(options);
    const place = await reader.place(id, options.deadline);
    const row = await reader.row(place, options.deadline);
    if (row.state !== "succeeded") {
      throw new ClusterError(
        { code: "RESULT_NOT_THERE", state: row.state },
        `${id} is ${row.state}: it has no result`,
      );
    }
    const { copies } = this.#deps.node;
    const result = row.result ?? [];
    const here = await within(options, FETCHED, (signal) => copies.ensure(result, signal));
    return this.#deps.plane.readPairTexts(here);
  }

  async attempts(
    id: string,
    input: { readonly limit: number },
    options: CallOptions,
  ): Promise<AttemptList> {
    const reader = this.#readerFor(options);
    const place = await reader.place(id, options.deadline);
    return reader.attempts(place, input.limit, options.deadline);
  }

  async output(
    id: string,
    of: Parameters<ClusterPort["output"]>[1],
    options: CallOptions,
  ): Promise<OutputView> {
    const { node } = this.#deps;
    const running = parseLiveName(of.attempt);
    // The id says all: what is printed can be read without a majority.
    const { group, id: request } = await this.#reader.place(id, options.deadline);
    if (running === undefined || node.directory.member(running.node) === undefined) {
      throw new ClusterError({ code: "ATTEMPT_UNKNOWN" }, `there is no attempt ${of.attempt}`);
    }
    const { stdout, stderr } = of;
    const wanted = { group, request, ...running, stdout, stderr };
    return outputView(await askForOutput(node.caller, wanted, options.deadline.leftMs()), of);
  }

  async cancel(...args: Parameters<ClusterPort["cancel"]>): Promise<RequestView> {
    await this.#change({ kind: "cancel" }, ...args);
    return this.request(args[0], LOOK, args[2]);
  }

  async resume(...args: Parameters<ClusterPort["resume"]>): Promise<RequestView> {
    await this.#change({ kind: "resume" }, ...args);
    return this.request(args[0], LOOK, args[2]);
  }

  #change(
    change: RequestChange,
    ...[id, revision, { deadline }]: Parameters<ClusterPort["cancel"]>
  ): Promise<void> {
    const by = { reader: this.#reader, writer: this.#writer };
    return changeRequest(by, change, { id, revision, deadline });
  }

  async retry(
    id: string,
    input: { readonly idempotencyKey: string | undefined; readonly keep: string | undefined },
    options: CallOptions,
  ): Promise<SubmitAnswer> {
    const { idempotencyKey, keep } = input;
    const place = await this.#reader.place(id, options.deadline);
    const { workflow, group, sequence } = place;
    const { job } = await this.#reader.row(place, options.deadline);
    const key =
      idempotencyKey === undefined
        ? undefined
        : { key: idempotencyKey, bodyHash: bodyHash(["retry", place.id, keep ?? null]) };
    const command = { kind: "retry", request: sequence, keep } as const;
    const answer = await this.#writer.command(group, command, options.deadline, key);
    if (answer.kind !== "request") throw new Error("a retry is answered with its request");
    const request = requestId(workflow, group, answer.request);
    return { request, workflow, job, duplicate: answer.repeated };
  }

  async *events(
    of: { readonly workflow: string } | { readonly request: string },
    after: number | undefined,
    options: CallOptions,
  ): AsyncGenerator<StreamEvent, void, undefined> {
    const { deadline, signal } = options;
    const { directory } = this.#deps.node;
    // A stream goes on for long; each question of it has the time that the call began with.
    const anew = (): CallOptions => ({
      ...options,
      deadline: new Deadline(systemClock, deadline.ms),
    });
    const nodeName = (node: string): string => directory.member(node)?.name ?? node;
    const common = { after, deadlineMs: deadline.ms, signal, nodeName };
    if ("request" in of) {
      const { workflow, group, sequence, id } = await this.#reader.place(of.request, deadline);
      const present = async () => [await this.request(id, LOOK, anew())];
      const followed = { ...common, workflow, group, request: sequence, present };
      yield* eventStream(this.#deps.node, followed);
      return;
    }
    const { workflow } = of;
    const { group } = await this.#view.workflowNamed(workflow, options);
    const present = async () => (await this.requests(workflow, NEWEST, anew())).requests;
    yield* eventStream(this.#deps.node, {
      ...common,
      workflow,
      group,
      request: undefined,
      present,
    });
  }

  async why(id: string, options: CallOptions): Promise<WhyView> {
    const reader = this.#readerFor(options);
    const place = await reader.place(id, options.deadline);
    const row = await reader.row(place, options.deadline);
    const seen = await reader.work(place, row, options.deadline);
    const offers = this.#deps.node.directory
      .members()
      .map((member) => nodeOffer(member, this.#deps.isUp(member.node)));
    return { request: place.id, state: row.state, why: whyText(row, seen, offers) };
  }

  deleteRequest(...args: Parameters<ClusterPort["deleteRequest"]>): Promise<void> {
    return this.#change({ kind: "remove", expired: false }, ...args);
  }

  principal(
    token: string,
    options: { readonly deadlineMs: number },
  ): Promise<Principal | undefined> {
    const handler = this.#deps.volumes.principal(token);
    if (handler !== undefined) return Promise.resolve(handler);
    return this.#tokens.principal(token, options.deadlineMs);
  }

  isTokenKnown(token: string): boolean {
    return this.#deps.volumes.principal(token) !== undefined || this.#tokens.isKnown(token);
  }

  copyAgeMs(workflow: string | undefined): number | undefined {
    if (workflow === undefined) return this.#deps.copyAgeMs(SYSTEM_GROUP);
    const row = this.#deps.node.directory.workflowNamed(workflow);
    return row === undefined ? undefined : this.#deps.copyAgeMs(row.group);
  }

  #readerFor(options: CallOptions): RequestReader {
    return options.stale === true ? this.#staleReader : this.#reader;
  }

  workflowOf(request: string): string | undefined {
    return (parseRequestId(request) ?? parseKeptName(request))?.workflow;
  }

  metrics(): Promise<string> {
    return this.#deps.metrics.text();
  }

  #nodeView(member: MemberRow): NodeView {
    const { node, name, api, capabilities, slots, version, versions, durability } = member;
    const state = stateOfMember(member, this.#deps.isUp(node));
    const aheadMs = this.#deps.node.clockAheadMs(node);
    return {
      id: node,
      name,
      api,
      state,
      capabilities,
      slots,
      version,
      versions,
      durability,
      clockAheadMs: aheadMs === undefined ? null : Math.round(aheadMs),
      clockIsOff: Math.abs(aheadMs ?? 0) > CLOCK_OFF_MS,
      damaged: this.#deps.node.care
        .damagedOn(node)
        .map((group) => groupName(this.#deps.node, group)),
    };
  }
}
