/** What operators ask of the cluster, as the HTTP API sees it. */
import { randomBytes } from "node:crypto";
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { Directory } from "../actors/directory.ts";
import { voterTarget } from "../actors/membership-plan.ts";
import { SYSTEM_GROUP, VOTERS_MAX } from "../actors/system-group.ts";
import type {
  AdminPort,
  CollectedView,
  GroupView,
  RecoveryView,
  ReplicaStateView,
  TicketView,
  WantingView,
} from "../api/admin-port.ts";
import type { CallOptions } from "../api/ports.ts";
import { ticketVerifier } from "../mesh/ticket.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import type { Deadline } from "../std/deadline.ts";
import { ClusterError } from "./cluster-errors.ts";
import { groupName, groupNamed, groupViews } from "./group-views.ts";
import { removeNode } from "./remove-node.ts";
import { type ReplicaStatesDeps, replicaStates } from "./replica-states.ts";
import { ticketState, ticketsToForget } from "./room.ts";
import { systemWall } from "./system.ts";
import { printTicket } from "./ticket-text.ts";
import { isoTime } from "./views.ts";
import { wantingBlocks } from "./wanting-blocks.ts";
import type { WorkflowWriter } from "./workflow-writer.ts";

/** Bytes of a ticket's secret: nobody guesses it. */
const SECRET_BYTES = 32;

/** Addresses in a ticket: it is one word that people copy, and one that answers is enough. */
const TICKET_ADDRESSES_MAX = 16;

/** A node that stays has so long to show that it is there, milliseconds. */
const UP_MS_MAX = 3_000;

/** Of a node that did not answer. */
const NOTHING_COLLECTED = {
  ...{ blocks: 0, needed: 0 },
  waiting: { blocks: 0, bytes: 0 },
  uncertain: { blocks: 0, bytes: 0 },
  deleted: { blocks: 0, bytes: 0 },
} as const;

export interface ClusterAdminDeps {
  readonly node: ClusterNode;
  readonly writer: Pick<WorkflowWriter, "system">;
  readonly isUp: (node: string) => boolean;
  /** Makes the directory as new as the call, within so many milliseconds. */
  readonly fresh: (ms: number) => Promise<void>;
  readonly stateHash: ReplicaStatesDeps["stateHash"];
}

export class ClusterAdmin implements AdminPort {
  readonly #deps: ClusterAdminDeps;

  constructor(deps: ClusterAdminDeps) {
    this.#deps = deps;
  }

  async createTicket(
    input: { readonly expiresMs: number; readonly uses: number },
    options: CallOptions,
  ): Promise<{ readonly id: string; readonly ticket: string }> {
    const { node, writer } = this.#deps;
    const { self, directory } = node;
    const clusterId = directory.cluster?.id;
    if (clusterId === undefined) {
      throw new ClusterError({ code: "NODE_NOT_READY" }, "this node does not know its cluster yet");
    }
    for (const dead of ticketsToForget(directory.tickets(), systemWall.wallMs())) {
      await writer.system({ kind: "forget-ticket", id: dead }, options.deadline);
    }
    const id = randomBytes(8).toString("hex");
    const secret = randomBytes(SECRET_BYTES);
    const verifier = ticketVerifier(secret);
    const expiresMs = systemWall.wallMs() + input.expiresMs;
    const { uses } = input;
    await writer.system(
      { kind: "ticket", id, verifier, expiresMs, uses, madeBy: self },
      options.deadline,
    );
    // This node first: it certainly knows the ticket soon.
    const members = [...directory.members()];
    members.sort((a, b) => Number(b.node === self) - Number(a.node === self));
    const addresses = members.flatMap((member) => member.addresses).slice(0, TICKET_ADDRESSES_MAX);
    return { id, ticket: printTicket({ id, clusterId, secret, addresses }) };
  }

