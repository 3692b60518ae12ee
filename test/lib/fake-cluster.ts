/** A cluster in memory, for tests of what stands in front of one. Requests end when a test says so. */
import type {
  ApplyReport,
  AttemptView,
  CallOptions,
  ClusterPort,
  NodeView,
  RequestError,
  RequestView,
  SubmitInput,
  WorkflowDefinition,
  WorkflowView,
} from "../../src/api/ports.ts";
import { JobxError } from "../../src/std/errors.ts";

/** Tokens that the fake knows. */
export const TOKENS = { read: "read-token", submit: "submit-token", admin: "admin-token" } as const;

/** Makes an error of the cluster; the codes are those of `ClusterErrorCode`. */
export function clusterFailure(code: string, fields: Record<string, unknown> = {}): JobxError {
  return new JobxError({ code, ...fields }, `the cluster says ${code}`);
}

const NODE: NodeView = {
  id: "12D3KooWfirst",
  name: "node-1",
  api: "http://127.0.0.1:7070",
  state: "up",
  capabilities: ["general", "python"],
  slots: 4,
  version: "0.1.0",
};

/** What was called, with what. */
export interface FakeCall {
  readonly method: string;
  readonly input: unknown;
  readonly deadlineMs: number;
}

export class FakeCluster implements ClusterPort {
  readonly calls: FakeCall[] = [];
  /** Thrown by the next calls, in order, instead of an answer. */
  readonly failures: unknown[] = [];
  readonly definitions = new Map<string, WorkflowDefinition>();
  readonly views = new Map<string, RequestView>();
  readonly attemptViews: AttemptView[] = [];
  readonly #byKey = new Map<string, { readonly body: string; readonly request: string }>();
  readonly #waiting = new Set<() => void>();
  nodeViews: readonly NodeView[] = [NODE];
  isReady = true;

  /** Thrown by the next call that asks for a request. */
  failNextWait: Error | undefined;

