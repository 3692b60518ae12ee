import { expect, test } from "vitest";
import { Metrics } from "./metrics.ts";

function watched(): Metrics {
  const metrics = new Metrics();
  watch(metrics, 3);
  return metrics;
}

function watch(metrics: Metrics, clusterVersion: number | undefined): void {
  metrics.watch({
    replicas: () => [
      {
        group: 4,
        leads: true,
        term: 2,
        voters: 3,
        lastIndex: 12,
        commitIndex: 11,
        appliedIndex: 10,
        uncommittedBytes: 64,
        logStartIndex: 5,
      },
    ],
    snapshotsInstalled: () => 1,
    replicasDamaged: () => 0,
    quiet: () => ({ groups: 0, quietedCount: 0 }),
    peersUp: () => 2,
    strangers: () => 0,
    executor: () => ({ slots: 4, held: 3 }),
    workers: () => Promise.resolve(5),
    objectBytes: () => Promise.resolve({ source: 30, cache: 12 }),
    busy: () => new Map([["n2", 7]]),
    ready: () => true,
    clusterVersion: () => clusterVersion,
  });
}

test("what the node does is counted, and what it is, is looked up when asked", async () => {
  const metrics = watched();
  metrics.written({ database: "log", bytes: 300, tookMs: 4 });
  metrics.written({ database: "state", bytes: 300, tookMs: 300 });
  metrics.committed(8);
  metrics.attemptEnded("done");
  metrics.frame("out", "raft", 100);
  metrics.frame("out", "raft", 20);
  metrics.block("in", "n2", 60);
  metrics.block("in", "n3", 4);
  const lines = (await metrics.text()).split("\n");
  for (const line of [
    'jobx_raft_applied_index{group="4"} 10',
    'jobx_raft_leads{group="4"} 1',
    "jobx_log_batch_seconds_count 1",
    "jobx_state_batch_seconds_count 1",
    'jobx_store_write_stalls_total{database="log"} 0',
    'jobx_store_write_stalls_total{database="state"} 1',
    'jobx_log_batch_bytes_bucket{le="1024"} 1',
    'jobx_log_batch_bytes_bucket{le="256"} 0',
    "jobx_command_commit_seconds_sum 0.008",
    'jobx_executor_attempts_total{end="done"} 1',
    'jobx_executor_attempts_total{end="failed"} 0',
    'jobx_mesh_frame_bytes_total{direction="out",kind="raft"} 120',
    'jobx_mesh_frames_total{direction="out",kind="raft"} 2',
    'jobx_mesh_block_bytes_total{direction="in"} 64',
    'jobx_mesh_peer_block_bytes_total{direction="in",peer="n2"} 60',
    "jobx_handler_workers 5",
    'jobx_object_bytes{origin="cache"} 12',
    "jobx_executor_held_units 3",
    'jobx_executor_busy_units{node="n2"} 7',
    "jobx_node_ready 1",
    "jobx_cluster_version 3",
  ]) {
    expect(lines).toContain(line);
  }
});

test("each figure has a name of ours, a help text and a type", async () => {
  const text = await watched().text();
  const helped = new Set([...text.matchAll(/^# HELP (\S+) \S+/gm)].map((match) => match[1]));
  const typed = [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)];
  expect(typed.length).toBeGreaterThan(20);
  for (const [, name = "", type = ""] of typed) {
    expect(name).toMatch(/^jobx_[a-z0-9_]+$/);
    expect(helped.has(name)).toBe(true);
    if (type === "counter") expect(name).toMatch(/_total$/);
  }
});

test("the longest step of the control loop is told once, and begins anew", async () => {
  const metrics = watched();
  const longest = async (): Promise<number> => {
    const text = await metrics.text();
    return Number(/^jobx_control_longest_step_seconds (\S+)$/m.exec(text)?.[1]);
  };
  await new Promise((resolve) => setTimeout(resolve, 50));
  const endMs = performance.now() + 400;
  while (performance.now() < endMs);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await longest()).toBeGreaterThan(0.3);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await longest()).toBeLessThan(0.3);
});

test("the cluster's version is no figure while the node does not know it", async () => {
  const metrics = new Metrics();
  watch(metrics, undefined);
  expect(await metrics.text()).not.toMatch(/^jobx_cluster_version /m);
});
