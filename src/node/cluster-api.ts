/** The node as its HTTP API sees it. Any node answers for any workflow. */
import { createHash, randomBytes } from "node:crypto";
import type { ClusterNode } from "../actors/cluster-node.ts";
import type {
  AttemptView,
  CallOptions,
  ClusterPort,
  Json,
  NodeView,
  RequestView,
  SubmitInput,
  WorkflowView,
} from "../api/ports.ts";
import { ticketVerifier } from "../mesh/ticket.ts";
import type { Dataset } from "../scheduler/dataset.ts";
import type { RequestRow } from "../scheduler/rows.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { requestId } from "../scheduler/unit.ts";
import { ClusterError, workflowUnknown } from "./cluster-errors.ts";
import type { DataPlane } from "./data-plane/data-plane.ts";
import { RequestReader } from "./request-reader.ts";
import { printTicket } from "./ticket-text.ts";
import { handlerViews, jobViews, requestView, stepViews } from "./views.ts";
import { bodyHash, WorkflowWriter } from "./workflow-writer.ts";

/** Pairs of a result that one answer carries; larger ones are for the command line's own reading. */
const RESULT_PAIRS_MAX = 1_000_000;

/** Bytes of a ticket's secret: nobody guesses it. */
const SECRET_BYTES = 32;

/** Longest part of one wait at the scheduler; longer ones are asked again. */
const WAIT_MS_MAX = 20_000;

export interface ClusterApiDeps {
  readonly node: ClusterNode;
  readonly plane: DataPlane;
  readonly member: () => MemberRow | undefined;
  readonly isUp: (node: string) => boolean;
  readonly version: string;
  /** Undefined while all is well, else why this node cannot serve. */
  readonly trouble: () => string | undefined;
  readonly metrics: () => string;
}

export class ClusterApi implements ClusterPort {
  readonly #deps: ClusterApiDeps;
  readonly #reader: RequestReader;
  readonly #writer: WorkflowWriter;

  constructor(deps: ClusterApiDeps) {
    this.#deps = deps;
    this.#reader = new RequestReader(deps.node);
    this.#writer = new WorkflowWriter(deps.node, deps.plane);
  }

  self(): NodeView {
    const member = this.#deps.member();
    if (member === undefined) {
      throw new ClusterError({ code: "NODE_NOT_READY" }, "this node does not know its cluster yet");
    }
    return this.#nodeView(member);
  }

  ready(): ReturnType<ClusterPort["ready"]> {
    const trouble = this.#deps.trouble();
    return { ready: trouble === undefined, reason: trouble ?? "ready", durability: "sync" };
  }

