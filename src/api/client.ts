/** A client of the API for programs; the command line is built on it. */

import type { GroupView, RecoveryView, ReplicaStateView, TicketView } from "./admin-port.ts";
import type { AttemptList, OutputView } from "./attempt-view.ts";
import { clientError } from "./client-errors.ts";
import {
  type EntityPlace,
  type Expected,
  entityPath,
  type InvocationFilter,
  queryOf,
  type RequestFilter,
  requestPath,
  revisionQuery,
  workflowPath,
} from "./client-paths.ts";
import type { ClusterView } from "./cluster-view.ts";
import { CopyClient } from "./copy-client.ts";
import { readEvents } from "./event-text.ts";
import { FileClient } from "./file-client.ts";
import type { InvocationList, InvocationView } from "./invocation-view.ts";
import { type ClientSubmission, submissionBody } from "./object-input.ts";
import type {
  ApplyReport,
  HandlerSourceView,
  JobView,
  NodeView,
  RequestList,
  RequestView,
  StepView,
  StreamEvent,
  SubmitAnswer,
  TokenAnswer,
  TokenView,
  WhyView,
  WorkflowSummary,
  WorkflowView,
} from "./ports.ts";
import { SecretClient } from "./secret-client.ts";
import { SnapshotClient } from "./snapshot-client.ts";
import {
  type ClientDeps,
  type ClientOptions,
  decoded,
  keep,
  RemoteError,
  readJson,
  Transport,
  WORK_MS,
} from "./transport.ts";
import { VolumeClient } from "./volume-client.ts";
import type { ApplyBody } from "./workflow-routes.ts";

/** What `/readyz` says. */
export interface ReadyAnswer {
  readonly ready: boolean;
  readonly reason: string;
  readonly warnings: readonly { readonly code: string; readonly message: string }[];
  readonly durability: string;
}

/** An apply starts workers that check every source. */
const APPLY_WORK_MS = 60_000;

/** A node first brings to itself what it does not have of a result. */
const RESULT_WORK_MS = 60_000;

/** A recovery applies what is left in a log before it answers. */
const RECOVER_WORK_MS = 60_000;

/** All methods reject with `RemoteError` (a node refused) or `CLIENT_*` (no node answered). */
export class JobxClient {
  readonly files: FileClient;
  readonly volumes: VolumeClient;
  readonly snapshots: SnapshotClient;
  readonly copies: CopyClient;
  readonly secrets: SecretClient;
  readonly #deps: ClientDeps;
  readonly #transport: Transport;
  readonly #stale: ClientOptions["stale"];

