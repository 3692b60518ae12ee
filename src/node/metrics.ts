/** Figures of a node in Prometheus' text form. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Composed } from "./compose.ts";
import type { FrameMesh, SentCount } from "./frame-mesh.ts";
import type { Hints } from "./hints.ts";

interface Sample {
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter";
  readonly values: readonly { readonly labels: string; readonly value: number }[];
}

/** Whom the figures beside Raft's come from. */
export interface NodeParts {
  readonly mesh: Mesh;
  readonly frames: FrameMesh;
  readonly hints: Hints;
}

/** All figures as they are now. */
export function nodeMetrics(composed: Composed, parts: NodeParts): string {
  return [...raftSamples(composed.node), ...processSamples(parts)].map(print).join("");
}

function raftSamples(node: ClusterNode): readonly Sample[] {
  const replicas = [...node.host.replicas()];
  const perGroup = (of: (replica: (typeof replicas)[number]) => number): Sample["values"] =>
    replicas.map((replica) => ({ labels: `{group="${replica.group}"}`, value: of(replica) }));
  return [
    {
      name: "jobx_raft_applied_index",
      help: "Last log index that the replica has applied.",
      type: "gauge",
      values: perGroup((replica) => replica.appliedIndex),
    },
    {
      name: "jobx_raft_term",
      help: "Term of the replica.",
      type: "gauge",
      values: perGroup((replica) => replica.core.status().term),
    },
    {
      name: "jobx_raft_leads",
      help: "1 where this node leads the group.",
      type: "gauge",
      values: perGroup((replica) => (replica.core.status().role === "leader" ? 1 : 0)),
    },
    {
      name: "jobx_raft_voters",
      help: "Voters in the configuration that the replica goes by.",
      type: "gauge",
      values: perGroup((replica) => replica.core.status().configuration.voters.length),
    },
    {
      name: "jobx_raft_log_start_index",
      help: "Last index that was truncated from the replica's log.",
      type: "gauge",
      values: perGroup((replica) => replica.core.status().compactedIndex),
    },
    {
      name: "jobx_raft_snapshots_installed_total",
      help: "Snapshots of groups that this node has taken in since its start.",
      type: "counter",
      values: [{ labels: "", value: node.snapshotsInstalled }],
    },
    {
      name: "jobx_raft_replicas_damaged",
      help: "Replicas on this node that are damaged and wait to be replaced.",
      type: "gauge",
      values: [{ labels: "", value: node.damagedReplicas.size }],
    },
    {
      name: "jobx_raft_quiet_groups",
      help: "Groups with a replica here that are quiet: they have nothing to do and say nothing.",
      type: "gauge",
      values: [{ labels: "", value: node.host.quiet.groups }],
    },
    {
      name: "jobx_raft_quieted_total",
      help: "How often a group that this node leads became quiet.",
      type: "counter",
      values: [{ labels: "", value: node.host.quiet.quietedCount }],
    },
  ];
}

function processSamples(parts: NodeParts): readonly Sample[] {
  const { mesh, frames, hints } = parts;
  return [
    {
      name: "jobx_mesh_sent_frames_total",
      help: "Control messages sent to other nodes, by kind.",
      type: "counter",
      values: perKind(frames, (count) => count.frames),
    },
    {
      name: "jobx_mesh_sent_bytes_total",
      help: "Bytes of the control messages sent to other nodes, by kind, before encryption.",
      type: "counter",
      values: perKind(frames, (count) => count.bytes),
    },
    {
      name: "jobx_mesh_peers_up",
      help: "Members that can be reached.",
      type: "gauge",
      values: [{ labels: "", value: mesh.peersUp().length }],
    },
    {
      name: "jobx_executor_busy_units",
      help: "Units that each node runs or holds, as it last gossiped.",
      type: "gauge",
      values: [...hints.latest()].map(([id, { busy }]) => ({
        labels: `{node="${id}"}`,
        value: busy,
      })),
    },
    {
      name: "jobx_process_memory_bytes",
      help: "Resident memory of the node's process.",
      type: "gauge",
      values: [{ labels: "", value: process.memoryUsage.rss() }],
    },
  ];
}

function perKind(frames: FrameMesh, of: (count: SentCount) => number): Sample["values"] {
  return frames.sent().map((count) => ({ labels: `{kind="${count.kind}"}`, value: of(count) }));
}

function print({ name, help, type, values }: Sample): string {
  const lines = values.map(({ labels, value }) => `${name}${labels} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}
