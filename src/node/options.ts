/** Times of a node. Floors and relations between them are design decisions, so they are not flags. */
import type { ClusterNodeOptions } from "../actors/node-deps.ts";
import type { NodeConfig } from "./config/config.ts";

/** Raft's unit of time. */
const TICK_MS = 100;

/** R6: silence on an open connection counts only after 4 s; a dead process is noticed at once. */
const ELECTION_TICKS = 40;

const HEARTBEAT_TICKS = 5;

/** After word that a leader's node is dead, campaigns begin within 300 ms. */
const LEADER_GONE_TICKS = 3;

/** R7: after 3 s without anything a group goes quiet. Waking costs a round trip at most. */
const QUIET_TICKS = 30;

/** R16: the executor gives up before the scheduler does, so that a unit does not run twice at once. */
const EXECUTOR_LEASE_MS = 8_000;
const SCHEDULER_LEASE_MS = 10_000;

/**
 * What a log keeps behind its checkpoint: a follower that was away for some seconds of heavy load is
 * brought up from it. A start reads all of it, so a node with many busy groups pays for more.
 */
const TAIL_ENTRIES = 20_000;
const TAIL_BYTES = 16 * 1024 * 1024;

/** Longer than a restart of a machine takes; copying a group's state costs more than waiting. */
const REPLACE_AFTER_MS = 600_000;

/** One entry of 12 bytes, and only in groups where something happens. */
const CHECK_MS = 60_000;

/** A few milliseconds of work for either side. */
const SNAPSHOT_CHUNK_BYTES = 256 * 1024;

/** R25: rounds of the collector are no closer; and a page of blocks or rows is looked at no more often. */
const COLLECT_EVERY_MS_MIN = 1_000;
const COLLECT_PAUSE_MS = 20;

/** R20: work that an executor holds beyond what runs: it hides the way through the log and back. */
const PREFETCH_MS = 50;

/** What the actors of a node are built with. */
export function nodeOptions(config: NodeConfig): ClusterNodeOptions {
  return {
    tickMs: TICK_MS,
    electionTicks: ELECTION_TICKS,
    heartbeatTicks: HEARTBEAT_TICKS,
    leaderGoneTicks: LEADER_GONE_TICKS,
    checkMs: CHECK_MS,
    replaceAfterMs: REPLACE_AFTER_MS,
    quietTicks: QUIET_TICKS,
    tail: { tailEntries: TAIL_ENTRIES, tailBytes: TAIL_BYTES },
    snapshotChunkBytes: SNAPSHOT_CHUNK_BYTES,
    scheduling: {
      leaseMs: SCHEDULER_LEASE_MS,
      arrivalMs: 3_000,
      grantsMax: 512,
      retention: config.retention,
    },
    executor: {
      slots: config.slots,
      capabilities: config.capabilities,
      beatMs: 500,
      idleBeatMs: 2_000,
      leaseMs: EXECUTOR_LEASE_MS,
      prefetchMs: PREFETCH_MS,
    },
    collection: {
      graceMs: config.blockGraceMs,
      everyMs: Math.max(COLLECT_EVERY_MS_MIN, config.blockGraceMs / 4),
      pauseMs: COLLECT_PAUSE_MS,
    },
  };
}
