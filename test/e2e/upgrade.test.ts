/** Nodes that get another program one after the other, while a request runs. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { SUPPORTED_VERSIONS } from "../../src/scheduler/system/version-range.ts";
import { ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { type Corpus, expectCounted, submitCount, writeCorpus } from "../lib/e2e-words.ts";

const NODES = [1, 2, 3];
const NEXT_PROGRAM = join(import.meta.dirname, "programs/next-node.ts");
const NOW = SUPPORTED_VERSIONS.max;
const NEXT = NOW + 1;

/** From the last announcement to the raise, with an election between. */
const RAISE_MS_MAX = 60_000;
const END_MS_MAX = 90_000;

// Units that wait at a gate outlast the drain, so that they are interrupted.
const cluster = useCluster(3, { nodeArgs: "--drain-timeout 1" });
let corpus: Corpus;

beforeAll(async () => {
  corpus = await writeCorpus(cluster, { documents: 2, linesEach: 10 });
  await cluster.apply(1, "words");
});

const logOf = (number: number): string => readFileSync(join(cluster.home(number), "log"), "utf8");

async function raised(at: number): Promise<void> {
  await eventually(`node-${at} has applied version ${NEXT}`, RAISE_MS_MAX, async () => {
    return (await cluster.client(at).cluster()).version === NEXT;
  });
}

test("the version goes up with the last node that gets the next program, and the request ends well", async () => {
  const gate = await Gate.make(cluster);
  const client = cluster.client(...NODES);
  const id = await submitCount(client, corpus, { gatedFrom: 2, gate: gate.path });
  for (const number of NODES) {
    // Nobody waits while none has the next program; else those that do not have it yet.
    const old =
      number === 1
        ? ""
        : NODES.slice(number - 1)
            .map((one) => `node-${one}`)
            .join();
    // A node that is ready announces its program a moment later, and others hear of it after that.
    await eventually(`the cluster waits for ${old}`, RAISE_MS_MAX, async () => {
      const { version, next } = await client.cluster();
      expect(version).toBe(NOW);
      return (
        (next?.waitsFor ?? [])
          .map(({ name }) => name)
          .sort()
          .join() === old
      );
    });
    await cluster.script("stop", String(number));
    cluster.install(number, NEXT_PROGRAM);
    if (number === 3) {
      const { stdout } = await cluster.jobx([1, 2], "cluster", "status");
      expect(stdout).toContain(`version ${NEXT} waits for node-3, which supports ${NOW} only.`);
      expect(stdout).toContain(`cluster version ${NOW}\n`);
    }
    await cluster.adopt(number, "--drain-timeout", "1");
  }
  for (const number of NODES) {
    await raised(number);
    expect(await cluster.metric(number, "jobx_cluster_version")).toBe(NEXT);
  }
  await gate.open();
  await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
});

test("a node with the program from before is not let in, and nothing has changed", async () => {
  const client = cluster.client(...NODES);
  const late = await cluster.launchNewcomer(4);
  expect(await once(late, "exit")).toEqual([1, null]);
  expect(logOf(4)).toContain(
    `CLUSTER_VERSION_UNSUPPORTED: the cluster has version ${NEXT}, and this node's program supports ${NOW} only: upgrade this node`,
  );
  expect((await client.nodes()).map(({ name }) => name).sort()).toEqual(
    NODES.map((number) => `node-${number}`),
  );
  expect((await client.tickets()).filter(({ state }) => state === "open")).not.toEqual([]);
});

test("a member that goes back to it ends by itself, and comes back with the next one", async () => {
  await cluster.killAdopted(3);
  cluster.install(3, undefined);
  const old = cluster.launch(3);
  expect(await once(old, "exit")).toEqual([1, null]);
  expect(logOf(3)).toContain(`CLUSTER_VERSION_UNSUPPORTED: the cluster has version ${NEXT}`);
  const client = cluster.client(1, 2);
  expect(await client.cluster()).toMatchObject({ version: NEXT, next: null });
  cluster.install(3, NEXT_PROGRAM);
  await cluster.adopt(3);
  const id = await submitCount(cluster.client(3), corpus);
  await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
});
