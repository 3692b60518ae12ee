/**
 * R17 and R26: what attempts wrote into their workspace, as a directory or as files, can be read on every node as soon
 * as the request is told to be done; what fenced attempts wrote is nowhere; and what all nodes have lost is named.
 */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { isJobxError } from "../../src/std/errors.ts";
import { ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";

const END_MS_MAX = 90_000;
const ROUNDS = 8;
/** The name of the attempt, which is what its files begin with. */
const OWN_LENGTH = 32;
const BYTES = OWN_LENGTH + 3_000_000;
/** Far above what is packed, and below a block of the files. */
const LARGE_BYTES = 64 * 1024;
const HOWS = ["directory", "files"];
const NODES = [1, 2, 3];
const cluster = useCluster(3);

beforeAll(() => cluster.apply(1, "ends"));

async function submit(
  gate: Gate,
  hows: readonly string[],
  gateOf: (how: string) => Gate = () => gate,
): Promise<string> {
  const { request } = await cluster.client(...NODES).submit({
    ...{ workflow: "ends", job: "ends", idempotencyKey: undefined },
    arguments: hows.map((how) => [how, [how, gateOf(how).path]]),
  });
  return request;
}

/** All nodes lose blocks that have files of their own. */
async function loseBlocks(): Promise<void> {
  for (const node of NODES) {
    const folder = join(cluster.home(node), "data/blocks/blocks");
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    for (const file of files) {
      const path = join(file.parentPath, file.name);
      if (file.isFile() && (await stat(path)).size > LARGE_BYTES) await rm(path);
    }
  }
}

/** A file's bytes as a node gives them at this moment: nothing is tried again. */
async function readAt(node: number, path: string): Promise<string> {
  const url = new URL("/v1/workflows/ends/fs/file", cluster.api(node));
  url.searchParams.set("path", path);
  const headers = { authorization: `Bearer ${cluster.token}` };
  const answer = await fetch(url, { headers });
  const text = await answer.text();
  return answer.ok ? text : `${answer.status} ${text}`;
}

/** Names in a folder, as a node sees it; none where it is not there. */
async function namesAt(node: number, path: string): Promise<readonly string[]> {
  try {
    const { entries } = await cluster
      .client(node)
      .files.list({ workflow: "ends", path, limit: 100 });
    return entries.map(({ name }) => name);
  } catch (error) {
    if (isJobxError(error) && error.code === "FS_NOT_FOUND") return [];
    throw error;
  }
}

/** The attempts that have written before the gate, the first ones first. */
function begun(gate: Gate, how: string, count: number): Promise<readonly string[]> {
  return eventually(`${count} attempts of ${how} have begun`, END_MS_MAX, async () => {
    const text = await readFile(`${gate.path}.begun.${how}`, "utf8");
    const lines = text.trimEnd().split("\n");
    return lines.length >= count ? lines : undefined;
  });
}

/** All that a request has made is there on these nodes, whole, and of the attempts that are told in the result. */
async function expectThere(
  nodes: readonly number[],
  id: string,
  owns: ReadonlyMap<string, string>,
): Promise<void> {
  for (const [how, own] of owns) {
    const paths = [`.requests/${id}/${how}`, `out/${id}/${how}`];
    if (how === "files") paths.push(`out/${id}/by-${how}`);
    for (const path of paths) {
      const texts = await Promise.all(nodes.map((node) => readAt(node, path)));
      for (const text of texts) {
        expect(text.slice(0, 200).trimEnd(), path).toBe(own);
        expect(text.length, path).toBe(BYTES);
      }
    }
  }
}

/** Each part's attempt, as the result tells. */
async function ownsOf(nodes: readonly number[], id: string): Promise<ReadonlyMap<string, string>> {
  const view = await ended(cluster.client(...nodes), id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded", error: null });
  const told = new Map(view.result?.pairs.map(([name, value]) => [String(name), value]));
  return new Map(
    [...told].map(([how, value]) => {
      expect(value).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), true, BYTES]);
      return [how, Array.isArray(value) ? String(value[0]) : ""];
    }),
  );
}

test("files are on all nodes at the moment in which the request is done, from a directory and from files", async () => {
  const gate = await Gate.make(cluster);
  await gate.open();
  for (let round = 0; round < ROUNDS; round++) {
    const id = await submit(gate, HOWS);
    const owns = await ownsOf([1 + (round % NODES.length)], id);
    await expectThere(NODES, id, owns);
    expect([...owns.keys()].sort()).toEqual(HOWS);
    const tries = await namesAt(2, `.requests/${id}/tries`);
    expect(tries.toSorted()).toEqual([...owns.values()].sort());
  }
});

test.each(HOWS)(
  "of an attempt that is fenced while its node stands still nothing is seen, also after it goes on: %s",
  async (how) => {
    const gate = await Gate.make(cluster);
    const id = await submit(gate, [how]);
    const [fenced = ""] = await begun(gate, how, 1);
    const { attempts } = await cluster.client(1).attempts(id, { limit: 10 });
    const running = attempts.find(({ state, step }) => state === "running" && step === "part");
    const node = Number(running?.nodeName.replace("node-", ""));
    await cluster.script("pause", String(node));
    const others = NODES.filter((one) => one !== node);
    try {
      const [, next] = await begun(gate, how, 2);
      for (const other of others) expect(await namesAt(other, `.requests/${id}`)).toEqual([]);
      await gate.open();
      const owns = await ownsOf(others, id);
      expect(owns).toEqual(new Map([[how, next]]));
      await expectThere(others, id, owns);
    } finally {
      await cluster.script("resume", String(node));
      await cluster.script("wait");
    }
    // The fenced attempt has gone on meanwhile, and written the rest, or was ended.
    await eventually("folders of attempts are gone", END_MS_MAX, async () =>
      (await namesAt(node, ".attempts")).length === 0 ? true : undefined,
    );
    const owns = await ownsOf([node], id);
    await expectThere(NODES, id, owns);
    const tries = await namesAt(node, `.requests/${id}/tries`);
    expect(tries).toEqual([...owns.values()]);
    expect(tries).not.toContain(fenced);
  },
);

test("a request that needs a file of its workspace which all nodes have lost fails, and says so", async () => {
  const made = await Gate.make(cluster);
  const waits = await Gate.make(cluster);
  await made.open();
  const id = await submit(made, HOWS, (how) => (how === "files" ? made : waits));
  await begun(waits, "directory", 1);
  await eventually("the other part is done", END_MS_MAX, async () => {
    const { attempts } = await cluster.client(1).attempts(id, { limit: 10 });
    return attempts.some(({ step, state }) => step === "part" && state === "done");
  });
  await loseBlocks();
  await waits.open();
  const view = await ended(cluster.client(2), id, END_MS_MAX);
  expect(view.state).toBe("failed");
  expect(JSON.stringify(view.error)).toContain("FS_BLOCK_LOST");
  for (const node of NODES) {
    expect(await readAt(node, `.requests/${id}/files`)).toContain("FS_BLOCK_LOST");
    // What the part that ended well has published is there; of the request's last attempt nothing.
    expect(await namesAt(node, `out/${id}`)).toEqual(["by-files"]);
  }
});