  constructor(deps: ClientDeps, options: ClientOptions) {
    this.#deps = deps;
    this.#stale = options.stale;
    this.#transport = new Transport(deps, options);
    this.files = new FileClient(this.#transport);
    this.volumes = new VolumeClient(this.#transport);
    this.snapshots = new SnapshotClient(this.#transport);
    this.copies = new CopyClient(this.#transport);
    this.secrets = new SecretClient(this.#transport);
  }

  /** URL of the node that answered last. */
  get url(): string {
    return this.#transport.url;
  }

  /** The cluster's version, as the node that answers has applied it. */
  cluster(): Promise<ClusterView> {
    return this.#get("/v1/cluster");
  }

  async nodes(): Promise<readonly NodeView[]> {
    return (await this.#get<{ readonly nodes: readonly NodeView[] }>("/v1/nodes")).nodes;
  }

  createTicket(input: { readonly expiresMs?: number; readonly uses?: number }): Promise<{
    readonly id: string;
    readonly ticket: string;
    readonly expiresMs: number;
    readonly uses: number;
  }> {
    return this.#transport.call({
      method: "POST",
      path: "/v1/tickets",
      body: input,
      repeat: "when-not-accepted",
    });
  }

  async tickets(): Promise<readonly TicketView[]> {
    const answer = await this.#read<{ readonly tickets: readonly TicketView[] }>("/v1/tickets");
    return answer.tickets;
  }

  /** Harmless to repeat. */
  revokeTicket(ticket: string): Promise<{ readonly ticket: string }> {
    const path = `/v1/tickets/${encodeURIComponent(ticket)}`;
    return this.#transport.call({ method: "DELETE", path, repeat: "always" });
  }

  /** Harmless to repeat, as are the next ones. */
  drainNode(node: string, drained: boolean): Promise<{ readonly node: string }> {
    const path = `/v1/nodes/${encodeURIComponent(node)}/${drained ? "drain" : "undrain"}`;
    return this.#transport.call({ method: "POST", path, repeat: "always" });
  }

  removeNode(node: string): Promise<{ readonly node: string }> {
    const path = `/v1/nodes/${encodeURIComponent(node)}`;
    return this.#transport.call({ method: "DELETE", path, repeat: "always" });
  }

  async groups(): Promise<readonly GroupView[]> {
    return (await this.#get<{ readonly groups: readonly GroupView[] }>("/v1/raft")).groups;
  }

  /** The replicas of the node that answers, and of no other. */
  async replicas(): Promise<readonly ReplicaStateView[]> {
    type Answer = { readonly replicas: readonly ReplicaStateView[] };
    return (await this.#get<Answer>("/v1/raft/replicas")).replicas;
  }

  transfer(group: string, node: string): Promise<{ readonly node: string }> {
    const path = `/v1/raft/${encodeURIComponent(group)}/leader/${encodeURIComponent(node)}`;
    return this.#transport.call({ method: "POST", path, repeat: "always" });
  }

  /** What a group that lost its majority has left; with `acceptLoss` it goes on with that. */
  recoverGroup(group: string, acceptLoss: boolean): Promise<RecoveryView> {
    const path = `/v1/raft/${encodeURIComponent(group)}/recover`;
    const body = { acceptLoss };
    return this.#transport.call({
      ...{ method: "POST", path, body, repeat: "when-not-accepted" },
      workMs: RECOVER_WORK_MS,
    });
  }

  /** Not repeated when it may have been done: nobody would know the first token's text. */
  createToken(input: {
    readonly name: string;
    readonly role: TokenView["role"];
    readonly workflows: readonly string[] | null;
  }): Promise<TokenAnswer> {
    return this.#transport.call({
      method: "POST",
      path: "/v1/tokens",
      body: input,
      repeat: "when-not-accepted",
    });
  }

  async tokens(): Promise<readonly TokenView[]> {
    const answer = await this.#read<{ readonly tokens: readonly TokenView[] }>("/v1/tokens");
    return answer.tokens;
  }

  revokeToken(id: string): Promise<{ readonly id: string }> {
    return this.#transport.call({
      method: "DELETE",
      path: `/v1/tokens/${encodeURIComponent(id)}`,
      repeat: "when-not-accepted",
    });
  }

  /** With `stale` as the node that answers knows them, whatever this client wants else. */
  async workflows({ stale = false } = {}): Promise<readonly WorkflowSummary[]> {
    type Answer = { readonly workflows: readonly WorkflowSummary[] };
    const answer = stale
      ? await this.#get<Answer>("/v1/workflows?stale=true")
      : await this.#read<Answer>("/v1/workflows");
    return answer.workflows;
  }

  workflow(name: string): Promise<WorkflowView> {
    return this.#get(`/v1/workflows/${encodeURIComponent(name)}`);
  }

