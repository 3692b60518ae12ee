/** A cluster of one becomes one of three. */
import { expect, test } from "vitest";
import { ended, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { expectCounted, submitCount, writeCorpus } from "../lib/e2e-words.ts";

/** From the third node's readiness to three voters in every group. */
const GROWTH_MS_MAX = 30_000;
const END_MS_MAX = 60_000;
const SYSTEM_GROUP = 0;

const cluster = useCluster(1);

/** Roles of a workflow's replicas by node, as node 1 shows them. */
async function roles(): Promise<Readonly<Record<string, string>>> {
  const { replicas } = await cluster.client(1).workflow("words");
  return Object.fromEntries(replicas.map(({ name, role }) => [name, role]));
}

test("the second node learns, and with the third all three vote in every group", async () => {
  const corpus = await writeCorpus(cluster, { documents: 2, linesEach: 3 });
  await cluster.apply(1, "words");
  expect(await roles()).toEqual({ "node-1": "voter" });
  const alone = cluster.client(1);
  const first = await submitCount(alone, corpus);
  await expectCounted(alone, await ended(alone, first, END_MS_MAX), corpus);

  await cluster.up(2);
  await eventually("node-2 is a learner of the workflow", GROWTH_MS_MAX, async () => {
    return (await roles())["node-2"] === "learner";
  });
  expect(await roles()).toEqual({ "node-1": "voter", "node-2": "learner" });
  expect(await cluster.metric(1, "jobx_raft_voters", SYSTEM_GROUP)).toBe(1);

  await cluster.up(3);
  await Promise.all([
    eventually("three nodes vote in the workflow", GROWTH_MS_MAX, async () => {
      const votes = Object.values(await roles());
      return votes.length === 3 && votes.every((role) => role === "voter");
    }),
    eventually("three nodes vote in the system group", GROWTH_MS_MAX, async () => {
      return (await cluster.metric(1, "jobx_raft_voters", SYSTEM_GROUP)) === 3;
    }),
  ]);

  // Both groups now do without the node that was there first, and have kept what it knew alone.
  await cluster.kill(1);
  const rest = cluster.client(2, 3);
  expect((await rest.createTicket({})).ticket).not.toBe("");
  await expectCounted(rest, await ended(rest, first, END_MS_MAX), corpus);
  const next = await submitCount(rest, corpus);
  await expectCounted(rest, await ended(rest, next, END_MS_MAX), corpus);
});
