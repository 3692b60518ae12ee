/** What operators ask of the node that they reach: who may join, who is a member, who leads. */

import type { Deadline } from "../std/deadline.ts";

/** How long the caller is willing to wait for all of it. The same as `CallOptions` of the other calls. */
export interface AdminCallOptions {
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
  readonly stale?: boolean;
}

/** A ticket as `jobx cluster ticket list` shows it; its secret is not kept anywhere. */
export interface TicketView {
  readonly id: string;
  readonly state: "open" | "expired" | "used" | "revoked";
  readonly usesLeft: number;
  /** ISO 8601. */
  readonly expiresAt: string;
  /** Name of the node that made it. */
  readonly madeBy: string;
}

/** A member of a group as `jobx raft list` shows it. */
export interface GroupMemberView {
  /** Name of the node. */
  readonly node: string;
  readonly replica: number;
  readonly role: "leader" | "voter" | "learner";
  /** Last log index that it is known to have on its disk. */
  readonly match: number;
  /** Heard of lately by the leader. */
  readonly active: boolean;
}

/** A Raft group as `jobx raft list` shows it. */
export interface GroupView {
  readonly group: number;
  /** The workflow's name, or `system`. */
  readonly name: string;
  /** False while no leader answers: then nothing else is known. */
  readonly led: boolean;
  readonly term: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly members: readonly GroupMemberView[];
  /** Voters that it should have in a cluster of this size. */
  readonly votersWanted: number;
}

/** A replica on the node that was asked, as `jobx raft replicas` shows it. */
export interface ReplicaStateView {
  readonly group: number;
  /** The workflow's name, or `system`. */
  readonly name: string;
  /** Null where the replica could not even be opened. */
  readonly replica: number | null;
  /** \`stopped\`: it takes no part, for the reason that is told. */
  readonly role: "leader" | "follower" | "candidate" | "stopped";
  readonly reason: string | null;
  readonly term: number;
  /** Up to here its rows are those of the log. */
  readonly appliedIndex: number;
  /** Of all its rows at that index: equal on replicas that are at the same one. Null where nothing is open. */
  readonly stateHash: string | null;
}

/** What is left of a group that has lost the majority of its replicas. */
export interface RecoveryView {
  readonly group: number;
  readonly name: string;
  /** Whether the group was recovered, or would be. */
  readonly recovered: boolean;
  /** Name of the node whose log is the newest that is left: it goes on alone. */
  readonly survivor: string;
  /** The last index of that log. What was acknowledged after it is lost. */
  readonly lastIndex: number;
  /** Up to here that node knows that a majority had it. */
  readonly appliedIndex: number;
  /** Replicas that do not answer, and never will be members again. */
  readonly lost: readonly {
    readonly node: string;
    readonly replica: number;
    readonly votes: boolean;
  }[];
}

/** Blocks and their bytes. */
export interface BlockSumView {
  readonly blocks: number;
  readonly bytes: number;
}

/** Blocks of files that have had too few copies since some moment, by what the last rounds of healing left. */
export interface WantingView {
  readonly volumes: readonly {
    readonly workflow: string;
    /** Blocks with fewer copies than the nodes that are up could have. */
    readonly short: number;
    /** Blocks that only a node that is away may have. */
    readonly missing: number;
    /** Blocks that no node has any more. */
    readonly lost: number;
    /** ISO 8601, by the clock of the workflow's leader. */
    readonly since: string;
  }[];
  /** Names of nodes that did not answer: of volumes that they lead nothing is told. */
  readonly silent: readonly string[];
}

/** What a round of the collector came to at one node, as `jobx fs gc` shows it. */
export interface CollectedView {
  /** Name of the node. */
  readonly node: string;
  /** False: the node did not answer, or is still at work; then the counts are 0. */
  readonly answered: boolean;
  /** Blocks that it has. */
  readonly blocks: number;
  /** Something refers to them. */
  readonly needed: number;
  /** Nothing refers to them; they stay until the grace is over, and what was under way before it. */
  readonly waiting: BlockSumView;
  /** Nothing seems to refer to them, but not everybody who must know has answered. */
  readonly uncertain: BlockSumView;
  readonly deleted: BlockSumView;
  /** Why it is not certain of everything; empty where it is. */
  readonly trouble: string;
}

/** All methods may be called at any node. */
export interface AdminPort {
  /** Makes a ticket for `jobx-node --join`: a word with its id, a secret and addresses of members. */
  createTicket(
    input: { readonly expiresMs: number; readonly uses: number },
    options: AdminCallOptions,
  ): Promise<{ readonly id: string; readonly ticket: string }>;
  tickets(options: AdminCallOptions): Promise<readonly TicketView[]>;
  /** Harmless to repeat. @throws {JobxError} `TICKET_UNKNOWN`. */
  revokeTicket(id: string, options: AdminCallOptions): Promise<void>;
  /** Keeps a node, by name or id, from new work and from leading, or lets it again. @throws {JobxError} `NODE_UNKNOWN`, `NODE_NAME_SHARED`, `NODE_REMOVED`. */
  drainNode(node: string, drained: boolean, options: AdminCallOptions): Promise<void>;
  /**
   * Begins to remove a node for ever; the cluster goes on by itself. Harmless to repeat.
   * @throws {JobxError} `NODE_UNKNOWN`, `NODE_NAME_SHARED`, `NODE_LAST`, `NODE_REMOVAL_UNSAFE`.
   */
  removeNode(node: string, options: AdminCallOptions): Promise<void>;
  groups(options: AdminCallOptions): Promise<readonly GroupView[]>;
  /** The replicas of this node itself; asks nobody else, so it answers without a majority too. */
  replicas(): readonly ReplicaStateView[];
  /**
   * Says what is left of a group, by number or name, whose majority is lost for good, and if the loss is
   * accepted, has the newest replica go on alone. @throws {JobxError} `GROUP_UNKNOWN`, `RECOVERY_REFUSED`.
   */
  recoverGroup(
    input: { readonly group: string; readonly acceptLoss: boolean },
    options: AdminCallOptions,
  ): Promise<RecoveryView>;
  /** Hands a group's leadership, by number or name, to a node. @throws {JobxError} `GROUP_UNKNOWN`, `NODE_UNKNOWN`, `TRANSFER_REFUSED`. */
  transfer(
    input: { readonly group: string; readonly node: string },
    options: AdminCallOptions,
  ): Promise<void>;
  /**
   * R25: has each node look for blocks that nothing refers to, and delete those whose time has come; or only
   * count, with `dryRun`.
   */
  collectBlocks(
    input: { readonly dryRun: boolean },
    options: AdminCallOptions,
  ): Promise<readonly CollectedView[]>;
  /** What volumes lack of copies, as their leaders know it. */
  wantingBlocks(options: AdminCallOptions): Promise<WantingView>;
}
