/** A cluster that grows and shrinks while requests run: drained, removed and dead nodes. */
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { attemptsOf, ended, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { type Corpus, expectCounted, submitCount, writeCorpus } from "../lib/e2e-words.ts";

const END_MS_MAX = 90_000;
/** From one membership to another, with the copying of logs on a busy machine. */
const CHANGE_MS_MAX = 60_000;
/** Between two submissions. */
const SUBMIT_MS = 300;

const cluster = useCluster(1);
let corpus: Corpus;

beforeAll(async () => {
  corpus = await writeCorpus(cluster, { documents: 1, linesEach: 3 });
  await cluster.apply(1, "words");
});

/** Voters of each group by name, sorted, as its leader says at node `at`. */
async function votersOf(at: number): Promise<Readonly<Record<string, readonly string[]>>> {
  const groups = await cluster.client(at).groups();
  return Object.fromEntries(
    groups.map(({ name, members }) => [
      name,
      members.filter(({ role }) => role !== "learner").map(({ node }) => node),
    ]),
  );
}

async function untilVoters(at: number, system: number, words: number): Promise<void> {
  const wanted = { system, words };
  await eventually(`voters are ${JSON.stringify(wanted)}`, CHANGE_MS_MAX, async () => {
    const voters = await votersOf(at);
    return voters["system"]?.length === system && voters["words"]?.length === words;
  });
}

async function remove(at: number, node: number): Promise<void> {
  const { code, stderr } = await cluster.jobx(at, "node", "remove", `node-${node}`);
  expect([code, stderr]).toEqual([0, ""]);
  await eventually(`node-${node} is gone`, CHANGE_MS_MAX, async () => {
    const nodes = await cluster.client(at).nodes();
    return nodes.every(({ name }) => name !== `node-${node}`);
  });
}

/** Copies of the blocks of the file `/kept`, as a node says. */
async function copiesOfFile(at: number): Promise<number | undefined> {
  const kept = { workflow: "words", path: "/kept", limit: 1 };
  return (await cluster.client(at).copies.where(kept)).entries[0]?.copies?.copies;
}

/** Submits small requests to these nodes until it is ended. */
class Load {
  readonly ids: string[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(nodes: () => readonly number[]) {
    this.#done = this.#run(nodes);
  }

  async #run(nodes: () => readonly number[]): Promise<void> {
    while (!this.#stop.signal.aborted) {
      this.ids.push(await submitCount(cluster.client(...nodes()), corpus));
      await sleep(SUBMIT_MS);
    }
  }

  async end(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.#done;
    return this.ids;
  }
}

test("one node grows to three and to five and shrinks again, and no request is lost", async () => {
  const alone = cluster.client(1);
  const first = await submitCount(alone, corpus);
  await expectCounted(alone, await ended(alone, first, END_MS_MAX), corpus);
  const file = join(cluster.folder, "kept");
  writeFileSync(file, randomBytes(3 << 20));
  expect((await cluster.jobx(1, "fs", "put", file, "words:/kept")).code).toBe(0);
  expect(await copiesOfFile(1)).toBe(1);
  let asked: readonly number[] = [1];
  const load = new Load(() => asked);
  try {
    await cluster.up(3);
    await untilVoters(1, 3, 3);
    await cluster.up(5);
    await untilVoters(1, 5, 3);
    asked = [2, 3];

    // The one that was there first, which alone has what the first request made.
    await remove(2, 1);
    // It went only when its blocks were on as many others as the volume asks for.
    expect(await copiesOfFile(2)).toBe(2);
    await untilVoters(2, 3, 3);
    for (const voters of Object.values(await votersOf(2))) expect(voters).not.toContain("node-1");

    // A dead one, whose vote others take over.
    await cluster.kill(5);
    await remove(2, 5);
    await untilVoters(2, 3, 3);

    await remove(3, 4);
    await untilVoters(2, 1, 1);
  } finally {
    await load.end();
  }
  const client = cluster.client(2, 3);
  await expectCounted(client, await ended(client, first, END_MS_MAX), corpus);
  expect(load.ids.length).toBeGreaterThan(5);
  for (const id of load.ids) {
    await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
    const failed = (await attemptsOf(client, id)).filter(({ state }) => state === "failed");
    expect([id, failed]).toEqual([id, []]);
  }
});

test("a removed node has ended by itself, and does not come back with its old key", async () => {
  const log = () => readFileSync(join(cluster.home(1), "log"), "utf8");
  const ended = () =>
    eventually("node-1 has ended", CHANGE_MS_MAX, async () => {
      const line = (await cluster.script("status"))
        .split("\n")
        .find((one) => one.startsWith("node-1"));
      return line?.includes("dead") === true || line?.includes("stopped") === true;
    });
  await ended();
  expect(log()).toContain("NODE_REMOVED");
  const before = log().length;
  // It may answer for a moment before it hears that it is refused.
  await cluster.script("start", "1").catch((error: unknown) => {
    expect(String(error)).toContain("node-1 did not start");
  });
  await ended();
  expect(log().slice(before)).toContain("NODE_REMOVED");
  const nodes = await cluster.client(2, 3).nodes();
  expect(nodes.map(({ name }) => name).sort()).toEqual(["node-2", "node-3"]);
});

test("a node that was dead when it was removed is refused by all others", async () => {
  await cluster.script("start", "5");
  const peersUp = async (number: number): Promise<number> => {
    const headers = { authorization: `Bearer ${cluster.token}` };
    const text = await (await fetch(`${cluster.api(number)}/metrics`, { headers })).text();
    return Number(/^jobx_mesh_peers_up (\d+)$/m.exec(text)?.[1]);
  };
  // It dials for several rounds meanwhile.
  for (let look = 0; look < 20; look++) {
    expect(await peersUp(2)).toBe(1);
    await sleep(100);
  }
  expect((await fetch(`${cluster.api(5)}/readyz`)).status).toBe(503);
  await cluster.kill(5);
});

test("a drained node gets no new work and leads nothing, until it is undrained", async () => {
  const client = cluster.client(2, 3);
  const leader = async (): Promise<string | undefined> => {
    const groups = await client.groups();
    const system = groups.find(({ name }) => name === "system");
    return system?.members.find(({ role }) => role === "leader")?.node;
  };
  const drained = (await leader()) === "node-2" ? "node-3" : "node-2";
  expect((await cluster.jobx(2, "node", "drain", drained)).code).toBe(0);
  await eventually("it is shown", CHANGE_MS_MAX, async () => {
    return (await client.nodes()).some(
      ({ name, state }) => name === drained && state === "drained",
    );
  });
  const id = await eventually("only the other one works", CHANGE_MS_MAX, async () => {
    const next = await submitCount(client, corpus);
    await ended(client, next, END_MS_MAX);
    const nodes = new Set((await attemptsOf(client, next)).map(({ nodeName }) => nodeName));
    return nodes.has(drained) ? undefined : next;
  });
  await expectCounted(client, await ended(client, id, END_MS_MAX), corpus);
  expect((await cluster.jobx(2, "node", "undrain", drained)).code).toBe(0);
  await eventually("it works again", CHANGE_MS_MAX, async () => {
    const next = await submitCount(client, corpus);
    await ended(client, next, END_MS_MAX);
    return (await attemptsOf(client, next)).some(({ nodeName }) => nodeName === drained);
  });
});

test("a node without which a group would stand still is not removed, and the answer says why", async () => {
  const unknown = await cluster.jobx(2, "node", "remove", "node-9");
  expect(unknown.stderr).toContain("NODE_UNKNOWN");
  const remove = () => cluster.jobx(2, "node", "remove", "node-2");
  // It stands still, and the mesh cannot know that yet.
  await cluster.script("pause", "3");
  const refused = await remove();
  expect(refused.stderr).toContain("NODE_REMOVAL_UNSAFE");
  await cluster.kill(3);
  expect((await remove()).stderr).toContain("NODE_REMOVAL_UNSAFE");
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/group (system|words) (has no leader|would have no majority)/);
});
