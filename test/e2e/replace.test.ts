/** Nodes that lose their stores, or are away while logs are truncated, and vote again in the end. */
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { ended, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import {
  type Corpus,
  expectCounted,
  linesDone,
  submitCount,
  writeCorpus,
} from "../lib/e2e-words.ts";

const END_MS_MAX = 90_000;
/** From the start of a node without a store to three voters in every group. */
const REPLACE_MS_MAX = 60_000;
const SYSTEM_GROUP = 0;
/** The first workflow's group. */
const WORDS_GROUP = 1;
/** Sources close to what an entry of the log holds, of which there are more than a tail keeps. */
const SOURCES = ["file.js", "folder.js", "line.js", "pairs.js"];
const ROUNDS = 6;
const SOURCE_BYTES = 900_000;

const cluster = useCluster(3);
let corpus: Corpus;

beforeAll(async () => {
  corpus = await writeCorpus(cluster, { documents: 3, linesEach: 20 });
  await cluster.apply(1, "words");
});

beforeEach(() => cluster.up(3));

/** Names of the nodes that vote in the workflow's group, as node `at` shows them. */
async function votersOf(at: number): Promise<string> {
  const { replicas } = await cluster.client(at).workflow("words");
  const voters = replicas.filter(({ role }) => role === "voter").map(({ name }) => name);
  return voters.length === replicas.length ? voters.sort().join() : "";
}

/** A node has got both groups' states from others; until then others may still count its old replicas. */
async function hasStatesAnew(number: number): Promise<void> {
  await eventually(`node-${number} has got both states`, REPLACE_MS_MAX, async () => {
    const count = await cluster.metric(number, "jobx_raft_snapshots_installed_total");
    return (count ?? 0) >= 2;
  });
}

async function allVote(at: number): Promise<void> {
  await eventually("three nodes vote in both groups", REPLACE_MS_MAX, async () => {
    const voters = await cluster.metric(at, "jobx_raft_voters", SYSTEM_GROUP);
    return voters === 3 && (await votersOf(at)) === "node-1,node-2,node-3";
  });
}

/** All that was asked before is there without node `away`. */
async function worksWithout(away: number, requests: readonly string[]): Promise<void> {
  const rest = [1, 2, 3].filter((number) => number !== away);
  await cluster.kill(away);
  const client = cluster.client(...rest);
  for (const id of requests) {
    await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
  }
  const next = await submitCount(client, corpus);
  await expectCounted(client, await ended(client, next, END_MS_MAX), corpus);
}

test("a node that lost its store under load votes again, and the others can do without each other", async () => {
  await allVote(1);
  const client = cluster.client(1, 3);
  const before = await submitCount(client, corpus);
  await expectCounted(client, await ended(client, before, END_MS_MAX), corpus);
  const during = await submitCount(client, corpus, { pauseMs: 20 });
  await linesDone(client, during, 5);
  await cluster.kill(2);
  await cluster.loseStore(2);
  await cluster.start(2);
  await hasStatesAnew(2);
  await allVote(2);
  await expectCounted(client, await ended(client, during, END_MS_MAX), corpus);
  // Now the new store is needed for every majority.
  await worksWithout(3, [before, during]);
});

test("a node whose store is damaged sets it aside and votes again with another", async () => {
  await allVote(1);
  const client = cluster.client(1, 3);
  const before = await submitCount(client, corpus);
  await ended(client, before, END_MS_MAX);
  await cluster.kill(2);
  const data = join(cluster.home(2), "data");
  // The disk lost silently what was written last.
  for (const name of await readdir(join(data, "log")))
    if (name.endsWith(".log")) await rm(join(data, "log", name));
  await cluster.start(2);
  await hasStatesAnew(2);
  await allVote(2);
  const identity = async (folder: string): Promise<string> =>
    readFile(join(folder, "identity.json"), "utf8");
  expect(await identity(join(data, "damaged-1"))).not.toBe(await identity(data));
  await worksWithout(1, [before]);
});

test("a node that was down while the log was truncated catches up by a snapshot", async () => {
  await allVote(1);
  const client = cluster.client(1, 2);
  const before = await submitCount(client, corpus);
  await ended(client, before, END_MS_MAX);
  const known = (await cluster.metric(3, "jobx_raft_applied_index", WORDS_GROUP)) ?? 0;
  await cluster.kill(3);
  await defineLarge();
  const applied = (await cluster.metric(1, "jobx_raft_applied_index", WORDS_GROUP)) ?? 0;
  await eventually("the log was truncated beyond what node-3 has", END_MS_MAX, async () => {
    const starts = [1, 2].map((at) => cluster.metric(at, "jobx_raft_log_start_index", WORDS_GROUP));
    return (await Promise.all(starts)).every((start) => (start ?? 0) > known + 1);
  });
  await cluster.start(3);
  await eventually("node-3 has applied what the others had", REPLACE_MS_MAX, async () => {
    const index = await cluster.metric(3, "jobx_raft_applied_index", WORDS_GROUP);
    return (index ?? 0) >= applied;
  });
  expect(await cluster.metric(3, "jobx_raft_snapshots_installed_total")).toBeGreaterThanOrEqual(1);
  await worksWithout(2, [before]);
});

/** Defines the workflow several times, with other large sources each time. */
async function defineLarge(): Promise<void> {
  const folder = join(cluster.folder, "large");
  await mkdir(folder, { recursive: true });
  await cp(join(import.meta.dirname, "words"), folder, { recursive: true });
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of SOURCES) {
      const source = await readFile(join(import.meta.dirname, "words/handlers", name), "utf8");
      const filler = `// ${round} ${"x".repeat(SOURCE_BYTES)}\n`;
      await writeFile(join(folder, "handlers", name), source + filler);
    }
    await cluster.applyFile(1, join(folder, "words.yaml"));
  }
}
