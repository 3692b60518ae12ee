import { assert } from "../std/assert.ts";
import { NO_BUGS, type PlantedBugs } from "../std/planted-bugs.ts";
import type { Random } from "../std/random.ts";
import type { ReplicaId } from "./types.ts";

/** How a core behaves. Times are in ticks; whoever calls `tick` decides how long one is. */
export interface RaftOptions {
  /** This replica. */
  readonly id: ReplicaId;
  /** Fixes election timeouts. The only source of chance in the core. */
  readonly random: Random;
  /**
   * A follower that hears nothing campaigns after between one and two times this many ticks. Well
   * above `heartbeatTicks`, else a late heartbeat starts an election.
   */
  readonly electionTicks: number;
  /** A leader sends heartbeats every so many ticks. */
  readonly heartbeatTicks: number;
  /** A leader asks its group to go quiet when nothing has happened for so many ticks (R7). */
  readonly quietTicks: number;
  /** After `leaderGone` the followers stand one after the other, so many ticks apart (R6). */
  readonly leaderGoneTicks: number;
  /** A replica whose disk ends no append task for so many ticks does not lead or campaign (R1). */
  readonly storageStallTicks: number;
  /** Ask whether an election could be won before raising the term (thesis 9.6). */
  readonly preVote: boolean;
  /** A leader that hears no majority within an election timeout steps down; followers that heard a
   * leader lately refuse to elect another (thesis 6.2, 4.2.3). */
  readonly checkQuorum: boolean;
  /** A leader that is no voter any more steps down when it applies its removal. */
  readonly stepDownOnRemoval: boolean;
  /** Appends to one follower that may be unanswered. */
  readonly inflightMessagesMax: number;
  /** Bytes of those; exceeded by at most one message. */
  readonly inflightBytesMax: number;
  /** Bytes of entries in one append; a single larger entry still goes alone. */
  readonly messageBytesMax: number;
  /** Bytes that a leader takes in before they are committed; a first larger one still goes. */
  readonly uncommittedBytesMax: number;
  /** Bytes of committed entries that may be handed out and not yet applied. */
  readonly committedBytesMax: number;
  /**
   * Bytes of entries that are kept in memory once they are on disk and committed; twice as much
   * while they are not applied. Infinity keeps them all until the log is compacted, and then nothing
   * is ever read back.
   */
  readonly tailBytesMax: number;
  /** Read requests that may wait for their round; more are refused. */
  readonly readsPendingMax: number;
  /** None but in tests that want to see them found. */
  readonly bugs: PlantedBugs;
}

const KIB = 1024;

/**
 * Sensible values for everything but `id` and `random`, for ticks of about 100 ms: elections after
 * one to two seconds, a dead leader's node noticed from outside replaced within 500 ms.
 */
export const RAFT_DEFAULTS: Omit<RaftOptions, "id" | "random"> = {
  electionTicks: 10,
  heartbeatTicks: 1,
  // Long enough that a caller who thinks between two commands does not have to wake the group.
  quietTicks: 20,
  // Survivors notice within a tick or two of each other, and an election takes a few.
  leaderGoneTicks: 5,
  // Three election timeouts at their longest: a disk that pauses for a while costs no election.
  storageStallTicks: 60,
  preVote: true,
  checkQuorum: true,
  stepDownOnRemoval: true,
  // Enough for a round trip of 100 ms at 2,500 messages a second.
  inflightMessagesMax: 256,
  inflightBytesMax: 16 * KIB * KIB,
  // Larger messages would hold up heartbeats on the same stream.
  messageBytesMax: 512 * KIB,
  uncommittedBytesMax: 64 * KIB * KIB,
  committedBytesMax: 4 * KIB * KIB,
  tailBytesMax: 8 * KIB * KIB,
  readsPendingMax: 65_536,
  bugs: NO_BUGS,
};

/** Checks the relations between options, where a wrong value would only show much later. */
export function checkOptions(options: RaftOptions): void {
  assert(Number.isSafeInteger(options.id) && options.id > 0, "a replica id is a positive integer");
  assert(options.heartbeatTicks >= 1, "heartbeats need at least one tick");
  assert(
    options.electionTicks > options.heartbeatTicks,
    "an election timeout must outlast a heartbeat",
  );
  assert(options.quietTicks >= 1, "a group is idle for a while before it goes quiet");
  assert(
    options.leaderGoneTicks >= 1 && options.leaderGoneTicks < options.electionTicks,
    "after the leader's end a campaign comes before the election timeout",
  );
  assert(
    options.storageStallTicks >= options.electionTicks,
    "a disk may be slow for at least an election timeout",
  );
  assert(options.inflightMessagesMax >= 1, "at least one append must be allowed in flight");
  for (const bytes of [
    options.inflightBytesMax,
    options.messageBytesMax,
    options.uncommittedBytesMax,
    options.committedBytesMax,
  ])
    assert(bytes >= 1, "byte limits are positive");
  assert(options.tailBytesMax >= 0, "the tail's limit is not negative");
  assert(options.readsPendingMax >= 1, "at least one read must be allowed to wait");
}
