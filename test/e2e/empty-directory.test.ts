/** A member whose whole data directory is lost, its key with it, while the cluster works. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { type Corpus, expectCounted, submitCount, writeCorpus } from "../lib/e2e-words.ts";

const END_MS_MAX = 90_000;
/** From one membership to another, with the copying of logs on a busy machine. */
const CHANGE_MS_MAX = 60_000;

const cluster = useCluster(3);
let corpus: Corpus;

beforeAll(async () => {
  corpus = await writeCorpus(cluster, { documents: 3, linesEach: 30 });
  await cluster.apply(1, "words");
});

const members = async (): Promise<readonly { name: string; id: string; state: string }[]> =>
  (await cluster.client(1).nodes()).map(({ name, id, state }) => ({ name, id, state }));

test("a node that comes back with an empty directory is a new member, takes the place of the old one, and no request is lost", async () => {
  const gate = await Gate.make(cluster);
  const client = cluster.client(1, 2);
  const id = await submitCount(client, corpus, { gatedFrom: 10, gate: gate.path });
  const old = (await members()).find(({ name }) => name === "node-3")?.id ?? "";

  await cluster.kill(3);
  await rm(join(cluster.home(3), "data"), { recursive: true });
  const { ticket } = await client.createTicket({});
  await cluster.adopt(3, "--join", ticket);

  const states = (await members()).flatMap(({ name, id, state }) =>
    name === "node-3" ? [[id === old ? "old" : "new", state]] : [],
  );
  expect(states.sort()).toEqual([
    ["new", "up"],
    ["old", "down"],
  ]);

  // Two have the name: which one is meant has to be said.
  const byName = await cluster.jobx(1, "node", "remove", "node-3");
  expect([byName.code, byName.stderr]).toEqual([
    4,
    expect.stringMatching(new RegExp(`${old}.*NODE_NAME_SHARED`)),
  ]);
  expect((await cluster.jobx(1, "node", "remove", old)).code).toBe(0);

  await eventually("the new one votes in every group", CHANGE_MS_MAX, async () => {
    if ((await members()).some((one) => one.id === old)) return false;
    const groups = await client.groups();
    return groups.every(({ members: places }) => {
      const voters = places.flatMap(({ role, node }) => (role === "learner" ? [] : [node]));
      return voters.sort().join(" ") === "node-1 node-2 node-3";
    });
  });
  // A majority without node 2 needs it.
  await cluster.kill(2);
  await gate.open();
  const survivors = cluster.client(1, 3);
  await expectCounted(survivors, await ended(survivors, id, END_MS_MAX), corpus);
  expect((await members()).map((one) => one.id)).not.toContain(old);
});
