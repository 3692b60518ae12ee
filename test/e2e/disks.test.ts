/** Disks that lose power, stand still, are slow or full, or do not hold what was written: real ones. */
import { chmodSync, cpSync, mkdirSync, renameSync } from "node:fs";
import { open, readdir, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ended, useCluster } from "../lib/e2e-cluster.ts";
import { disksRefused, TestDisk } from "../lib/e2e-disks.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { callHttp } from "../lib/e2e-http.ts";
import { type Corpus, expectCounted, submitCount, writeCorpus } from "../lib/e2e-words.ts";

const END_MS_MAX = 90_000;
/** From the start of a node that has set its store aside to three voters in every group. */
const REPLACE_MS_MAX = 60_000;
const NODES = [1, 2, 3];
const ROUNDS = 2;
/** As many as end soon after the restart. */
const ACKNOWLEDGED_MAX = 15;
const WORDS_GROUP = 1;

const refused = await disksRefused();
if (refused !== undefined) console.log(`skipped: ${refused}`);

describe.skipIf(refused !== undefined)("disks", () => {
  const cluster = useCluster(3);
  const disks = new Map<number, TestDisk>();
  let corpus: Corpus;

  const dataOf = (number: number): string => join(cluster.home(number), "data");
  const diskOf = (number: number): TestDisk => {
    const disk = disks.get(number);
    if (disk === undefined) throw new Error(`node-${number} has no disk`);
    return disk;
  };

  beforeAll(async () => {
    corpus = await writeCorpus(cluster, { documents: 3, linesEach: 8 });
    await cluster.apply(1, "words");
    await allVote(1);
    await cluster.script("stop", ...NODES.map(String));
    for (const number of NODES) {
      const [at, before] = [dataOf(number), `${dataOf(number)}.before`];
      renameSync(at, before);
      mkdirSync(at, { mode: 0o700 });
      const disk = new TestDisk({ image: join(cluster.folder, `disk-${number}`), at });
      disk.mount();
      chmodSync(at, 0o700);
      disks.set(number, disk);
      cpSync(before, at, { recursive: true });
    }
    // What was copied is not the nodes' to sync.
    TestDisk.syncAll();
  });

  beforeEach(() => cluster.up(3));

  afterAll(async () => {
    for (const [number, disk] of disks) {
      await cluster.kill(number).catch(() => undefined);
      await disk.unmount();
    }
  });

  async function allVote(at: number): Promise<void> {
    await eventually("three nodes vote in both groups", REPLACE_MS_MAX, async () => {
      const counts = [0, WORDS_GROUP].map((group) => cluster.metric(at, "jobx_raft_voters", group));
      return (await Promise.all(counts)).every((count) => count === 3);
    });
  }

  /** Everybody but one. */
  const others = (number: number): readonly number[] => NODES.filter((other) => other !== number);

  test("what was acknowledged before the power of all three nodes failed is done after their restart", async () => {
    const client = cluster.client(...NODES);
    for (let round = 0; round < ROUNDS; round++) {
      const ids: string[] = [];
      let isOn = true;
      const users = NODES.map(async (number) => {
        while (isOn && ids.length < ACKNOWLEDGED_MAX) {
          const id = await submitCount(cluster.client(number), corpus).catch(() => undefined);
          if (id !== undefined) ids.push(id);
        }
      });
      await eventually("ten requests are acknowledged", END_MS_MAX, () => ids.length >= 10);
      TestDisk.cutPower([...disks.values()]);
      isOn = false;
      await cluster.kill(...NODES);
      for (const disk of disks.values()) {
        await disk.unmount();
        disk.mount();
      }
      await cluster.start(...NODES);
      // Who was not answered asks again, until there is somebody to answer.
      await Promise.all(users);
      for (const id of ids)
        await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
    }
    // Nobody took a record that was torn by the end for damage.
    for (const number of NODES) {
      const set = (await readdir(dataOf(number))).filter((name) => name.startsWith("damaged"));
      expect(set).toEqual([]);
    }
    await allVote(1);
  });

  test("a node whose disk stands still leads nothing, requests end without it, and it is back when it writes again", async () => {
    const before = await cluster.scheduler("words", 1);
    const rest = others(before.number);
    const client = cluster.client(...rest);
    diskOf(before.number).freeze();
    try {
      const id = await submitCount(client, corpus);
      await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
      const after = await cluster.scheduler("words", rest[0] ?? 0);
      expect(rest).toContain(after.number);
    } finally {
      diskOf(before.number).thaw();
    }
    const { appliedIndex: goal } = await client.workflow("words");
    await eventually("the node has applied what the others had", END_MS_MAX, async () => {
      const index = await cluster.metric(before.number, "jobx_raft_applied_index", WORDS_GROUP);
      return (index ?? 0) >= goal;
    });
  });

  test("all requests end on disks that stand still again and again for a moment", async () => {
    let isSlow = true;
    const slow = NODES.map(async (number) => {
      while (isSlow) {
        diskOf(number).freeze();
        await pause(50 + 30 * number);
        diskOf(number).thaw();
        await pause(300);
      }
    });
    try {
      const client = cluster.client(...NODES);
      const ids = await Promise.all(
        NODES.map((number) => submitCount(cluster.client(number), corpus)),
      );
      for (const id of ids)
        await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
    } finally {
      isSlow = false;
      await Promise.all(slow);
    }
  });

  test("a node whose disk is full says so, requests end without it, and it catches up when there is room", async () => {
    await allVote(1);
    const full = 3;
    const client = cluster.client(1, 2);
    diskOf(full).fill();
    const ids = [await submitCount(client, corpus)];
    await expectCounted(client, await ended(client, ids[0] ?? "", END_MS_MAX), corpus);
    await eventually("the node says what is wrong", END_MS_MAX, async () => {
      const { status, json } = await callHttp(cluster.api(full), { path: "/readyz" });
      return status === 503 && JSON.stringify(json).includes("STORE_DISK_FULL");
    });
    diskOf(full).makeRoom();
    await cluster.kill(full);
    await cluster.start(full);
    const { appliedIndex: goal } = await client.workflow("words");
    await eventually("the node has applied what the others had", END_MS_MAX, async () => {
      const index = await cluster.metric(full, "jobx_raft_applied_index", WORDS_GROUP);
      return (index ?? 0) >= goal;
    });
  });

  /** What became of one of the node's two databases, or of the file beside them, while it was switched off. */
  const damages: readonly (readonly [string, string, (path: string) => Promise<void>])[] = [
    ["log", "no CURRENT", (folder) => rm(join(folder, "CURRENT"))],
    ["log", "a flipped bit in the middle", async (at) => flip(await fileOf(at, /\.(?:ldb|log)$/u))],
    ["state", "half a MANIFEST", async (folder) => halve(await fileOf(folder, /^MANIFEST-/u))],
    ["identity.json", "a flipped bit in the middle", flip],
  ];
  test.each(damages)(
    "a node whose %s has %s votes again in the end, with all that was acknowledged",
    async (name, _what, harm) => {
      await allVote(1);
      const client = cluster.client(1, 2);
      const id = await submitCount(client, corpus);
      await ended(client, id, END_MS_MAX);
      await cluster.kill(3);
      await harm(join(dataOf(3), name));
      await cluster.start(3);
      await allVote(3);
      // The others are not needed any more than it is: what was there is there with its vote.
      await cluster.kill(1);
      const rest = cluster.client(2, 3);
      await expectCounted(rest, await ended(rest, id, END_MS_MAX), corpus);
      const next = await submitCount(rest, corpus);
      await expectCounted(rest, await ended(rest, next, END_MS_MAX), corpus);
    },
  );
});

/** The largest file of a folder whose name matches. */
async function fileOf(folder: string, name: RegExp): Promise<string> {
  const paths = (await readdir(folder))
    .filter((one) => name.test(one))
    .map((one) => join(folder, one));
  const sizes = await Promise.all(
    paths.map(async (path) => ({ path, size: (await stat(path)).size })),
  );
  sizes.sort((one, other) => other.size - one.size);
  return sizes[0]?.path ?? "";
}

async function halve(path: string): Promise<void> {
  await truncate(path, Math.floor((await stat(path)).size / 2));
}

async function flip(path: string): Promise<void> {
  const file = await open(path, "r+");
  const at = Math.floor((await file.stat()).size / 2);
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 0x10;
  await file.write(byte, 0, 1, at);
  await file.close();
}
