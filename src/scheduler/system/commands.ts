/** What can be written into the system group's log. */
import type { CommandId } from "../commands.ts";
import type { NodeId } from "../dataset.ts";
import type { FirstReplica, MemberRow, TokenRow, WrappedKey } from "./rows.ts";

/** What a node says of itself. */
export type MemberInfo = Omit<MemberRow, "kind" | "state">;

export type SystemCommand =
  /** The very first command of a cluster. */
  | {
      readonly kind: "found";
      readonly clusterId: string;
      readonly member: MemberInfo;
      /** SHA-256 in hex of the first admin token. */
      readonly adminTokenHash: string;
    }
  | {
      readonly kind: "ticket";
      readonly id: string;
      readonly verifier: Uint8Array;
      readonly expiresMs: number;
      readonly uses: number;
      readonly madeBy: NodeId;
    }
  /** Nobody joins with it any more; who has joined stays. Harmless to repeat. */
  | { readonly kind: "revoke-ticket"; readonly id: string }
  /** A ticket that lets in nobody any more need not be remembered. Harmless to repeat. */
  | { readonly kind: "forget-ticket"; readonly id: string }
  /** A node has proved that it holds the ticket. */
  | { readonly kind: "join"; readonly ticket: string; readonly member: MemberInfo }
  /** A member tells what has changed about it; with another store it is another holder of replicas. */
  | { readonly kind: "announce"; readonly member: MemberInfo }
  /** Whether a node is kept from work and leadership, until it is said otherwise. */
  | { readonly kind: "drain-node"; readonly node: NodeId; readonly drained: boolean }
  /** The node is to leave for ever (R9). Harmless to repeat. */
  | { readonly kind: "remove-node"; readonly node: NodeId }
  /** The same, refused unless `keeps`, another node, stays: two that leave at once never are the last two. */
  | { readonly kind: "remove-node-keeping"; readonly node: NodeId; readonly keeps: NodeId }
  /** Nothing depends on the node any more. */
  | { readonly kind: "node-removed"; readonly node: NodeId }
  /** The group number in `replicas` is given by applying. */
  | {
      readonly kind: "create-workflow";
      readonly name: string;
      readonly description: string;
      /** 1 to `WEIGHT_MAX` (R20). */
      readonly weight: number;
      /** Refused when there is a workflow of that name; else that one is the answer. */
      readonly exclusive: boolean;
      readonly replicas: readonly FirstReplica[];
    }
  | { readonly kind: "workflow-active"; readonly group: number }
  /** What the workflow's definitions of that revision say of it, for lists. Harmless to repeat. */
  | {
      readonly kind: "workflow-told";
      readonly group: number;
      readonly revision: number;
      readonly description: string;
      readonly weight: number;
    }
  /** The workflow is to be deleted (R9); answered with its group. Harmless to repeat until it is. */
  | { readonly kind: "delete-workflow"; readonly name: string }
  /** Its group acknowledges nothing any more. Harmless to repeat. */
  | { readonly kind: "workflow-deleted"; readonly group: number }
  /** `hash` is SHA-256 in hex of the token's text. */
  | {
      readonly kind: "create-token";
      readonly hash: string;
      readonly role: TokenRow["role"];
      readonly name: string;
      readonly workflows: readonly string[] | undefined;
    }
  | { readonly kind: "revoke-token"; readonly hash: string }
  /** The same, refused unless `keeps`, another token's hash, may administer the cluster: never the last one goes. */
  | { readonly kind: "revoke-token-keeping"; readonly hash: string; readonly keeps: string }
  /** The key of a workflow's volume, made by who asks; one that has a key keeps it. Harmless to repeat. */
  | {
      readonly kind: "seal-key";
      readonly group: number;
      readonly id: string;
      readonly wraps: readonly WrappedKey[];
    }
  /** The key of that id for more nodes; who has it already keeps what it has. Harmless to repeat. */
  | {
      readonly kind: "seal-wrap";
      readonly group: number;
      readonly id: string;
      readonly wraps: readonly WrappedKey[];
    }
  /** A secret of a workflow, in the place of one of the same name; `sealed` with the workflow's key. */
  | {
      readonly kind: "put-secret";
      readonly group: number;
      readonly name: string;
      /** Of the value. */
      readonly bytes: number;
      readonly sealed: Uint8Array;
    }
  | { readonly kind: "delete-secret"; readonly group: number; readonly name: string }
  /** R10: the cluster goes up to that version, the next one. Harmless to repeat. */
  | { readonly kind: "raise"; readonly version: number };

export interface SystemEnvelope {
  readonly id: CommandId;
  readonly command: SystemCommand;
}

export interface SystemPayload {
  readonly stampMs: number;
  readonly envelopes: readonly SystemEnvelope[];
}