  /** Applying the same definition again changes nothing, so it may be repeated. */
  apply(
    name: string,
    body: ApplyBody,
    input: { readonly dryRun: boolean; readonly force: boolean },
  ): Promise<ApplyReport> {
    return this.#transport.call({
      method: "PUT",
      path: `/v1/workflows/${encodeURIComponent(name)}?dryRun=${input.dryRun}&force=${input.force}`,
      body,
      repeat: "always",
      workMs: APPLY_WORK_MS,
    });
  }

  createWorkflow(input: {
    readonly workflow: string;
    readonly description?: string;
    readonly weight?: number;
  }): Promise<WorkflowView> {
    return this.#transport.call({
      method: "POST",
      path: "/v1/workflows",
      body: input,
      repeat: "when-not-accepted",
    });
  }

  async steps(workflow: string): Promise<readonly StepView[]> {
    const answer = await this.#get<{ readonly steps: readonly StepView[] }>(
      `${workflowPath(workflow)}/steps`,
    );
    return answer.steps;
  }

  async jobs(workflow: string): Promise<readonly JobView[]> {
    const answer = await this.#get<{ readonly jobs: readonly JobView[] }>(
      `${workflowPath(workflow)}/jobs`,
    );
    return answer.jobs;
  }

  step(workflow: string, name: string): Promise<StepView> {
    return this.#get(entityPath({ workflow, plural: "steps", name }));
  }

  job(workflow: string, name: string): Promise<JobView> {
    return this.#get(entityPath({ workflow, plural: "jobs", name }));
  }

  handler(workflow: string, name: string): Promise<HandlerSourceView> {
    return this.#get(entityPath({ workflow, plural: "handlers", name }));
  }

  /** Makes a step or job as a workflow file writes it. */
  createEntity<View>(
    at: { readonly workflow: string; readonly plural: "steps" | "jobs"; readonly name: string },
    body: object,
  ): Promise<View> {
    return this.#transport.call({
      method: "POST",
      path: `${workflowPath(at.workflow)}/${at.plural}`,
      body: { ...body, name: at.name },
      repeat: "when-not-accepted",
    });
  }

  /** Replaces a step or job; with `revision` only that one. */
  updateEntity<View>(at: EntityPlace<"steps" | "jobs">, body: object): Promise<View> {
    return this.#transport.call({
      method: "PUT",
      path: entityPath(at) + revisionQuery(at),
      body,
      repeat: at.revision === undefined ? "always" : "when-not-accepted",
    });
  }

  deleteEntity(at: EntityPlace<"steps" | "jobs" | "handlers">): Promise<{ readonly name: string }> {
    return this.#transport.call({
      method: "DELETE",
      path: entityPath(at) + revisionQuery(at),
      repeat: "when-not-accepted",
    });
  }

  deleteWorkflow(name: string): Promise<{ readonly workflow: string }> {
    return this.#transport.call({
      method: "DELETE",
      path: `/v1/workflows/${encodeURIComponent(name)}`,
      repeat: "when-not-accepted",
    });
  }

  /** Always carries an idempotency key, a random one when none is given, so it may be repeated. */
  submit(input: ClientSubmission): Promise<SubmitAnswer> {
    const { workflow, job } = input;
    return this.#transport.call({
      method: "POST",
      path: `/v1/workflows/${encodeURIComponent(workflow)}/jobs/${encodeURIComponent(job)}/requests`,
      body: submissionBody(input),
      headers: { "idempotency-key": input.idempotencyKey ?? this.#deps.randomKey() },
      repeat: "always",
    });
  }

  request(
    id: string,
    input: {
      readonly waitMs: number;
      readonly withResult: boolean;
      /** Told of a pause already: answers when it is over. Default false. */
      readonly knowsPaused?: boolean;
    },
  ): Promise<RequestView> {
    const known = input.knowsPaused === true ? "&known=paused" : "";
    const query = `wait=${input.waitMs}&result=${input.withResult}${known}`;
    return this.#read(`${requestPath(id)}?${query}`, input.waitMs);
  }

  /** A page, the newest first; go on with its `next` as `before`. */
  requests(workflow: string, page: RequestFilter): Promise<RequestList> {
    return this.#read(`${workflowPath(workflow)}/requests?${queryOf(page)}`);
  }

  /**
   * The text of a result as it arrives, a pair on each line. One that breaks off rejects while it is
   * read, with `CLIENT_RESULT_BROKEN`.
   */
  async result(id: string): Promise<AsyncIterable<string>> {
    const stale = this.#stale === undefined ? "" : "?stale=true";
    const call = {
      method: "GET",
      path: `${requestPath(id)}/result${stale}`,
      headers: { accept: "application/x-ndjson" },
      repeat: "always",
      workMs: RESULT_WORK_MS,
    } as const;
    const response = await this.#transport.call<Response>(call, { stream: true, read: keep });
    return wholeLines(decoded(response), { url: this.url, request: id });
  }

  why(id: string): Promise<WhyView> {
    return this.#read(`${requestPath(id)}/why`);
  }

  /**
   * What happens to a request, until the stream ends: with the request, with its node, or with a
   * failure, which is thrown. `after` is the number of the last event that was seen.
   */
  async *events(
    id: string,
    after: number | undefined,
  ): AsyncGenerator<StreamEvent, void, undefined> {
    const query = after === undefined ? "" : `?after=${after}`;
    const call = {
      method: "GET",
      path: `${requestPath(id)}/events${query}`,
      repeat: "always",
    } as const;
    const response = await this.#transport.call<Response>(call, { stream: true, read: keep });
    yield* readEvents(decoded(response), this.url);
  }

  /** Carries a random idempotency key, so it may be repeated. */
  retry(id: string, input: { readonly keep?: string | undefined }): Promise<SubmitAnswer> {
    return this.#transport.call({
      method: "POST",
      path: `${requestPath(id)}/retry`,
      body: input.keep === undefined ? {} : { keep: input.keep },
      headers: { "idempotency-key": this.#deps.randomKey() },
      repeat: "always",
    });
  }

  /** With a revision only if it is at that one; so the next ones. */
  deleteRequest(id: string, at: Expected = {}): Promise<{ readonly request: string }> {
    return this.#transport.call({
      method: "DELETE",
      path: requestPath(id) + revisionQuery(at),
      repeat: "when-not-accepted",
    });
  }

  attempts(id: string, input: { readonly limit: number }): Promise<AttemptList> {
    return this.#read(`${requestPath(id)}/attempts?limit=${input.limit}`);
  }

  /** A page of the invocations of a request; go on with its `next` as `after`. */
  invocations(id: string, page: InvocationFilter): Promise<InvocationList> {
    const query = queryOf(page);
    return this.#read(`${requestPath(id)}/invocations?${query}`);
  }

  invocation(
    id: string,
    invocation: string,
    wanted: { readonly input: boolean; readonly output: boolean },
  ): Promise<InvocationView> {
    const path = `${requestPath(id)}/invocations/${encodeURIComponent(invocation)}`;
    return this.#read(`${path}?${queryOf(wanted)}`);
  }

  /** What a running attempt has printed after so many bytes of each stream. */
  output(
    id: string,
    of: { readonly attempt: string; readonly stdout: number; readonly stderr: number },
  ): Promise<OutputView> {
    const path = `${requestPath(id)}/attempts/${encodeURIComponent(of.attempt)}`;
    return this.#get(`${path}/output?stdout=${of.stdout}&stderr=${of.stderr}`);
  }

  /** A request that has ended stays as it is, so cancelling may be repeated. */
  cancel(id: string, at: Expected = {}): Promise<RequestView> {
    return this.#transport.call({
      method: "POST",
      path: `${requestPath(id)}/cancel${revisionQuery(at)}`,
      repeat: "when-not-accepted",
    });
  }

  resume(id: string, at: Expected = {}): Promise<RequestView> {
    return this.#transport.call({
      method: "POST",
      path: `${requestPath(id)}/resume${revisionQuery(at)}`,
      repeat: "when-not-accepted",
    });
  }

  /** Whether the node that is asked can serve. Not repeated: "not now" is an answer. */
  async ready(): Promise<ReadyAnswer> {
    const call = { method: "GET", path: "/readyz", repeat: "always" } as const;
    const outcome = await this.#transport.attempt(call, WORK_MS, readJson<ReadyAnswer>());
    if (outcome.kind === "answer") return outcome.answer;
    const { error } = outcome;
    if (!(error instanceof RemoteError)) throw error;
    const { remote } = error.details;
    if (typeof remote["reason"] !== "string") throw error;
    const durability = String(remote["durability"]);
    return { ready: false, reason: remote["reason"], warnings: [], durability };
  }

  #get<Answer>(path: string): Promise<Answer> {
    return this.#transport.call({ method: "GET", path, repeat: "always" });
  }

  /** A call that may be answered from a node's own copy, if this client is content with that. */
  #read<Answer>(path: string, waitMs = 0): Promise<Answer> {
    const stale = this.#stale;
    if (stale === undefined) {
      return this.#transport.call({ method: "GET", path, repeat: "always", waitMs });
    }
    const { read } = readJson<Answer>();
    const from = `${path}${path.includes("?") ? "&" : "?"}stale=true`;
    const call = { method: "GET", path: from, repeat: "always" } as const;
    return this.#transport.call(call, {
      stream: false,
      read: (answer) => {
        const age = Number(answer.response.headers.get("jobx-age-ms") ?? "unknown");
        stale({ url: answer.url, ageMs: Number.isFinite(age) ? age : undefined });
        return read(answer);
      },
    });
  }
}

/** The same parts; an end in the middle of a line is one too early. */
async function* wholeLines(
  parts: AsyncIterable<string>,
  of: { readonly url: string; readonly request: string },
): AsyncGenerator<string, void, undefined> {
  let last = "\n";
  let cause: unknown;
  try {
    for await (const part of parts) {
      yield part;
      last = part.at(-1) ?? last;
    }
  } catch (error) {
    cause = error;
    last = "";
  }
  if (last === "\n") return;
  throw clientError(
    { code: "CLIENT_RESULT_BROKEN", ...of },
    `the result of ${of.request} broke off: ${of.url} did not send all of it; what was written is not whole`,
    { cause },
  );
}
