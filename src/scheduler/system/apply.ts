/** Applies the system group's log: a pure function of rows and entry, like that of a workflow. */
import { assert, unreachable } from "../../std/assert.ts";
import { type AnswerMemory, answerOnce, type MemoryRow, refused } from "../answers.ts";
import type { NodeId } from "../dataset.ts";
import type { Answer } from "../rows.ts";
import { applySealKey, applySealWrap, forgetSealKey } from "./apply-seal.ts";
import { applyDeleteSecret, applyPutSecret, forgetSecrets } from "./apply-secrets.ts";
import { applyRaise, putMember, refusedRange, refusedVersion } from "./apply-version.ts";
import type { SystemCommand, SystemEnvelope } from "./commands.ts";
import type { SystemTransaction } from "./effect.ts";
import { CLUSTER_KEY, systemKeys } from "./keys.ts";
import { administers, type MemberRow, type SystemRow, stays } from "./rows.ts";
import { LOWEST_VERSION } from "./version-range.ts";
import { mayUse, versionNeeded } from "./versions.ts";

/** Applies one command. @throws {MissingRows} when rows have to be loaded first. */
export function applySystemEnvelope(
  tx: SystemTransaction,
  at: { readonly stampMs: number },
  envelope: SystemEnvelope,
): Answer {
  const memory: AnswerMemory = {
    recall: (key) => {
      const row = tx.get(key);
      assert(row === undefined || isMemoryRow(row), "a key of answers holds an answer");
      return row;
    },
    remember: (key, row) => tx.put(key, row),
    forget: (key) => tx.delete(key),
    bugs: tx.bugs,
  };
  const { id, command } = envelope;
  const { stampMs } = at;
  return answerOnce(
    memory,
    { id, stampMs },
    () => refusedEarly(tx, command) ?? applyCommand(tx, stampMs, command),
  );
}

function isMemoryRow(row: SystemRow): row is MemoryRow {
  return row.kind === "answer-block" || row.kind === "answer-window" || row.kind === "keyed";
}

function put(tx: SystemTransaction, key: string, row: SystemRow): void {
  tx.put(key, row);
  tx.emit({ key, row });
}

const DONE: Answer = { kind: "ok" };

function applyCommand(tx: SystemTransaction, stampMs: number, command: SystemCommand): Answer {
  switch (command.kind) {
    case "found":
      return applyFound(tx, stampMs, command);
    case "ticket": {
      const { id, verifier, expiresMs, uses: usesLeft, madeBy } = command;
      const told = { verifier, expiresMs, usesLeft, madeBy };
      const row = { kind: "ticket", ...told, revoked: false } as const;
      put(tx, systemKeys.ticket(id), row);
      return DONE;
    }
    case "revoke-ticket":
      return applyRevokeTicket(tx, command.id);
    case "forget-ticket":
      return applyForgetTicket(tx, stampMs, command.id);
    case "join":
      return applyJoin(tx, stampMs, command);
    case "announce": {
      const key = systemKeys.member(command.member.node);
      const known = tx.get(key);
      if (known?.kind !== "member" || known.state === "removed") {
        return refused("NODE_NOT_MEMBER", "the node does not belong to this cluster");
      }
      const range = refusedRange(tx, command.member);
      if (range !== undefined) return range;
      putMember(tx, { ...command.member, kind: "member", state: known.state });
      return DONE;
    }
    case "drain-node":
      return applyDrain(tx, command);
    case "remove-node":
      return applyRemove(tx, command.node);
    case "remove-node-keeping":
      return applyRemoveKeeping(tx, command);
    case "node-removed":
      return applyRemoved(tx, command.node);
    case "create-workflow":
      return applyCreateWorkflow(tx, command);
    case "workflow-active":
      return applyWorkflowActive(tx, command.group);
    case "workflow-told":
      return applyWorkflowTold(tx, command);
    case "delete-workflow":
      return applyDeleteWorkflow(tx, command.name);
    case "workflow-deleted":
      return applyWorkflowDeleted(tx, command.group);
    case "create-token": {
      const { hash, role, name, workflows } = command;
      const row = { kind: "token", role, name, workflows, createdMs: stampMs } as const;
      put(tx, systemKeys.token(hash), row);
      return DONE;
    }
    case "revoke-token":
      return applyRevokeToken(tx, command.hash);
    case "revoke-token-keeping":
      return applyRevokeKeeping(tx, command);
    case "seal-key":
      return applySealKey(tx, command);
    case "seal-wrap":
      return applySealWrap(tx, command);
    case "put-secret":
      return applyPutSecret(tx, stampMs, command);
    case "delete-secret":
      return applyDeleteSecret(tx, command);
    case "raise":
      return applyRaise(tx, command.version);
    default:
      return unreachable(command);
  }
}

