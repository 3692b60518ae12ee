/** A file that three nodes have is read at a fourth one: from all of them, and in time though one of them stops. */
import { hash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { useCluster } from "../lib/e2e-cluster.ts";
import { numberOf } from "../lib/e2e-nodes.ts";

const MIB = 1024 * 1024;
const FILE_BYTES = 48 * MIB;
/** When the reader has had so much a holder is stopped. */
const BEFORE_BYTES = 4 * MIB;
const HOLDERS = [1, 2, 3];
const READER = 4;
/** A holder that hangs is noticed after half a second at each of the few blocks that it was asked for. */
const READ_MS_MAX = 30_000;

const cluster = useCluster(3);

function fileUrl(node: number): URL {
  return new URL("/v1/workflows/text/fs/file?path=/large", cluster.api(node));
}

function headers(): Record<string, string> {
  return { authorization: `Bearer ${cluster.token}`, "jobx-deadline-ms": "60000" };
}

/** Bytes of blocks that the reader had from each holder since its start. */
async function fetchedFrom(peers: readonly string[]): Promise<readonly number[]> {
  return Promise.all(
    peers.map(async (peer) => {
      const name = `jobx_mesh_peer_block_bytes_total{direction="in",peer="${peer}"}`;
      return (await cluster.metric(READER, name)) ?? 0;
    }),
  );
}

/** Reads the file at the reader; `midway` is called once, when some of it has come. */
async function read(midway: () => Promise<unknown>): Promise<string> {
  const answer = await fetch(fileUrl(READER), { headers: headers() });
  expect(answer.status).toBe(200);
  if (answer.body === null) throw new Error("an answer without a body");
  const parts: Uint8Array[] = [];
  let isBefore = true;
  let bytes = 0;
  for await (const part of answer.body) {
    if (!(part instanceof Uint8Array)) throw new Error("a body gives bytes");
    parts.push(part);
    bytes += part.length;
    if (!isBefore || bytes < BEFORE_BYTES) continue;
    isBefore = false;
    await midway();
  }
  return hash("sha256", Buffer.concat(parts), "hex");
}

test("bytes come from each holder, and a holder that is stopped meanwhile does not hold the reader up", async () => {
  const client = cluster.client(1);
  await client.createWorkflow({ workflow: "text" });
  await cluster.scheduler("text", 1);
  const set = await cluster.jobx(1, "fs", "quota", "text", "--copies", "3");
  expect(set.code).toBe(0);
  const content = randomBytes(FILE_BYTES);
  const wanted = hash("sha256", content, "hex");
  const put = await fetch(fileUrl(1), { method: "PUT", headers: headers(), body: content });
  expect(await put.json()).toMatchObject({ bytes: FILE_BYTES, copies: 3 });
  await cluster.up(READER);
  const nodes = (await client.nodes()).filter(({ name }) => HOLDERS.includes(numberOf(name)));
  const peers = nodes.map(({ id }) => id);
  expect(peers).toHaveLength(HOLDERS.length);

  expect(await read(() => Promise.resolve())).toBe(wanted);
  const first = await fetchedFrom(peers);
  // Blocks are not kept by who only reads, and the hedge may have had some twice.
  expect(first.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThanOrEqual(FILE_BYTES);
  for (const bytes of first) expect(bytes).toBeGreaterThanOrEqual(MIB);

  const leader = (await cluster.scheduler("text", READER)).number;
  const stopped = HOLDERS.find((number) => number !== leader && number !== 1) ?? 0;
  const beganMs = performance.now();
  try {
    expect(await read(() => cluster.script("pause", String(stopped)))).toBe(wanted);
    expect(performance.now() - beganMs).toBeLessThan(READ_MS_MAX);
  } finally {
    await cluster.script("resume", String(stopped));
  }
  const second = await fetchedFrom(peers);
  const alive = nodes.flatMap(({ name }, at) => (numberOf(name) === stopped ? [] : [at]));
  for (const at of alive) expect(second[at]).toBeGreaterThan(first[at] ?? 0);
});
