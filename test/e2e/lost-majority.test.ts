/** Two of three nodes are gone for good: an operator accepts the loss, and the last one goes on. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ended, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { type Corpus, expectCounted, submitCount, writeCorpus } from "../lib/e2e-words.ts";

const END_MS_MAX = 90_000;
const CHANGE_MS_MAX = 60_000;
/** Ids of before; those of after are far above. */
const OLD_REPLICAS_MAX = 100;

const cluster = useCluster(3);
let corpus: Corpus;
const acknowledged: string[] = [];

beforeAll(async () => {
  corpus = await writeCorpus(cluster, { documents: 2, linesEach: 4 });
  await cluster.apply(1, "words");
});

/** Roles and replicas of a group's members by node, as its leader says. */
async function membersOf(
  at: number,
  group: string,
): Promise<ReadonlyMap<string, [string, number]>> {
  const groups = await cluster.client(at).groups();
  const members = groups.find(({ name }) => name === group)?.members ?? [];
  return new Map(members.map(({ node, role, replica }) => [node, [role, replica]]));
}

test("while a majority answers nothing is recovered, and the answer says so", async () => {
  await eventually("all vote", CHANGE_MS_MAX, async () => {
    const roles = [...(await membersOf(1, "words")).values()].map(([role]) => role);
    return roles.length === 3 && !roles.includes("learner");
  });
  acknowledged.push(await submitCount(cluster.client(1), corpus));
  for (const words of [["words"], ["--system"], ["words", "--accept-loss"]]) {
    const { code, stderr } = await cluster.jobx(1, "raft", "recover", ...words);
    expect([words, code === 0]).toEqual([words, false]);
    expect(stderr).toContain("RECOVERY_REFUSED");
    expect(stderr).toContain("a majority of the group's replicas answers");
  }
  const client = cluster.client(1);
  for (const id of acknowledged) {
    await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
  }
});

test("the last node goes on with all that it has, once the loss is accepted", async () => {
  const { appliedIndex: goal } = await cluster.client(2, 3).workflow("words");
  await eventually("node-1 has what the others have", CHANGE_MS_MAX, async () => {
    return ((await cluster.metric(1, "jobx_raft_applied_index", 1)) ?? 0) >= goal;
  });
  // Nothing is to be done, so the groups say nothing; nobody tells a leader that its followers are gone.
  await eventually("both groups are quiet", CHANGE_MS_MAX, async () => {
    return (await cluster.metric(1, "jobx_raft_quiet_groups")) === 2;
  });
  await cluster.kill(2, 3);
  const explained = await eventually("the loss is explained", CHANGE_MS_MAX, async () => {
    const answer = await cluster.jobx(1, "raft", "recover", "words");
    return answer.code === 0 ? answer.stdout : undefined;
  });
  expect(explained).toContain("node-2 (replica");
  expect(explained).toContain("node-3 (replica");
  expect(explained).toContain("the newest log that is left is on node-1");
  // It only explains; a leader among them steps down by itself.
  await eventually("nobody leads", CHANGE_MS_MAX, async () => {
    return (await cluster.client(1).groups()).every(({ led }) => !led);
  });

  for (const words of [["--system"], ["words"]]) {
    const { code, stdout, stderr } = await cluster.jobx(
      1,
      ...["raft", "recover", ...words, "--accept-loss"],
    );
    expect([stderr, code]).toEqual(["", 0]);
    expect(stdout).toContain("goes on with what node-1 has");
  }
  const client = cluster.client(1);
  for (const id of acknowledged) {
    await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
  }
  const next = await submitCount(client, corpus);
  await expectCounted(client, await ended(client, next, END_MS_MAX), corpus);
  acknowledged.push(next);
  for (const group of ["system", "words"]) {
    const [[node, [role, replica]] = ["", ["", 0]], ...others] = await membersOf(1, group);
    expect([node, role, others]).toEqual(["node-1", "leader", []]);
    expect(replica).toBeGreaterThan(OLD_REPLICAS_MAX);
  }
});

test("it outlives a restart, and grows by a node that joins", async () => {
  await cluster.kill(1);
  await cluster.script("start", "1");
  await cluster.ready(1);
  await cluster.join(4);
  await eventually("node-4 has a replica", CHANGE_MS_MAX, async () => {
    return (await membersOf(1, "words")).has("node-4");
  });
  const client = cluster.client(4);
  const next = await submitCount(client, corpus);
  acknowledged.push(next);
  for (const id of acknowledged) {
    await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
  }
});

test("replicas that come back are refused, and their nodes begin anew as learners", async () => {
  await cluster.script("start", "2", "3");
  await eventually("all three that vote are new", CHANGE_MS_MAX, async () => {
    for (const group of ["system", "words"]) {
      const members = [...(await membersOf(1, group)).values()];
      expect(members.filter(([, replica]) => replica <= OLD_REPLICAS_MAX)).toEqual([]);
      if (members.filter(([role]) => role !== "learner").length !== 3) return false;
    }
    return true;
  });
  for (const number of [2, 3]) {
    // Three vote as soon as one of the two has begun anew.
    await eventually("it has begun anew", CHANGE_MS_MAX, () => {
      const log = readFileSync(join(cluster.home(number), "log"), "utf8");
      return log.includes("destroys a replica that was removed from its group");
    });
    await cluster.ready(number);
  }
  const client = cluster.client(2, 3);
  const next = await submitCount(client, corpus);
  acknowledged.push(next);
  for (const id of acknowledged) {
    await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
  }
});