/** R10: a leader asks the same before it proposes, but only the log decides for all alike. */
function refusedEarly(tx: SystemTransaction, command: SystemCommand): Answer | undefined {
  const needed = versionNeeded(command);
  if (needed <= LOWEST_VERSION) return undefined;
  const cluster = tx.get(CLUSTER_KEY);
  const version = cluster?.kind === "cluster" ? cluster.version : 0;
  return mayUse(needed, version) ? undefined : refusedVersion(command.kind, needed, version);
}

function applyFound(
  tx: SystemTransaction,
  createdMs: number,
  command: Extract<SystemCommand, { kind: "found" }>,
): Answer {
  if (tx.get(CLUSTER_KEY) !== undefined) return DONE;
  const { clusterId, member, adminTokenHash } = command;
  // All that the only member supports: nobody else has to follow.
  const version = member.versions.max;
  put(tx, CLUSTER_KEY, { kind: "cluster", id: clusterId, nextGroup: 1, version });
  putMember(tx, { ...member, kind: "member", state: "joined" });
  put(tx, systemKeys.token(adminTokenHash), {
    kind: "token",
    role: "admin",
    name: "first",
    workflows: undefined,
    createdMs,
  });
  return DONE;
}

function applyRevokeTicket(tx: SystemTransaction, id: string): Answer {
  const key = systemKeys.ticket(id);
  const row = tx.get(key);
  if (row?.kind !== "ticket") return refused("TICKET_UNKNOWN", "there is no ticket with that id");
  put(tx, key, { ...row, revoked: true });
  return DONE;
}

/** An open ticket stays: whoever asked for this may have read an older copy. */
function applyForgetTicket(tx: SystemTransaction, stampMs: number, id: string): Answer {
  const key = systemKeys.ticket(id);
  const ticket = tx.get(key);
  if (ticket?.kind !== "ticket") return DONE;
  if (!ticket.revoked && ticket.usesLeft > 0 && ticket.expiresMs > stampMs) return DONE;
  tx.delete(key);
  tx.emit({ key, row: undefined });
  return DONE;
}

function applyJoin(
  tx: SystemTransaction,
  stampMs: number,
  command: Extract<SystemCommand, { kind: "join" }>,
): Answer {
  const { member } = command;
  const key = systemKeys.member(member.node);
  const known = tx.get(key);
  if (known?.kind === "member" && known.state === "removed") {
    return refused("NODE_REMOVED", "the node was removed from this cluster");
  }
  const ticketKey = systemKeys.ticket(command.ticket);
  const ticket = tx.get(ticketKey);
  if (ticket?.kind !== "ticket" || ticket.expiresMs <= stampMs || ticket.revoked) {
    return refused("TICKET_INVALID", "the ticket is unknown, has expired or was revoked");
  }
  const range = refusedRange(tx, member);
  if (range !== undefined) return range;
  // A node that asks again, since it did not hear the answer, uses up nothing.
  if (known === undefined) {
    if (ticket.usesLeft <= 0) return refused("TICKET_USED_UP", "the ticket was used too often");
    put(tx, ticketKey, { ...ticket, usesLeft: ticket.usesLeft - 1 });
  }
  const state = known?.kind === "member" ? known.state : "joined";
  putMember(tx, { ...member, kind: "member", state });
  return DONE;
}

type MemberChange = (row: MemberRow) => MemberRow;

/** Changes the row of a node that belongs. A node that was removed stays so. */
function changeMember(tx: SystemTransaction, node: NodeId, change: MemberChange): Answer {
  const key = systemKeys.member(node);
  const row = tx.get(key);
  if (row?.kind !== "member") return refused("NODE_UNKNOWN", "there is no such node");
  if (row.state !== "removed") putMember(tx, change(row));
  return DONE;
}

function applyDrain(
  tx: SystemTransaction,
  command: Extract<SystemCommand, { kind: "drain-node" }>,
): Answer {
  const row = tx.get(systemKeys.member(command.node));
  if (row?.kind === "member" && (row.state === "removing" || row.state === "removed")) {
    return refused("NODE_REMOVED", "the node is being removed, or was");
  }
  const state = command.drained ? "drained" : "joined";
  return changeMember(tx, command.node, (known) => ({ ...known, state }));
}

function applyRemove(tx: SystemTransaction, node: NodeId): Answer {
  return changeMember(tx, node, (row) => ({ ...row, state: "removing" }));
}

/**
 * Nodes cannot be counted without reading them all, so whoever asks names one that stays. Two nodes that
 * name each other are decided here: for the second one, the first one is leaving.
 */
function applyRemoveKeeping(
  tx: SystemTransaction,
  { node, keeps }: Extract<SystemCommand, { kind: "remove-node-keeping" }>,
): Answer {
  const leaving = tx.get(systemKeys.member(node));
  // Harmless to repeat: it does not count as one that stays any more.
  if (leaving?.kind === "member" && stays(leaving)) {
    const kept = node === keeps ? undefined : tx.get(systemKeys.member(keeps));
    if (kept?.kind !== "member" || !stays(kept)) {
      return refused("NODE_KEPT_GONE", "the node that was to stay is leaving, too, or has left");
    }
  }
  return applyRemove(tx, node);
}

