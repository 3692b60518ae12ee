import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeClusterFile } from "./cluster-file.ts";
import { makeDataDirectory, preflight } from "./preflight.ts";
import { printTicket } from "./ticket-text.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "jobx-preflight-"));
});

afterEach(() => rm(folder, { recursive: true }));

const ADDRESS = "/ip4/127.0.0.1/tcp/0";
const config = (over: Partial<Parameters<typeof preflight>[0]>) => ({
  data: join(folder, "data"),
  listen: [ADDRESS],
  advertise: [],
  joinTicket: undefined,
  ...over,
});

test.each([
  "garbage",
  "/garbage",
  "/ip4/127.0.0.1/tcp/99999",
  "/ip4/127.0.0.1/udp/1",
  "/ip4/300.0.0.1/tcp/1",
  "/dns4/example.org/tcp/1",
  "/ip4/127.0.0.1",
])("nobody can listen at %s, and nothing is made", async (address) => {
  await expect(preflight(config({ listen: [ADDRESS, address] }))).rejects.toMatchObject({
    code: "MESH_ADDRESS_INVALID",
    details: { address },
  });
  expect(await readdir(folder)).toEqual([]);
});

test("a name can be told to others, a port that there is not cannot", async () => {
  await preflight(config({ advertise: ["/dns4/example.org/tcp/7071", "/ip6/::1/tcp/7071"] }));
  const wrong = preflight(config({ advertise: ["/dns4/example.org/tcp/70000"] }));
  await expect(wrong).rejects.toMatchObject({ code: "MESH_ADDRESS_INVALID" });
});

test("what is no ticket is refused, until the node has joined and needs none", async () => {
  const asked = config({ joinTicket: "garbage" });
  await expect(preflight(asked)).rejects.toMatchObject({ code: "TICKET_MALFORMED" });
  expect(await readdir(folder)).toEqual([]);
  await writeClusterFile(asked.data, {
    clusterId: "c",
    founder: false,
    members: [],
    version: undefined,
  });
  await preflight(asked);
});

test("a ticket may be in a file, whose end of line does not count; a joined node reads none", async () => {
  const ticket = {
    id: "t1",
    clusterId: "c",
    secret: new Uint8Array(32).fill(7),
    addresses: [ADDRESS],
  };
  const file = join(folder, "ticket");
  await writeFile(file, `${printTicket(ticket)}\n`);
  const asked = config({ joinTicket: `@${file}` });
  expect(await preflight(asked)).toEqual(ticket);
  await rm(file);
  const gone = preflight(asked);
  await expect(gone).rejects.toMatchObject({ code: "TICKET_FILE_UNREADABLE" });
  await writeClusterFile(asked.data, {
    clusterId: "c",
    founder: false,
    members: [],
    version: undefined,
  });
  expect(await preflight(asked)).toBeUndefined();
});

test("a ticket's file that is too large, or holds another secret, is refused and not repeated", async () => {
  const file = join(folder, "ticket");
  const asked = config({ joinTicket: `@${file}` });
  await writeFile(file, "x".repeat(65 * 1024));
  await expect(preflight(asked)).rejects.toMatchObject({ code: "TICKET_FILE_UNREADABLE" });
  await writeFile(file, "hunter2");
  const error: unknown = await preflight(asked).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "TICKET_MALFORMED" });
  expect(inspect(error)).not.toContain("hunter2");
});

test("the data directory is made with all above it, for its owner only", async () => {
  const path = join(folder, "a/b/c");
  expect(await makeDataDirectory(path)).toEqual({ isOpen: false });
  expect(await makeDataDirectory(path)).toEqual({ isOpen: false });
  for (const made of [path, join(folder, "a")]) {
    expect((await stat(made)).mode & 0o777).toBe(0o700);
  }
});

test("a directory that was there before keeps its mode", async () => {
  const path = join(folder, "before");
  await mkdir(path);
  await chmod(path, 0o1777);
  expect(await makeDataDirectory(path)).toEqual({ isOpen: true });
  await makeDataDirectory(join(path, "below"));
  expect((await stat(path)).mode & 0o7777).toBe(0o1777);
});

test("a directory in which something else lies is refused and left as it is", async () => {
  await chmod(folder, 0o755);
  await writeFile(join(folder, "letter"), "");
  await expect(makeDataDirectory(folder)).rejects.toMatchObject({ code: "NODE_DATA_FOREIGN" });
  expect(await readdir(folder)).toEqual(["letter"]);
  expect((await stat(folder)).mode & 0o777).toBe(0o755);
});

test.each([
  ["lock"],
  ["lost+found"],
  ["lock", "node-key.0123.tmp"],
  ["jobx-node.yaml"],
  ["node-key", "letter"],
  ["cluster.json", "letter"],
  ["identity.json", "letter"],
])("a directory with %j, %j is a node's or may become one", async (...names) => {
  for (const name of names) await writeFile(join(folder, name), "");
  await makeDataDirectory(folder);
});

test("a place that cannot be a data directory is told at once", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  for (const path of [file, join(file, "below"), "/proc/nope", "/proc/nope/data"]) {
    await expect(makeDataDirectory(path)).rejects.toMatchObject({ code: "NODE_DATA_UNUSABLE" });
  }
});
