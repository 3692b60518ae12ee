/** The replicated state of the system group: who belongs to the cluster and which workflows there are. */

import type { NodeId } from "../dataset.ts";
import type { AnswerBlockRow, AnswerWindowRow, KeyedAnswerRow } from "../rows.ts";
import type { VersionRange } from "./version-range.ts";

export interface ClusterRow {
  readonly kind: "cluster";
  /** Random, made by the first node. */
  readonly id: string;
  /** Number of the next workflow's group; the system group is 0. */
  readonly nextGroup: number;
  /** R10: within the ranges of all members that were not removed. Never falls. */
  readonly version: number;
}

/** A node that belongs, or did. */
export interface MemberRow {
  readonly kind: "member";
  readonly node: NodeId;
  readonly name: string;
  /** Multiaddrs at which others reach it. */
  readonly addresses: readonly string[];
  /** URL of its HTTP API. */
  readonly api: string;
  /** R2: names its log database; another one is another store. */
  readonly storeId: string;
  readonly slots: number;
  readonly capabilities: readonly string[];
  /** With `none` nothing there waits for the disk: a power cut loses what it acknowledged. */
  readonly durability: "sync" | "none";
  /** Of the program, for display. */
  readonly version: string;
  /** R10: the cluster versions that its program supports, as it last announced. */
  readonly versions: VersionRange;
  /** `drained`: no work and no leadership; `removing`: nor any replica, soon (R9). */
  readonly state: "joined" | "drained" | "removing" | "removed";
}

/** Whether a node belongs to the cluster and is not about to leave it. */
export function stays({ state }: Pick<MemberRow, "state">): boolean {
  return state === "joined" || state === "drained";
}

/** Lets nodes join. Only what checks a proof is kept, not the secret. */
export interface TicketRow {
  readonly kind: "ticket";
  readonly verifier: Uint8Array;
  readonly expiresMs: number;
  readonly usesLeft: number;
  /** The node that made it: a node that is removed leaves no tickets behind. */
  readonly madeBy: NodeId;
  readonly revoked: boolean;
}

/** A bearer token under its hash; the text itself is nowhere. */
export interface TokenRow {
  readonly kind: "token";
  readonly role: "read" | "submit" | "admin";
  /** For people: whose it is, or what for. */
  readonly name: string;
  /** Names of the workflows that it is limited to; undefined is all, and the cluster. */
  readonly workflows: readonly string[] | undefined;
  readonly createdMs: number;
}

/** Only who is not limited to workflows can make tokens, and so hand on the right to. */
export function administers(row: Pick<TokenRow, "role" | "workflows">): boolean {
  return row.role === "admin" && row.workflows === undefined;
}

/** Where a workflow's first replicas are. Its own log is the truth about its later members. */
export interface WorkflowRow {
  readonly kind: "workflow";
  readonly group: number;
  readonly name: string;
  /** This and the weight, as the workflow's group told last: lists show them, its own rows are the truth. */
  readonly description: string;
  readonly weight: number;
  /** Of the definitions that this was told of; 0 before the first. */
  readonly revision: number;
  /**
   * R9: `creating` until the group has committed its first entry, `deleting` until it has committed its
   * last; `deleted` is a tombstone.
   */
  readonly state: "creating" | "active" | "deleting" | "deleted";
  readonly replicas: readonly FirstReplica[];
}

export interface FirstReplica {
  readonly replica: number;
  readonly node: NodeId;
  readonly storeId: string;
  readonly role: "voter" | "learner";
}

/** The group that a name means now. */
export interface NameRow {
  readonly kind: "name";
  readonly group: number;
}

/** R10: how many members that were not removed support which versions, so that applying need not read all. */
export interface SupportRow {
  readonly kind: "support";
  /** Each range once, in the order of `min`, then `max`; none with 0 members. */
  readonly ranges: readonly (VersionRange & { readonly members: number })[];
}

/** A key as one node can take it out, and nobody else. */
export interface WrappedKey {
  readonly node: NodeId;
  readonly wrapped: Uint8Array;
}

/** Members for whom the key of a workflow may be wrapped. */
export const KEY_WRAPS_MAX = 4096;

/** The key with which a workflow's blocks are sealed; it goes with the workflow. */
export interface SealKeyRow {
  readonly kind: "seal-key";
  /** Hex, from a hash of the key: tells whether what was taken out of a wrap is the key. */
  readonly id: string;
  /** In the order in which they came; each node once. */
  readonly wraps: readonly WrappedKey[];
}

/** Secrets of one workflow. */
export const SECRETS_MAX = 64;

/** Bytes of a secret's value. */
export const SECRET_BYTES_MAX = 32 * 1024;

/** Bytes of the values of a workflow's secrets together: they lie in one row, which each change writes anew. */
export const SECRETS_BYTES_MAX = 256 * 1024;

/** A value that only members can open, with the key of its workflow. */
export interface SealedSecret {
  readonly name: string;
  /** Of the value. */
  readonly bytes: number;
  /** When it was set, by the group's stamp. */
  readonly setMs: number;
  readonly sealed: Uint8Array;
}

/** A workflow's secrets; they go with the workflow. */
export interface SecretsRow {
  readonly kind: "secrets";
  /** By their names, in order. */
  readonly secrets: readonly SealedSecret[];
}

export type SystemRow =
  | ClusterRow
  | MemberRow
  | TicketRow
  | TokenRow
  | WorkflowRow
  | NameRow
  | SupportRow
  | SealKeyRow
  | SecretsRow
  | AnswerBlockRow
  | AnswerWindowRow
  | KeyedAnswerRow;
