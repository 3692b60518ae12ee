/** A cluster in memory, for tests of what stands in front of one. Requests end when a test says so. */
import type { AttemptList, AttemptView, OutputView } from "../../src/api/attempt-view.ts";
import type { ClusterView } from "../../src/api/cluster-view.ts";
import type {
  ApplyReport,
  CallOptions,
  ClusterPort,
  EntityChange,
  HandlerSourceView,
  JobView,
  Json,
  NodeView,
  Principal,
  RequestError,
  RequestList,
  RequestPage,
  RequestView,
  RequestWait,
  StepView,
  StreamEvent,
  SubmitAnswer,
  SubmitInput,
  TokenView,
  WhyView,
  WorkflowDefinition,
  WorkflowSummary,
  WorkflowView,
} from "../../src/api/ports.ts";
import { JobxError } from "../../src/std/errors.ts";
import { FakeAdmin } from "./fake-admin.ts";
import { changedEntity, merged, reportOf, shownHandlers, shownSteps } from "./fake-definitions.ts";
import { FakeFiles } from "./fake-files.ts";
import { FakeInvocations } from "./fake-invocations.ts";
import { FIRST_NODE } from "./fake-node.ts";
import { type FakeOutput, fakeOutputView } from "./fake-output.ts";
import { BROKEN, runningRequest } from "./fake-requests.ts";
import { principalOfToken } from "./fake-tokens.ts";
import { fakeClusterView } from "./fake-versions.ts";

/** Makes an error of the cluster; the codes are those of `ClusterErrorCode`. */
export function clusterFailure(code: string, fields: Record<string, unknown> = {}): JobxError {
  return new JobxError({ code, ...fields }, `the cluster says ${code}`);
}

/** What was called, with what. */
export interface FakeCall {
  readonly method: string;
  readonly input: unknown;
  readonly deadlineMs: number;
  readonly stale: boolean;
}