  async tickets(options: CallOptions): Promise<readonly TicketView[]> {
    const { directory } = this.#deps.node;
    if (options.stale !== true) await this.#deps.fresh(options.deadline.leftMs());
    return directory.tickets().map(
      (row): TicketView => ({
        id: row.id,
        state: ticketState(row, systemWall.wallMs()),
        usesLeft: row.usesLeft,
        expiresAt: isoTime(row.expiresMs),
        madeBy: directory.member(row.madeBy)?.name ?? row.madeBy,
      }),
    );
  }

  async drainNode(node: string, drained: boolean, options: CallOptions): Promise<void> {
    const { node: id } = await this.#nodeNamed(node, options);
    await this.#deps.writer.system({ kind: "drain-node", node: id, drained }, options.deadline);
  }

  /** @throws {ClusterError} `NODE_UNKNOWN`, `NODE_NAME_SHARED`. */
  async nodeIdOf(text: string, options: CallOptions): Promise<string> {
    return (await this.#nodeNamed(text, options)).node;
  }

  async removeNode(node: string, options: CallOptions): Promise<void> {
    const { node: here, writer, fresh } = this.#deps;
    const { deadline } = options;
    await removeNode({
      leaving: () => this.#nodeNamed(node, options),
      members: () => here.directory.members(),
      check: (staying) => this.#checkRemoval(staying, deadline),
      system: (command) => writer.system(command, deadline),
      fresh: () => fresh(deadline.leftMs()),
    });
  }

  groups(options: CallOptions): Promise<readonly GroupView[]> {
    return groupViews(this.#deps.node, options.deadline);
  }

  wantingBlocks({ deadline }: CallOptions): Promise<WantingView> {
    return wantingBlocks(this.#deps.node, this.#deps.isUp, deadline);
  }

  async collectBlocks(
    { dryRun }: { readonly dryRun: boolean },
    { deadline }: CallOptions,
  ): Promise<readonly CollectedView[]> {
    const { node } = this.#deps;
    const call = { kind: "collect", dryRun } as const;
    // Whoever is still at work by then is told as one that has not answered.
    const waitMs = 0.9 * deadline.leftMs();
    const members = node.directory.members();
    return Promise.all(
      members.map(async (member): Promise<CollectedView> => {
        const answer = await node.caller.ask(member.node, call, waitMs);
        if (answer?.kind === "collected") {
          return { node: member.name, answered: true, ...answer.report };
        }
        const trouble = answer?.kind === "error" ? answer.message : "no answer in time";
        return { node: member.name, answered: false, ...NOTHING_COLLECTED, trouble };
      }),
    );
  }

  replicas(): readonly ReplicaStateView[] {
    const { node, stateHash } = this.#deps;
    return replicaStates({
      replicas: node.host.replicas(),
      stopped: node.stoppedReplicas,
      stateHash,
      nameOf: (group) => groupName(node, group),
    });
  }

  async transfer(
    input: { readonly group: string; readonly node: string },
    options: CallOptions,
  ): Promise<void> {
    const { node } = this.#deps;
    const group = await this.#known(() => groupNamed(node, input.group), options);
    if (group === undefined) throw groupUnknown(input.group);
    const { node: to } = await this.#nodeNamed(input.node, options);
    await node.router.ask(group, { kind: "transfer", group, to }, options.deadline.leftMs());
  }

  async recoverGroup(input: {
    readonly group: string;
    readonly acceptLoss: boolean;
  }): Promise<RecoveryView> {
    const { node } = this.#deps;
    // The copy here decides: there may be no majority to ask for a newer one.
    const group = groupNamed(node, input.group);
    if (group === undefined) throw groupUnknown(input.group);
    const { acceptLoss: recovered } = input;
    const { newest, lost } = await (recovered
      ? node.recovery.recover(group)
      : node.recovery.explain(group));
    const nameOf = (id: string): string => node.directory.member(id)?.name ?? id;
    return {
      group,
      name: groupName(node, group),
      recovered,
      survivor: nameOf(newest.node),
      lastIndex: newest.lastIndex,
      appliedIndex: newest.appliedIndex,
      lost: lost.map(({ node: id, replica, votes }) => ({ node: nameOf(id), replica, votes })),
    };
  }

  /** @throws {ClusterError} `NODE_UNKNOWN`, `NODE_NAME_SHARED`; `NO_MAJORITY`. */
  async #nodeNamed(text: string, options: CallOptions): Promise<MemberRow> {
    const row = await this.#known(() => nodeNamed(this.#deps.node.directory, text), options);
    if (row !== undefined) return row;
    throw new ClusterError({ code: "NODE_UNKNOWN" }, `there is no node ${text}`);
  }

  /** What the copy here does not know may be newer than the copy. */
  async #known<T>(look: () => T | undefined, options: CallOptions): Promise<T | undefined> {
    const known = look();
    if (known !== undefined || options.stale === true) return known;
    await this.#deps.fresh(options.deadline.leftMs());
    return look();
  }

  /** @throws {ClusterError} `NODE_REMOVAL_UNSAFE` when a group would be left without a majority. */
  async #checkRemoval(staying: readonly MemberRow[], deadline: Deadline): Promise<void> {
    const { node } = this.#deps;
    const up = await this.#countUp(staying, deadline);
    for (const view of await groupViews(node, deadline)) {
      const problem = removalProblem(view, { staying: staying.length, up });
      if (problem === undefined) continue;
      throw new ClusterError({ code: "NODE_REMOVAL_UNSAFE" }, problem);
    }
  }