function applyRemoved(tx: SystemTransaction, node: NodeId): Answer {
  const row = tx.get(systemKeys.member(node));
  // The one step after which it is refused comes after all others.
  if (row?.kind === "member" && row.state !== "removing" && row.state !== "removed") {
    return refused("NODE_NOT_REMOVING", "nobody asked for the node to be removed");
  }
  return changeMember(tx, node, (known) => ({ ...known, state: "removed" }));
}

function applyCreateWorkflow(
  tx: SystemTransaction,
  command: Extract<SystemCommand, { kind: "create-workflow" }>,
): Answer {
  const { name, description, weight, replicas } = command;
  const known = tx.get(systemKeys.name(name));
  if (known?.kind === "name") {
    const row = tx.get(systemKeys.workflow(known.group));
    if (row?.kind === "workflow" && row.state === "deleting") {
      return refused("WORKFLOW_DELETING", `the workflow ${name} that there was is being deleted`);
    }
    if (command.exclusive) {
      return refused("WORKFLOW_EXISTS", `there is a workflow ${name} already`);
    }
    return { kind: "revision", revision: known.group };
  }
  const cluster = tx.get(CLUSTER_KEY);
  assert(cluster?.kind === "cluster", "the system group's first command founds the cluster");
  if (!replicas.some((replica) => replica.role === "voter")) {
    return refused("WORKFLOW_NO_REPLICAS", "a workflow needs at least one voter");
  }
  const group = cluster.nextGroup;
  put(tx, CLUSTER_KEY, { ...cluster, nextGroup: group + 1 });
  put(tx, systemKeys.name(name), { kind: "name", group });
  const state = "creating";
  put(tx, systemKeys.workflow(group), {
    kind: "workflow",
    group,
    name,
    description,
    weight,
    revision: 0,
    state,
    replicas,
  });
  return { kind: "revision", revision: group };
}

function applyWorkflowActive(tx: SystemTransaction, group: number): Answer {
  const key = systemKeys.workflow(group);
  const row = tx.get(key);
  if (row?.kind === "workflow" && row.state === "creating")
    put(tx, key, { ...row, state: "active" });
  return DONE;
}

/** What is older than what was told is left out: tellers are not in step. */
function applyWorkflowTold(
  tx: SystemTransaction,
  command: Extract<SystemCommand, { kind: "workflow-told" }>,
): Answer {
  const { group, revision, description, weight } = command;
  const key = systemKeys.workflow(group);
  const row = tx.get(key);
  if (row?.kind === "workflow" && row.state !== "deleted" && row.revision < revision)
    put(tx, key, { ...row, revision, description, weight });
  return DONE;
}

function applyDeleteWorkflow(tx: SystemTransaction, name: string): Answer {
  const nameKey = systemKeys.name(name);
  const known = tx.get(nameKey);
  if (known?.kind !== "name") return refused("WORKFLOW_UNKNOWN", `there is no workflow ${name}`);
  const key = systemKeys.workflow(known.group);
  const row = tx.get(key);
  assert(row?.kind === "workflow", "a name means a workflow");
  if (row.state !== "deleting") put(tx, key, { ...row, state: "deleting" });
  return { kind: "revision", revision: known.group };
}

/** The name is free again, and replicas of the group go wherever they are. */
function applyWorkflowDeleted(tx: SystemTransaction, group: number): Answer {
  const key = systemKeys.workflow(group);
  const row = tx.get(key);
  if (row?.kind !== "workflow") return refused("WORKFLOW_UNKNOWN", "there is no such workflow");
  if (row.state === "deleted") return DONE;
  // Only after the intent: what it acknowledges until then is kept.
  if (row.state !== "deleting") {
    return refused("WORKFLOW_NOT_DELETING", "nobody asked for the workflow to be deleted");
  }
  tx.delete(systemKeys.name(row.name));
  forgetSealKey(tx, group);
  forgetSecrets(tx, group);
  put(tx, key, { ...row, state: "deleted" });
  return DONE;
}

function applyRevokeToken(tx: SystemTransaction, hash: string): Answer {
  const key = systemKeys.token(hash);
  if (tx.get(key) === undefined) return refused("TOKEN_UNKNOWN", "there is no such token");
  tx.delete(key);
  tx.emit({ key, row: undefined });
  return DONE;
}

/** As `applyRemoveKeeping`, for tokens that may administer the cluster. */
function applyRevokeKeeping(
  tx: SystemTransaction,
  { hash, keeps }: Extract<SystemCommand, { kind: "revoke-token-keeping" }>,
): Answer {
  if (tx.get(systemKeys.token(hash)) !== undefined) {
    const kept = hash === keeps ? undefined : tx.get(systemKeys.token(keeps));
    if (kept?.kind !== "token" || !administers(kept)) {
      return refused("TOKEN_KEPT_GONE", "the token that was to stay was revoked, too");
    }
  }
  return applyRevokeToken(tx, hash);
}
