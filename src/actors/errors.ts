/** What the actors refuse, by code; `docs/errors.md` says what to do about each. */
import { JobxError } from "../std/errors.ts";

export type ActorErrorDetails =
  /** It had no effect and may be repeated. `leader`: who is more likely to take it. */
  | { readonly code: "COMMAND_NOT_ACCEPTED"; readonly leader: string | undefined }
  /** It may or may not have happened, or may yet; with a key it is repeated to find out. */
  | { readonly code: "COMMAND_OUTCOME_UNKNOWN" }
  /** A majority of the group's replicas cannot be reached from here. */
  | { readonly code: "NO_MAJORITY" }
  | { readonly code: "COMMAND_TOO_LARGE"; readonly bytes: number; readonly limitBytes: number }
  /** Too many commands wait already. */
  | { readonly code: "COMMAND_QUEUE_FULL" }
  /** R10: the cluster's version does not allow the command yet. */
  | {
      readonly code: "CLUSTER_VERSION_TOO_LOW";
      readonly needed: number;
      readonly version: number;
    }
  | { readonly code: "REPLICA_STOPPED" }
  /** The node that was asked for its own copy has none. */
  | { readonly code: "REPLICA_ELSEWHERE" }
  | { readonly code: "WORKFLOW_UNKNOWN" }
  | { readonly code: "NODE_STOPPING" }
  /** The snapshot that is asked for is not held open any more; another is announced when one is needed. */
  | { readonly code: "SNAPSHOT_GONE" }
  /** Too many snapshots are being fetched from here; ask again. */
  | { readonly code: "SNAPSHOT_BUSY" }
  /** Collectors of too many nodes ask this one; asked again later, it answers. */
  | { readonly code: "COLLECTION_BUSY" }
  /** What a collector had begun to read is not held open any more, or was never quite sure. */
  | { readonly code: "COLLECTION_GONE" }
  /** The group has had a replica of this id here; ids are never used again (R2). */
  | { readonly code: "REPLICA_ID_USED" }
  /** R10: the replica's state is not that of its leader at the same place; it is replaced. */
  | {
      readonly code: "REPLICA_DIFFERS";
      readonly index: number;
      readonly expected: string;
      readonly found: string;
    }
  /** A node that is leaving has blocks that nobody else can take. */
  | { readonly code: "NODE_BLOCKS_STAY" }
  /** No node that is up has the run; its holders may come back. */
  | { readonly code: "RUN_UNREACHABLE" }
  /** No node that is up has the run, and its holders are no members any more. */
  | { readonly code: "RUN_LOST" }
  /** Other nodes are up, and none took a copy. */
  | { readonly code: "RUN_NOT_SECURED" }
  /** The replica cannot lead, or leads already. */
  | { readonly code: "TRANSFER_REFUSED" }
  /** The group is not lost, or not yet for certain. */
  | { readonly code: "RECOVERY_REFUSED" };

export class ActorError extends JobxError<ActorErrorDetails> {}
