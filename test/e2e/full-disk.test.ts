/** A node whose disk for blocks is full, and a volume that may hold no more: nothing that was closed is lost. */
import { execFile } from "node:child_process";
import { hash, randomBytes } from "node:crypto";
import { cpSync, mkdirSync, renameSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useCluster } from "../lib/e2e-cluster.ts";
import { disksRefused, TestDisk } from "../lib/e2e-disks.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { mountsRefused } from "../lib/e2e-mount.ts";

const run = promisify(execFile);

const MIB = 1 << 20;
const FILE_BYTES = 12 * MIB;
/** The node whose disk is full. */
const FULL = 2;
const SAY_MS_MAX = 20_000;
const PROGRAM_MS_MAX = 60_000;
const [ENOSPC, EDQUOT] = [28, 122];

const refused = (await disksRefused()) ?? mountsRefused();
if (refused !== undefined) console.log(`skipped: ${refused}`);

describe.skipIf(refused !== undefined)("no room", () => {
  const cluster = useCluster(3);
  const at = (name: string): string => join(cluster.folder, name);
  const hashes = new Map<string, string>();
  let disk: TestDisk | undefined;

  beforeAll(async () => {
    await cluster.client(1).createWorkflow({ workflow: "text" });
    await cluster.scheduler("text", 1);
    await cluster.script("stop", String(FULL));
    const blocks = join(cluster.home(FULL), "data/blocks");
    renameSync(blocks, `${blocks}.before`);
    mkdirSync(blocks, { mode: 0o700 });
    disk = new TestDisk({ image: at("disk"), at: blocks });
    disk.mount();
    cpSync(`${blocks}.before`, blocks, { recursive: true });
    await cluster.up(3);
    for (const [name, node] of [
      ["full", FULL],
      ["free", 1],
    ] as const) {
      await mkdir(at(name));
      const how = ["--api", cluster.api(node), "--background", "--log", at(`${name}.log`)];
      const { code, stderr } = await cluster.jobx(1, "fs", "mount", "text:/", at(name), ...how);
      expect([code, stderr]).toEqual([0, ""]);
    }
  }, 120_000);

  afterAll(async () => {
    for (const name of ["full", "free"]) {
      await cluster.jobx(1, "fs", "unmount", at(name), "--wait", "5");
    }
    await cluster.kill(FULL).catch(() => undefined);
    await disk?.unmount();
  });

  /** Puts a file at a node; its code is 0 when it is there. */
  async function put(
    node: number,
    name: string,
  ): Promise<{ readonly code: number; readonly stderr: string }> {
    const bytes = randomBytes(FILE_BYTES);
    await writeFile(at(`${name}.bytes`), bytes);
    const words = ["fs", "put", at(`${name}.bytes`), `text:/${name}`];
    const { code, stderr } = await cluster.jobx(node, ...words);
    if (code === 0) hashes.set(name, hash("sha256", bytes, "hex"));
    return { code, stderr };
  }

  /**
   * Writes a file at a mount; the number of the error that a write, fsync or close ended with, 0 for none, and
   * whether there is a file of that name afterwards.
   */
  async function write(mount: string, name: string): Promise<readonly [number, boolean]> {
    const bytes = randomBytes(FILE_BYTES);
    await writeFile(at(`${name}.bytes`), bytes);
    const script = `
import os
data, code = open(${JSON.stringify(at(`${name}.bytes`))}, "rb").read(), 0
try:
    with open(${JSON.stringify(join(at(mount), name))}, "wb") as file: file.write(data)
except OSError as error: code = error.errno
print(code, ${JSON.stringify(name)} in os.listdir(${JSON.stringify(at(mount))}))
`;
    const { stdout } = await run("python3", ["-c", script], { timeout: PROGRAM_MS_MAX });
    const [code = "", isThere = ""] = stdout.trim().split(" ");
    if (code === "0") hashes.set(name, hash("sha256", bytes, "hex"));
    return [Number(code), isThere === "True"];
  }

  /** All that was closed is whole, at every node. */
  async function expectWhole(): Promise<void> {
    expect(hashes.size).toBeGreaterThan(0);
    for (const node of [1, 2, 3]) {
      for (const [name, wanted] of hashes) {
        const url = new URL(`/v1/workflows/text/fs/file?path=/${name}`, cluster.api(node));
        const answer = await fetch(url, { headers: { authorization: `Bearer ${cluster.token}` } });
        const found = hash("sha256", Buffer.from(await answer.arrayBuffer()), "hex");
        expect([node, name, found]).toEqual([node, name, wanted]);
      }
    }
  }

  async function warningsAt(node: number): Promise<string> {
    return (await fetch(`${cluster.api(node)}/readyz`)).text();
  }

  test("writes go to nodes with room, or fail with ENOSPC at close and leave no file, and work again with room", async () => {
    expect(await put(FULL, "before")).toMatchObject({ code: 0 });
    expect(await write("full", "before-too")).toEqual([0, true]);
    disk?.fill();
    await eventually("the node says that it has no room", SAY_MS_MAX, async () =>
      (await warningsAt(FULL)).includes('"disk-full"'),
    );
    // Elsewhere: both copies are on the others.
    expect(await put(1, "elsewhere")).toMatchObject({ code: 0 });
    expect(await write("free", "elsewhere-too")).toEqual([0, true]);
    for (const path of ["/elsewhere", "/elsewhere-too"]) {
      const where = { workflow: "text", path, limit: 1, after: undefined };
      const [entry] = (await cluster.client(1).copies.where(where)).entries;
      expect(entry?.copies).toMatchObject({ copies: 2, short: 0 });
      expect(entry?.copies?.nodes.map(({ node }) => node)).toEqual(["node-1", "node-3"]);
    }
    // Here: refused in words, and nothing of it is seen.
    const refusal = await put(FULL, "refused");
    expect(refusal.code).not.toBe(0);
    expect(refusal.stderr).toContain("FS_DISK_FULL");
    expect((await cluster.jobx(1, "fs", "stat", "text:/refused")).code).not.toBe(0);
    expect(await write("full", "refused-too")).toEqual([ENOSPC, false]);
    await expectWhole();
    disk?.makeRoom();
    await eventually(
      "the node has room again",
      SAY_MS_MAX,
      async () => !(await warningsAt(FULL)).includes('"disk-full"'),
    );
    expect(await put(FULL, "after")).toMatchObject({ code: 0 });
    expect(await write("full", "after-too")).toEqual([0, true]);
    await expectWhole();
  });

  test("beyond the volume's quota a write at a mount fails with EDQUOT at close, and leaves no file", async () => {
    const used = (await cluster.client(1).volumes.show("text")).usedBytes;
    const quota = `${used + FILE_BYTES + MIB}`;
    expect((await cluster.jobx(1, "fs", "quota", "text", "--bytes", quota)).code).toBe(0);
    expect(await write("free", "fits")).toEqual([0, true]);
    expect(await write("free", "beyond")).toEqual([EDQUOT, false]);
    expect((await cluster.jobx(1, "fs", "quota", "text", "--bytes", "none")).code).toBe(0);
    expect(await write("free", "beyond")).toEqual([0, true]);
    await expectWhole();
  });
});