  /** Forgets everything, so that one server can serve many tests. */
  reset(): void {
    for (const known of [this.definitions, this.views, this.#byKey]) known.clear();
    for (const list of [this.calls, this.failures, this.attemptViews]) list.length = 0;
    this.nodeViews = [NODE];
    this.isReady = true;
  }

  #called(method: string, input: unknown, options: CallOptions): void {
    this.calls.push({ method, input, deadlineMs: options.deadlineMs });
    if (this.failures.length > 0) throw this.failures.shift();
  }

  /** How many calls wait for a request to end. */
  get waits(): number {
    return this.#waiting.size;
  }

  /** Changes a request and wakes who waits for it. */
  change(id: string, fields: Partial<RequestView>): void {
    this.views.set(id, { ...this.#view(id), ...fields });
    for (const wake of [...this.#waiting]) wake();
  }

  succeed(id: string, pairs: readonly (readonly [string, number])[]): void {
    this.change(id, { state: "succeeded", endedAt: "2026-01-01T00:00:09Z", result: { pairs } });
  }

  fail(id: string, error: Partial<RequestError>): void {
    const whole = {
      code: "HANDLER_FAILED",
      message: "it broke",
      invocation: "i1",
      traceback: "Traceback: line 1",
      stdout: "",
      stderr: "",
    };
    this.change(id, {
      state: "failed",
      endedAt: "2026-01-01T00:00:09Z",
      error: { ...whole, ...error },
    });
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
    return NODE;
  }

  ready(): { ready: boolean; reason: string; durability: "sync" } {
    return { ready: this.isReady, reason: this.isReady ? "" : "still joining", durability: "sync" };
  }

  async nodes(options: CallOptions): Promise<readonly NodeView[]> {
    this.#called("nodes", {}, options);
    return this.nodeViews;
  }

  async createTicket(
    input: { readonly expiresMs: number; readonly uses: number },
    options: CallOptions,
  ): Promise<string> {
    this.#called("createTicket", input, options);
    return "jobx1-ticket";
  }

  async workflows(
    options: CallOptions,
  ): Promise<readonly { workflow: string; description: string; state: string }[]> {
    this.#called("workflows", {}, options);
    return [...this.definitions.values()].map(({ workflow, description }) => ({
      workflow,
      description: description ?? "",
      state: "active",
    }));
  }

  async workflow(name: string, options: CallOptions): Promise<WorkflowView> {
    this.#called("workflow", name, options);
    const definition = this.#definition(name);
    return {
      workflow: name,
      description: definition.description ?? "",
      state: "active",
      scheduler: NODE.id,
      schedulerName: NODE.name,
      term: 3,
      replicas: [{ node: NODE.id, name: NODE.name, replica: 1, role: "voter" }],
      appliedIndex: 17,
      steps: definition.steps ?? {},
      jobs: definition.jobs ?? {},
      handlers: (definition.handlers ?? []).map(({ name: handler, language }) => ({
        name: handler,
        version: "0123456789abcdef",
        type: "mapper",
        language,
        requiredCapability: "none",
        description: "",
      })),
    };
  }

  async apply(
    definition: WorkflowDefinition,
    input: { readonly dryRun: boolean; readonly force: boolean },
    options: CallOptions,
  ): Promise<ApplyReport> {
    this.#called("apply", { definition, ...input }, options);
    const old = this.definitions.get(definition.workflow);
    if (!input.dryRun) {
      this.definitions.set(definition.workflow, {
        workflow: definition.workflow,
        description: definition.description ?? old?.description,
        handlers: definition.handlers ?? old?.handlers,
        steps: definition.steps ?? old?.steps,
        jobs: definition.jobs ?? old?.jobs,
      });
    }
    return {
      workflow: definition.workflow,
      created: old === undefined,
      handlers: {
        added: (definition.handlers ?? []).map(({ name }) => name),
        updated: [],
        removed: [],
        unchanged: [],
        kept: [],
      },
      steps: { changed: Object.keys(definition.steps ?? {}), unchanged: [] },
      jobs: { changed: Object.keys(definition.jobs ?? {}), unchanged: [] },
    };
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
    this.views.set(request, {
      request,
      workflow: input.workflow,
      job: input.job,
      state: "running",
      submittedAt: "2026-01-01T00:00:00Z",
      endedAt: null,
      result: null,
      error: null,
      steps: { words: { total: 4, done: 1, failed: 0 } },
      warnings: [],
    });
    return { request, duplicate: false };
  }

  async request(
    id: string,
    input: { readonly waitMs: number; readonly withResult: boolean },
    options: CallOptions,
  ): Promise<RequestView> {
    this.#called("request", { id, ...input }, options);
    const failure = this.failNextWait;
    this.failNextWait = undefined;
    if (failure !== undefined) throw failure;
    const deadline = performance.now() + input.waitMs;
    while (this.#view(id).endedAt === null && performance.now() < deadline) {
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

  async requests(
    workflow: string,
    input: { readonly limit: number; readonly before: string | undefined },
    options: CallOptions,
  ): Promise<readonly RequestView[]> {
    this.#called("requests", { workflow, ...input }, options);
    this.#definition(workflow);
    return [...this.views.values()].reverse().slice(0, input.limit);
  }

  async attempts(
    id: string,
    input: { readonly limit: number },
    options: CallOptions,
  ): Promise<{ readonly attempts: readonly AttemptView[]; readonly truncated: boolean }> {
    this.#called("attempts", { id, ...input }, options);
    this.#view(id);
    const attempts = this.attemptViews.slice(0, input.limit);
    return { attempts, truncated: attempts.length < this.attemptViews.length };
  }

  async cancel(id: string, options: CallOptions): Promise<RequestView> {
    this.#called("cancel", id, options);
    this.change(id, { state: "cancelled", endedAt: "2026-01-01T00:00:05Z" });
    return this.#view(id);
  }

  async resume(id: string, options: CallOptions): Promise<RequestView> {
    this.#called("resume", id, options);
    if (this.#view(id).state !== "paused") throw clusterFailure("REQUEST_NOT_PAUSED");
    this.change(id, { state: "running" });
    return this.#view(id);
  }

  roleOf(token: string): "read" | "submit" | "admin" | undefined {
    if (token === TOKENS.read) return "read";
    if (token === TOKENS.submit) return "submit";
    return token === TOKENS.admin ? "admin" : undefined;
  }

  metrics(): string {
    return "# HELP jobx_up Whether the node is up.\njobx_up 1\n";
  }
}
