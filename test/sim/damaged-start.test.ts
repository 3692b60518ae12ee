/** A machine whose data is not what was written is started: the node must come up and say so (R4). */
import { expect, test } from "vitest";
import { flipped } from "../lib/fake-disk.ts";
import { Chance } from "./chance.ts";
import { SimHost } from "./host.ts";
import { HostClock } from "./host-clock.ts";
import { SimLoop } from "./loop.ts";
import { SimNetwork } from "./network.ts";
import { drawPlan, nodeOptions } from "./plan.ts";
import { newTotals } from "./totals.ts";
import { Trace } from "./trace.ts";
import type { World } from "./world.ts";

const SEED = 1;

function machine(): { readonly host: SimHost; readonly run: (ms: number) => Promise<void> } {
  const loop = new SimLoop();
  const world: World = {
    seed: SEED,
    loop,
    trace: new Trace(loop, undefined),
    totals: newTotals(),
    chance: (label) => Chance.of(SEED, label),
    violate: (violation) => {
      throw violation;
    },
  };
  const host = new SimHost({
    world,
    id: "n1",
    network: new SimNetwork(world),
    options: nodeOptions(drawPlan(SEED), 0),
    behaviour: { healed: () => true, failsNow: () => undefined },
    bugs: {},
    watch: {
      ...{ opened: () => {}, heard: () => {}, said: () => {}, touched: () => {} },
      ...{ unreadable: () => {}, deleting: () => {}, followed: () => {}, runs: () => () => {} },
    },
    reach: () => undefined,
    reachProcess: () => undefined,
    zombieRatio: 0,
    runRatio: 0,
    beyond: false,
    clock: new HostClock({ loop, offsetMs: 0, rate: 1, wallErrorMs: 0 }),
    founding: (member) => ({
      kind: "found",
      clusterId: "c",
      member,
      adminTokenHash: "0".repeat(64),
    }),
  });
  const run = (ms: number): Promise<void> =>
    loop.runUntil(loop.nowMs() + ms, { done: () => false, after: () => {} });
  return { host, run };
}

test("a node with a damaged row that its system group needs at once starts without that replica", async () => {
  const { host, run } = machine();
  host.start();
  await run(5_000);
  expect(host.node?.directory.cluster?.id).toBe("c");
  host.crash("process");
  const { rows } = host.disk.database("state");
  const key = rows.keyAt(rows.position("d/0/")) ?? "";
  const value = flipped(rows.get(key) ?? new Uint8Array(), Chance.of(SEED, "flip"));
  host.disk.database("state").setRow(key, value);
  host.start();
  await run(5_000);
  expect([...(host.node?.stoppedReplicas ?? [])]).toEqual([
    [0, "STORE_DAMAGED: the state of 0 is damaged: the checksum of a row does not fit"],
  ]);
  expect([...(host.node?.damagedReplicas.keys() ?? [])]).toEqual([0]);
  expect(host.node?.directory.members()).toEqual([]);
});