  /** How many of them answer: of one that has just died, the mesh may still think that it is up. */
  async #countUp(members: readonly MemberRow[], deadline: Deadline): Promise<number> {
    const { node, isUp } = this.#deps;
    const waitMs = Math.min(UP_MS_MAX, 0.5 * deadline.leftMs());
    // Any node has an answer to this one at hand.
    const call = { kind: "shortages" } as const;
    const answers = await Promise.all(
      members
        .filter(({ node: id }) => isUp(id))
        .map(({ node: id }) => node.caller.ask(id, call, waitMs)),
    );
    return answers.filter((answer) => answer?.kind === "shortages").length;
  }

  async revokeTicket(id: string, options: CallOptions): Promise<void> {
    await this.#deps.writer.system({ kind: "revoke-ticket", id }, options.deadline);
  }
}

function groupUnknown(text: string): ClusterError {
  return new ClusterError({ code: "GROUP_UNKNOWN" }, `there is no group ${text}`);
}

/** The node of that id or name; undefined when there is none. @throws {ClusterError} `NODE_NAME_SHARED`. */
function nodeNamed(directory: Directory, text: string): MemberRow | undefined {
  const byId = directory.member(text);
  if (byId !== undefined) return byId;
  // A removed node's name is free for another one.
  const named = directory.members().filter(({ name }) => name === text);
  const [first, second] = named;
  if (second === undefined) return first;
  const ids = named.map(({ node }) => node).join(", ");
  throw new ClusterError({ code: "NODE_NAME_SHARED" }, `several nodes are named ${text}: ${ids}`);
}

/** Why a group could not do without the node; undefined when it can. */
export function removalProblem(
  { name, led, group }: Pick<GroupView, "name" | "led" | "group">,
  nodes: { readonly staying: number; readonly up: number },
): string | undefined {
  if (!led) {
    return `group ${name} has no leader now, so its replicas cannot be moved; bring its nodes up first`;
  }
  const voters = voterTarget(
    nodes.staying,
    group === SYSTEM_GROUP ? VOTERS_MAX.system : VOTERS_MAX.workflow,
  );
  if (2 * nodes.up > voters) return undefined;
  return `of the ${nodes.staying} nodes that stay ${nodes.up} can be reached: group ${name} would have no majority`;
}