export class FakeCluster implements ClusterPort {
  readonly admin = new FakeAdmin((method, input, options) => this.#called(method, input, options));
  readonly invocations = new FakeInvocations((...call) => this.#called(...call));
  readonly files = new FakeFiles((...call) => this.#called(...call));
  readonly inodes = this.files.memory.inodes;
  readonly volumes = this.files.volumes;
  readonly snapshots = this.files.snapshots;
  readonly copies = this.files.copies;
  readonly secrets = this.files.secrets;
  readonly calls: FakeCall[] = [];
  /** Thrown by the next calls, in order, instead of an answer. */
  readonly failures: unknown[] = [];
  readonly definitions = new Map<string, WorkflowDefinition>();
  readonly views = new Map<string, RequestView>();
  readonly attemptViews: AttemptView[] = [];
  forgottenAttempts = 0;
  /** What running attempts have printed, by their live names; plain ASCII. */
  readonly outputs = new Map<string, FakeOutput>();
  readonly tokenViews: TokenView[] = [];
  readonly revoked = new Set<string>();
  readonly stream: (StreamEvent | Error)[] = [];
  readonly #byKey = new Map<string, { readonly body: string; readonly request: string }>();
  readonly #waiting = new Set<() => void>();
  nodeViews: readonly NodeView[] = [FIRST_NODE];
  isReady = true;
  resultBreaks = false;
  /** Of every definition. */
  revision = 7;
  /** Thrown by the next call that asks for a request. */
  failNextWait: Error | undefined;
  /** Forgets everything, so that one server can serve many tests. */
  reset(): void {
    for (const known of [this.definitions, this.views, this.#byKey, this.outputs]) known.clear();
    for (const list of [this.calls, this.failures, this.attemptViews, this.tokenViews, this.stream])
      list.length = 0;
    this.revoked.clear();
    this.nodeViews = [FIRST_NODE];
    Object.assign(this, { isReady: true, resultBreaks: false, revision: 7 });
    for (const part of [this.admin, this.files]) part.reset();
    this.invocations.views.length = 0;
  }

  #called(method: string, input: unknown, options: CallOptions): void {
    const { deadline, stale = false } = options;
    this.calls.push({ method, input, deadlineMs: deadline.ms, stale });
    if (this.failures.length > 0) throw this.failures.shift();
  }
  /** How many calls wait for a request to end. */
  get waits(): number {
    return this.#waiting.size;
  }

  /** Changes a request and wakes who waits for it. */
  change(id: string, fields: Partial<RequestView>): void {
    const old = this.#view(id);
    const changes = fields.state !== undefined && fields.state !== old.state;
    const view = { ...old, revision: old.revision + (changes ? 1 : 0), ...fields };
    this.views.set(id, view);
    const { request, workflow, job, state, revision, submittedAt, endedAt, steps } = view;
    const told = { request, workflow, job, state, revision, submittedAt, endedAt, steps };
    this.tell({ kind: "request", number: this.stream.length + 1000, ...told });
  }

  succeed(id: string, pairs: readonly (readonly [string, number])[]): void {
    this.change(id, { state: "succeeded", endedAt: "2026-01-01T00:00:09Z", result: { pairs } });
  }

  fail(id: string, error: Partial<RequestError>): void {
    const endedAt = "2026-01-01T00:00:09Z";
    this.change(id, { state: "failed", endedAt, error: { ...BROKEN, ...error } });
  }

  #view(id: string): RequestView {
    const view = this.views.get(id);
    if (view === undefined) throw clusterFailure("REQUEST_UNKNOWN", { request: id });
    return view;
  }

  #definition(name: string): WorkflowDefinition {
    const definition = this.definitions.get(name);
    if (definition === undefined) throw clusterFailure("WORKFLOW_UNKNOWN", { workflow: name });
    return definition;
  }

  self(): NodeView {
    return FIRST_NODE;
  }

  ready(): ReturnType<ClusterPort["ready"]> {
    const reason = this.isReady ? "" : "still joining";
    const reasons = this.isReady ? [] : [{ code: "starting", message: reason }];
    return { ready: this.isReady, reason, reasons, warnings: [], durability: "sync" };
  }

  clusterView(): ClusterView {
    return fakeClusterView(this.nodeViews);
  }

  async nodes(options: CallOptions): Promise<readonly NodeView[]> {
    this.#called("nodes", {}, options);
    return this.nodeViews;
  }

  async workflows(options: CallOptions): Promise<readonly WorkflowSummary[]> {
    this.#called("workflows", {}, options);
    return [...this.definitions.values()].map(({ workflow, description, weight }) => ({
      ...{ workflow, description: description ?? "", weight: weight ?? 1 },
      state: "active" as const,
    }));
  }

  async workflow(name: string, options: CallOptions): Promise<WorkflowView> {
    this.#called("workflow", name, options);
    const definition = this.#definition(name);
    return {
      workflow: name,
      description: definition.description ?? "",
      state: "active",
      scheduler: FIRST_NODE.id,
      schedulerName: FIRST_NODE.name,
      term: 3,
      replicas: [{ node: FIRST_NODE.id, name: FIRST_NODE.name, replica: 1, role: "voter" }],
      appliedIndex: 17,
      revision: this.revision,
      steps: shownSteps(definition),
      jobs: definition.jobs ?? {},
      handlers: shownHandlers(definition, this.revision),
      ...{ retention: definition.retention ?? null, weight: definition.weight ?? 1 },
    };
  }

  async apply(
    definition: WorkflowDefinition,
    input: Parameters<ClusterPort["apply"]>[1],
    options: CallOptions,
  ): Promise<ApplyReport> {
    this.#called("apply", { definition, ...input }, options);
    const old = this.definitions.get(definition.workflow);
    if (!input.dryRun) this.definitions.set(definition.workflow, merged(old, definition));
    return reportOf(old, definition);
  }

  async createWorkflow(
    input: Parameters<ClusterPort["createWorkflow"]>[0],
    options: CallOptions,
  ): Promise<WorkflowView> {
    this.#called("createWorkflow", input, options);
    if (this.definitions.has(input.workflow)) throw clusterFailure("WORKFLOW_EXISTS");
    this.definitions.set(input.workflow, {
      ...input,
      handlers: [],
      steps: {},
      jobs: {},
      retention: undefined,
    });
    return this.workflow(input.workflow, options);
  }

  async steps(workflow: string, options: CallOptions): Promise<readonly StepView[]> {
    this.#called("steps", workflow, options);
    return Object.entries(shownSteps(this.#definition(workflow))).map(([name, step]) => ({
      name,
      revision: this.revision,
      ...step,
    }));
  }

  async step(workflow: string, name: string, options: CallOptions): Promise<StepView> {
    const found = (await this.steps(workflow, options)).find((one) => one.name === name);
    if (found === undefined) throw clusterFailure("STEP_UNKNOWN");
    return found;
  }

  async jobs(workflow: string, options: CallOptions): Promise<readonly JobView[]> {
    this.#called("jobs", workflow, options);
    return Object.entries(this.#definition(workflow).jobs ?? {}).map(([name, job]) => ({
      name,
      revision: this.revision,
      ...job,
    }));
  }

  async job(workflow: string, name: string, options: CallOptions): Promise<JobView> {
    const found = (await this.jobs(workflow, options)).find((one) => one.name === name);
    if (found === undefined) throw clusterFailure("JOB_UNKNOWN");
    return found;
  }

  async handler(workflow: string, name: string, options: CallOptions): Promise<HandlerSourceView> {
    const { handlers } = await this.workflow(workflow, options);
    const found = handlers.find((one) => one.name === name);
    if (found === undefined) throw clusterFailure("HANDLER_UNKNOWN");
    return { ...found, source: "// source" };
  }

  /** Steps and jobs only; what is in use and what the rules are is the real one's affair. */
  async changeEntity(
    change: EntityChange,
    options: CallOptions,
  ): Promise<StepView | JobView | null> {
    this.#called("changeEntity", change, options);
    const definition = this.#definition(change.workflow);
    if (change.revision !== undefined && change.revision !== this.revision) {
      throw clusterFailure("REVISION_CHANGED");
    }
    const changed = changedEntity(definition, change, this.revision + 1);
    if (changed === undefined) return null;
    this.revision += 1;
    this.definitions.set(change.workflow, changed.definition);
    return changed.view;
  }

  async deleteWorkflow(name: string, options: CallOptions): Promise<void> {
    this.#called("deleteWorkflow", name, options);
    this.#definition(name);
    this.definitions.delete(name);
  }

  async submit(
    input: SubmitInput,
    options: CallOptions,
  ): Promise<{ readonly request: string; readonly duplicate: boolean }> {
    this.#called("submit", input, options);
    const jobs = this.#definition(input.workflow).jobs ?? {};
    if (!Object.hasOwn(jobs, input.job)) throw clusterFailure("JOB_UNKNOWN", { job: input.job });
    const body = JSON.stringify(input.arguments);
    const known = input.idempotencyKey && this.#byKey.get(input.idempotencyKey);
    if (known) {
      if (known.body !== body) throw clusterFailure("IDEMPOTENCY_CONFLICT");
      return { request: known.request, duplicate: true };
    }
    const request = `r${this.views.size + 1}`;
    if (input.idempotencyKey !== undefined)
      this.#byKey.set(input.idempotencyKey, { body, request });
    this.views.set(request, runningRequest(request, input));
    return { request, duplicate: false };
  }

  async request(id: string, input: RequestWait, options: CallOptions): Promise<RequestView> {
    this.#called("request", { id, ...input }, options);
    const failure = this.failNextWait;
    this.failNextWait = undefined;
    if (failure !== undefined) throw failure;
    const deadline = performance.now() + input.waitMs;
    const hasNews = ({ endedAt, state }: RequestView): boolean =>
      endedAt !== null || (state === "paused") !== input.knowsPaused;
    while (!hasNews(this.#view(id)) && performance.now() < deadline) {
      await this.#change(deadline - performance.now(), options.signal);
      options.signal.throwIfAborted();
    }
    const view = this.#view(id);
    return input.withResult ? view : { ...view, result: null };
  }

  #change(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, Math.max(0, ms));
      signal.addEventListener("abort", wake);
      this.#waiting.add(wake);
    });
  }

  /** Looks at as many as are asked for, so that a page in which few fit ends early. */
  async requests(workflow: string, page: RequestPage, options: CallOptions): Promise<RequestList> {
    this.#called("requests", { workflow, ...page }, options);
    this.#definition(workflow);
    const all = [...this.views.values()].reverse();
    const from = all.findIndex(({ request }) => request === page.before) + 1;
    const looked = all.slice(from, from + page.limit);
    const requests = looked.filter(({ state }) => page.states?.includes(state) ?? true);
    const isLast = from + looked.length >= all.length;
    return { requests, next: isLast ? null : (looked.at(-1)?.request ?? null) };
  }

  async result(id: string, options: CallOptions): Promise<AsyncIterable<Uint8Array>> {
    this.#called("result", id, options);
    const { result } = this.#view(id);
    if (result === null) throw clusterFailure("RESULT_NOT_THERE");
    const breaks = this.resultBreaks;
    async function* pages(pairs: readonly (readonly [Json, Json])[]) {
      for (const pair of pairs) yield Buffer.from(`${JSON.stringify(pair)}\n`);
      if (breaks) throw clusterFailure("FS_BLOCK_MISSING");
    }
    return pages(result.pairs);
  }

  async retry(
    id: string,
    input: { readonly idempotencyKey: string | undefined; readonly keep: string | undefined },
    options: CallOptions,
  ): Promise<SubmitAnswer> {
    this.#called("retry", { id, ...input }, options);
    const old = this.#view(id);
    const request = `r${this.views.size + 1}`;
    const { workflow, job } = old;
    this.views.set(request, { ...old, request, state: "queued", endedAt: null, retryOf: id });
    return { request, workflow, job, duplicate: false };
  }

  async *events(
    of: { readonly workflow: string } | { readonly request: string },
    after: number | undefined,
    options: CallOptions,
  ): AsyncGenerator<StreamEvent, void, undefined> {
    this.#called("events", { of, after }, options);
    if (after === undefined) {
      const requests = "request" in of ? [this.#view(of.request)] : [...this.views.values()];
      yield { kind: "resync", number: 1, requests };
    }
    for (let sent = 0; ; ) {
      for (const event of this.stream.slice(sent)) {
        sent += 1;
        if (event instanceof Error) throw event;
        yield event;
        if (event.kind === "request" && event.endedAt !== null) return;
      }
      options.signal.throwIfAborted();
      await this.#change(60_000, options.signal);
      if (options.signal.aborted) return;
    }
  }

  /** Adds to what those who follow are told. */
  tell(event: StreamEvent | Error): void {
    this.stream.push(event);
    for (const wake of [...this.#waiting]) wake();
  }

  async why(id: string, options: CallOptions): Promise<WhyView> {
    this.#called("why", id, options);
    const { state } = this.#view(id);
    return { request: id, state, why: "1 unit waits for the capability gpu." };
  }

  #expect(id: string, revision: number | undefined): void {
    if (revision === undefined || revision === this.#view(id).revision) return;
    throw clusterFailure("REVISION_CHANGED");
  }

  async deleteRequest(
    id: string,
    revision: number | undefined,
    options: CallOptions,
  ): Promise<void> {
    this.#called("deleteRequest", { id, revision }, options);
    this.#expect(id, revision);
    if (this.#view(id).endedAt === null) throw clusterFailure("REQUEST_NOT_ENDED");
    this.views.delete(id);
  }

  async attempts(
    id: string,
    input: { readonly limit: number },
    options: CallOptions,
  ): Promise<AttemptList> {
    this.#called("attempts", { id, ...input }, options);
    this.#view(id);
    const attempts = this.attemptViews.slice(0, input.limit);
    const truncated = attempts.length < this.attemptViews.length;
    return { attempts, truncated, forgotten: this.forgottenAttempts };
  }

  async output(
    id: string,
    of: Parameters<ClusterPort["output"]>[1],
    options: CallOptions,
  ): Promise<OutputView> {
    this.#called("output", { id, ...of }, options);
    const output = this.outputs.get(of.attempt);
    if (output === undefined) throw clusterFailure("ATTEMPT_UNKNOWN");
    return fakeOutputView(output, of);
  }

  async cancel(
    id: string,
    revision: number | undefined,
    options: CallOptions,
  ): Promise<RequestView> {
    this.#called("cancel", { id, revision }, options);
    this.#expect(id, revision);
    this.change(id, { state: "cancelled", endedAt: "2026-01-01T00:00:05Z" });
    return this.#view(id);
  }

  async resume(
    id: string,
    revision: number | undefined,
    options: CallOptions,
  ): Promise<RequestView> {
    this.#called("resume", { id, revision }, options);
    this.#expect(id, revision);
    if (this.#view(id).state !== "paused") throw clusterFailure("REQUEST_NOT_PAUSED");
    this.change(id, { state: "running" });
    return this.#view(id);
  }

  version(): string {
    return "0.1.0";
  }

  async createToken(
    input: Parameters<ClusterPort["createToken"]>[0],
    options: CallOptions,
  ): Promise<TokenView & { readonly token: string }> {
    this.#called("createToken", input, options);
    const id = String(this.tokenViews.length + 1).padStart(16, "0");
    const view = { id, ...input, createdAt: "2026-01-01T00:00:00Z" };
    this.tokenViews.push(view);
    return { ...view, token: `jobx_${id}` };
  }

  async tokens(options: CallOptions): Promise<readonly TokenView[]> {
    this.#called("tokens", {}, options);
    return this.tokenViews;
  }

  async revokeToken(id: string, options: CallOptions): Promise<void> {
    this.#called("revokeToken", id, options);
    const at = this.tokenViews.findIndex((view) => view.id === id);
    if (at === -1) throw clusterFailure("TOKEN_UNKNOWN");
    this.tokenViews.splice(at, 1);
  }

  isTokenKnown(token: string): boolean {
    return !this.revoked.has(token);
  }

  async principal(token: string): Promise<Principal | undefined> {
    return this.revoked.has(token) ? undefined : principalOfToken(token);
  }

  copyAgeMs(workflow: string | undefined): number | undefined {
    return workflow === "text" ? 1_250 : undefined;
  }

  workflowOf(request: string): string | undefined {
    return this.views.get(request)?.workflow;
  }

  metrics = (): Promise<string> =>
    Promise.resolve("# HELP jobx_up Whether the node is up.\njobx_up 1\n");
}