  nodes(): Promise<readonly NodeView[]> {
    const members = this.#deps.node.directory.members();
    return Promise.resolve(members.map((member) => this.#nodeView(member)));
  }

  async createTicket(
    input: { readonly expiresMs: number; readonly uses: number },
    options: CallOptions,
  ): Promise<string> {
    const id = randomBytes(8).toString("hex");
    const secret = randomBytes(SECRET_BYTES);
    const verifier = ticketVerifier(secret);
    const expiresMs = Date.now() + input.expiresMs;
    const command = { kind: "ticket", id, verifier, expiresMs, uses: input.uses } as const;
    await this.#writer.system(command, options.deadlineMs);
    const members = this.#deps.node.directory.members();
    // This node first: it certainly knows the ticket soon.
    const self = this.#deps.member()?.node;
    const ordered = [...members].sort((a, b) => Number(b.node === self) - Number(a.node === self));
    const addresses = ordered.flatMap((member) => member.addresses).slice(0, 16);
    return printTicket({ id, secret, addresses });
  }

  workflows(): ReturnType<ClusterPort["workflows"]> {
    const rows = this.#deps.node.directory.workflows();
    return Promise.resolve(
      rows.map(({ name, description, state }) => ({ workflow: name, description, state })),
    );
  }

  async workflow(name: string, options: CallOptions): Promise<WorkflowView> {
    const { node } = this.#deps;
    const state = await this.#writer.state(name, options.deadlineMs);
    const { directory } = node;
    const row = directory.workflow(state.group);
    if (row === undefined || row.state === "deleted") throw workflowUnknown(name);
    const scheduler = node.router.leaderOf(state.group) ?? null;
    const here = node.workflow(state.group)?.replica;
    const voters = here?.membership.configuration.voters;
    const places = here?.membership.places ?? row.replicas;
    return {
      workflow: name,
      description: state.meta.description,
      state: row.state,
      scheduler,
      schedulerName: scheduler === null ? null : (directory.member(scheduler)?.name ?? null),
      term: state.term,
      replicas: places.map(({ replica, node: at }) => ({
        node: at,
        name: directory.member(at)?.name ?? at,
        replica,
        role: voters === undefined || voters.includes(replica) ? "voter" : "learner",
      })),
      // Of the replica here where there is one: how far this node itself has come.
      appliedIndex: here?.appliedIndex ?? state.appliedIndex,
      steps: stepViews(state.plan),
      jobs: jobViews(state.plan),
      handlers: handlerViews(state.plan),
    };
  }

  apply(...args: Parameters<ClusterPort["apply"]>): ReturnType<ClusterPort["apply"]> {
    const [definition, input, options] = args;
    return this.#writer.apply(definition, input, options.deadlineMs);
  }

  deleteWorkflow(name: string, options: CallOptions): Promise<void> {
    return this.#writer.delete(name, options.deadlineMs);
  }

  async submit(
    input: SubmitInput,
    options: CallOptions,
  ): Promise<{ readonly request: string; readonly duplicate: boolean }> {
    const { workflow, job, idempotencyKey } = input;
    const row = this.#deps.node.directory.workflowNamed(workflow);
    if (row === undefined) throw workflowUnknown(workflow);
    const stored = await this.#deps.plane.storePairs(input.arguments);
    // R25: on two nodes before a command refers to it.
    const dataset = await this.#deps.node.performer.secureDataset(stored, options.signal);
    const key =
      idempotencyKey === undefined
        ? undefined
        : { key: idempotencyKey, bodyHash: bodyHash([job, input.arguments]) };
    const command = { kind: "submit", job, arguments: dataset } as const;
    const answer = await this.#writer.command(row.group, command, options.deadlineMs, key);
    if (answer.kind !== "request") throw new Error("a submission is answered with its request");
    return { request: requestId(workflow, row.group, answer.request), duplicate: false };
  }

  async request(
    id: string,
    input: { readonly waitMs: number; readonly withResult: boolean },
    options: CallOptions,
  ): Promise<RequestView> {
    const place = this.#reader.place(id);
    const { group, sequence: request } = place;
    const endMs = performance.now() + input.waitMs;
    for (let leftMs = input.waitMs; leftMs > 0; leftMs = endMs - performance.now()) {
      const waitMs = Math.ceil(Math.min(leftMs, WAIT_MS_MAX));
      const call = { kind: "wait", group, request, waitMs } as const;
      const answer = await this.#deps.node.router.ask(group, call, options.deadlineMs);
      options.signal.throwIfAborted();
      if (answer.kind === "waited" && answer.ended) break;
    }
    const row = await this.#reader.row(place, options.deadlineMs);
    const view = requestView(row, { request: id, workflow: place.workflow });
    if (!input.withResult || row.state !== "succeeded") return view;
    return { ...view, result: { pairs: await this.#result(row, options) } };
  }

  async requests(
    workflow: string,
    input: { readonly limit: number; readonly before: string | undefined },
    options: CallOptions,
  ): Promise<readonly RequestView[]> {
    const row = this.#deps.node.directory.workflowNamed(workflow);
    if (row === undefined) throw workflowUnknown(workflow);
    return this.#reader.list({ name: workflow, group: row.group }, input, options.deadlineMs);
  }

  attempts(
    id: string,
    input: { readonly limit: number },
    options: CallOptions,
  ): Promise<{ readonly attempts: readonly AttemptView[]; readonly truncated: boolean }> {
    return this.#reader.attempts(this.#reader.place(id), input.limit, options.deadlineMs);
  }

  async cancel(id: string, options: CallOptions): Promise<RequestView> {
    const { group, sequence } = this.#reader.place(id);
    await this.#writer.command(group, { kind: "cancel", request: sequence }, options.deadlineMs);
    return this.request(id, { waitMs: 0, withResult: false }, options);
  }

  async resume(id: string, options: CallOptions): Promise<RequestView> {
    const { group, sequence } = this.#reader.place(id);
    await this.#writer.command(group, { kind: "resume", request: sequence }, options.deadlineMs);
    return this.request(id, { waitMs: 0, withResult: false }, options);
  }

  roleOf(token: string): "read" | "submit" | "admin" | undefined {
    const hash = createHash("sha256").update(token).digest("hex");
    return this.#deps.node.directory.token(hash)?.role;
  }

  metrics(): string {
    return this.#deps.metrics();
  }

  async #result(
    row: RequestRow,
    options: CallOptions,
  ): Promise<readonly (readonly [Json, Json])[]> {
    const result: Dataset = row.result ?? [];
    const here = await this.#deps.node.performer.ensure(result, options.signal);
    const pairs: (readonly [Json, Json])[] = [];
    for await (const page of this.#deps.plane.readPairs(here)) {
      pairs.push(...page);
      if (pairs.length > RESULT_PAIRS_MAX) {
        throw new ClusterError(
          { code: "RESULT_TOO_LARGE" },
          `the result has more than ${RESULT_PAIRS_MAX} pairs, more than one answer carries`,
        );
      }
    }
    return pairs;
  }

  #nodeView(member: MemberRow): NodeView {
    const { node, name, api, capabilities, slots, version } = member;
    const state = this.#deps.isUp(node) ? "up" : "down";
    return { id: node, name, api, state, capabilities, slots, version };
  }
}
