/**
 * The node's figures for Prometheus: all of them are declared here. Names are
 * `jobx_area_what_unit`, in seconds and bytes; counters end in `_total`.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { CollectionReport } from "../actors/ports.ts";
import { SLOW_WRITE_MS } from "../actors/write-stall.ts";
import type { WrittenBatch } from "../store/watched-disk.ts";
import type { Healer } from "./files/healer.ts";
import type { Shortages } from "./files/shortages.ts";

/** How finely the loop is watched, ms: a step above 10 ms is too long for the control thread. */
const LOOP_RESOLUTION_MS = 5;

/** From an idle disk's sync to one that hangs, seconds. */
const SECONDS_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** From one small entry to the largest batch, bytes. */
const BYTES_BUCKETS = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

/** A replica when figures are asked for. */
export interface ReplicaFigures {
  readonly group: number;
  readonly leads: boolean;
  readonly term: number;
  readonly voters: number;
  readonly lastIndex: number;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly uncommittedBytes: number;
  /** Last index that was truncated from its log. */
  readonly logStartIndex: number;
}

/** What is looked up when figures are asked for. */
export interface FigureSources {
  readonly replicas: () => readonly ReplicaFigures[];
  readonly snapshotsInstalled: () => number;
  readonly replicasDamaged: () => number;
  readonly quiet: () => { readonly groups: number; readonly quietedCount: number };
  readonly peersUp: () => number;
  readonly strangers: () => number;
  /** Slots of this node, and units that run here or wait for one. */
  readonly executor: () => { readonly slots: number; readonly held: number };
  /** Workers' processes of this node. */
  readonly workers: () => Promise<number>;
  /** Bytes of objects of lists that mappers of this node were given, by where they came from. */
  readonly objectBytes: () => Promise<Readonly<Record<string, number>>>;
  /** Units that each member runs or holds, as it last gossiped. */
  readonly busy: () => ReadonlyMap<string, number>;
  readonly ready: () => boolean;
  /** R10: the cluster's version as this node has applied it; undefined while it does not know. */
  readonly clusterVersion: () => number | undefined;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #batchSeconds = new Histogram({
    name: "jobx_log_batch_seconds",
    help: "Time from handing a batch to the log's database to its being durable.",
    buckets: SECONDS_BUCKETS,
    registers: this.#registers,
  });
  readonly #stateSeconds = new Histogram({
    name: "jobx_state_batch_seconds",
    help: "Time from handing a batch to the state's database to its being written.",
    buckets: SECONDS_BUCKETS,
    registers: this.#registers,
  });
  readonly #stalls = new Counter({
    name: "jobx_store_write_stalls_total",
    help: "Writes that took so long that this node asked for less work, by database.",
    labelNames: ["database"],
    registers: this.#registers,
  });
  readonly #batchBytes = new Histogram({
    name: "jobx_log_batch_bytes",
    help: "Bytes of the values in a batch that was written into the log.",
    buckets: BYTES_BUCKETS,
    registers: this.#registers,
  });
  readonly #commitSeconds = new Histogram({
    name: "jobx_command_commit_seconds",
    help: "Time from asking a group's leader to its command being committed and applied there.",
    buckets: SECONDS_BUCKETS,
    registers: this.#registers,
  });
  readonly #attempts = new Counter({
    name: "jobx_executor_attempts_total",
    help: "Attempts that this node ran, by how they ended.",
    labelNames: ["end"],
    registers: this.#registers,
  });
  readonly #again = new Counter({
    name: "jobx_scheduler_units_run_again_total",
    help: "Finished units that ran again, since every copy of what they had made was lost.",
    registers: this.#registers,
  });
  readonly #frameBytes = new Counter({
    name: "jobx_mesh_frame_bytes_total",
    help: "Bytes of control frames, by direction and kind of message.",
    labelNames: ["direction", "kind"],
    registers: this.#registers,
  });
  readonly #frames = new Counter({
    name: "jobx_mesh_frames_total",
    help: "Control frames, by direction and kind of message.",
    labelNames: ["direction", "kind"],
    registers: this.#registers,
  });
  readonly #blockBytes = new Counter({
    name: "jobx_mesh_block_bytes_total",
    help: "Bytes of blocks sent to and fetched from other nodes.",
    labelNames: ["direction"],
    registers: this.#registers,
  });
  readonly #peerBlockBytes = new Counter({
    name: "jobx_mesh_peer_block_bytes_total",
    help: "Bytes of blocks sent to and fetched from each other node.",
    labelNames: ["direction", "peer"],
    registers: this.#registers,
  });
  readonly #collected = new Counter({
    name: "jobx_blocks_collected_total",
    help: "Blocks that the collector deleted, since nothing referred to them.",
    registers: this.#registers,
  });
  readonly #collectedBytes = new Counter({
    name: "jobx_blocks_collected_bytes_total",
    help: "Bytes of these.",
    registers: this.#registers,
  });
  readonly #unneeded = new Gauge({
    name: "jobx_blocks_unneeded",
    help: "Blocks of the collector's last round that nothing referred to and that stayed, by why.",
    labelNames: ["why"],
    registers: this.#registers,
  });

  constructor() {
    for (const end of ["done", "failed", "released"]) this.#attempts.inc({ end }, 0);
    for (const direction of ["in", "out"]) this.#blockBytes.inc({ direction }, 0);
    collectDefaultMetrics({ register: this.#registry, prefix: "jobx_" });
    this.#watchLoop();
  }

  /** A batch is in a database. */
  written({ database, bytes, tookMs }: WrittenBatch): void {
    const seconds = database === "log" ? this.#batchSeconds : this.#stateSeconds;
    seconds.observe(tookMs / 1000);
    if (database === "log") this.#batchBytes.observe(bytes);
    this.#stalls.inc({ database }, Number(tookMs >= SLOW_WRITE_MS));
  }

  /** A command that entered here is committed and applied. */
  committed(tookMs: number): void {
    this.#commitSeconds.observe(tookMs / 1000);
  }

  attemptEnded(end: "done" | "failed" | "released"): void {
    this.#attempts.inc({ end });
  }

  /** Where this node leads. */
  ranAgain(units: number): void {
    this.#again.inc(units);
  }

  frame(direction: "in" | "out", kind: string, bytes: number): void {
    this.#frames.inc({ direction, kind });
    this.#frameBytes.inc({ direction, kind }, bytes);
  }

  block(direction: "in" | "out", peer: string, bytes: number): void {
    this.#blockBytes.inc({ direction }, bytes);
    this.#peerBlockBytes.inc({ direction, peer }, bytes);
  }

  /** A round of the collector is over. */
  collected({ deleted, waiting, uncertain }: CollectionReport): void {
    this.#collected.inc(deleted.blocks);
    this.#collectedBytes.inc(deleted.bytes);
    this.#unneeded.set({ why: "waiting" }, waiting.blocks);
    this.#unneeded.set({ why: "uncertain" }, uncertain.blocks);
  }

  /** From now on the figures of these sources are part of the text; called once. */
  watch(sources: FigureSources): void {
    const replica = (name: string, help: string, of: (one: ReplicaFigures) => number): void => {
      this.#gauge({ name, help, labels: ["group"] }, (gauge) => {
        for (const one of sources.replicas()) gauge.set({ group: one.group }, of(one));
      });
    };
    replica("jobx_raft_applied_index", "Last log index that was applied.", (r) => r.appliedIndex);
    replica(
      "jobx_raft_commit_index",
      "Last log index known to be committed.",
      (r) => r.commitIndex,
    );
    replica("jobx_raft_last_index", "Last index of the log.", (r) => r.lastIndex);
    replica(
      "jobx_raft_log_start_index",
      "Last index that was truncated from the log.",
      (r) => r.logStartIndex,
    );
    replica("jobx_raft_term", "Term of the replica.", (r) => r.term);
    replica("jobx_raft_leads", "1 where this node leads the group.", (r) => Number(r.leads));
    replica("jobx_raft_voters", "Voters of the group.", (r) => r.voters);
    replica(
      "jobx_raft_uncommitted_bytes",
      "Bytes that wait to be committed where this node leads.",
      (r) => r.uncommittedBytes,
    );
    const one = (name: string, help: string, of: () => number | Promise<number>): void => {
      this.#gauge({ name, help, labels: [] }, async (gauge) => gauge.set(await of()));
    };
    one(
      "jobx_raft_snapshots_installed_total",
      "Snapshots of groups that this node has taken in since its start.",
      sources.snapshotsInstalled,
    );
    one(
      "jobx_raft_replicas_damaged",
      "Replicas on this node that are damaged and wait to be replaced.",
      sources.replicasDamaged,
    );
    one(
      "jobx_raft_quiet_groups",
      "Groups with a replica here that are quiet: they have nothing to do and say nothing.",
      () => sources.quiet().groups,
    );
    one(
      "jobx_raft_quieted_total",
      "How often a group that this node leads became quiet.",
      () => sources.quiet().quietedCount,
    );
    one("jobx_mesh_peers_up", "Members that can be reached.", sources.peersUp);
    one("jobx_mesh_strangers", "Connections of newcomers.", sources.strangers);
    one("jobx_executor_slots", "Units that may run here at once.", () => sources.executor().slots);
    one("jobx_executor_held_units", "Units that run here or wait for a slot.", () => {
      return sources.executor().held;
    });
    one("jobx_handler_workers", "Processes in which handlers run.", sources.workers);
    one("jobx_node_ready", "1 while /readyz says so.", () => Number(sources.ready()));
    this.#watchVersion(sources);
    this.#watchObjects(sources);
    this.#gauge(
      {
        name: "jobx_executor_busy_units",
        help: "Units that each node runs or holds, as it last gossiped.",
        labels: ["node"],
      },
      (gauge) => {
        for (const [node, busy] of sources.busy()) gauge.set({ node }, busy);
      },
    );
  }

  #watchObjects(sources: FigureSources): void {
    this.#gauge(
      {
        name: "jobx_object_bytes",
        help: "Bytes of objects of lists that were given to mappers here since the start, by origin.",
        labels: ["origin"],
      },
      async (gauge) => {
        const bytes = await sources.objectBytes();
        for (const [origin, count] of Object.entries(bytes)) gauge.set({ origin }, count);
      },
    );
  }

  #watchVersion({ clusterVersion }: FigureSources): void {
    const about = {
      name: "jobx_cluster_version",
      help: "Version of the cluster, as this node has applied it; absent while it does not know.",
      labels: [],
    } as const;
    this.#gauge(about, (gauge) => {
      const version = clusterVersion();
      if (version === undefined) gauge.remove();
      else gauge.set(version);
    });
  }

  /** Copies of the blocks of files, in the volumes whose workflows this node leads. */
  watchHealing(
    healing: Pick<Healer, "totals" | "copiedBytes">,
    shortages: Pick<Shortages, "sinceMs">,
  ): void {
    this.#gauge(
      {
        ...{ name: "jobx_fs_wanting_blocks", labels: ["state"] },
        help: "Blocks of files that this node's last rounds left with too few copies, or without any.",
      },
      (gauge) => {
        const { short, missing, lost } = healing.totals;
        gauge.set({ state: "short" }, short);
        gauge.set({ state: "missing" }, missing);
        gauge.set({ state: "lost" }, lost);
      },
    );
    const since = {
      name: "jobx_fs_wanting_since_seconds",
      help: "When blocks of files were first found to have too few copies, as a Unix time; absent while all have enough.",
      labels: [],
    } as const;
    this.#gauge(since, (gauge) => {
      const sinceMs = shortages.sinceMs();
      if (sinceMs === undefined) gauge.remove();
      else gauge.set(sinceMs / 1000);
    });
    const help = "Bytes of blocks that this node had copied since they had too few copies.";
    this.#gauge({ name: "jobx_fs_healed_bytes", help, labels: [] }, (gauge) => {
      gauge.set(healing.copiedBytes);
    });
  }

  /** Everything as Prometheus text. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #gauge(
    about: { readonly name: string; readonly help: string; readonly labels: readonly string[] },
    collect: (gauge: Gauge) => void | Promise<void>,
  ): void {
    const gauge: Gauge = new Gauge({
      name: about.name,
      help: about.help,
      labelNames: [...about.labels],
      registers: this.#registers,
      collect: () => {
        // Groups and nodes that are gone must not stay.
        gauge.reset();
        return collect(gauge);
      },
    });
  }

  /** A step of the control loop should stay under 10 ms: what it was at most since the last look. */
  #watchLoop(): void {
    const delays = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
    delays.enable();
    const about = {
      name: "jobx_control_longest_step_seconds",
      help: "Longest time that the control loop did not turn, since the figures were last read.",
      labels: [],
    } as const;
    this.#gauge(about, (gauge) => {
      const longestMs = delays.count === 0 ? 0 : delays.max / 1e6 - LOOP_RESOLUTION_MS;
      gauge.set(Math.max(0, longestMs) / 1000);
      delays.reset();
    });
  }
}
