import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadOrCreateKey, peerIdOf } from "./keys.ts";

let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "jobx-keys-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("the key file", () => {
  it("is made once, for the owner only, and gives the same node again", async () => {
    const path = join(folder, "deep", "node.key");
    const key = await loadOrCreateKey(path);
    expect(await loadOrCreateKey(path)).toEqual(key);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(peerIdOf(key)).toMatch(/^12D3KooW/);
  });

  it("is one key for all who ask at once, and nothing else is left behind", async () => {
    const path = join(folder, "node.key");
    const keys = await Promise.all([1, 2, 3, 4].map(() => loadOrCreateKey(path)));
    expect(new Set(keys.map(peerIdOf)).size).toBe(1);
    expect(await readdir(folder)).toEqual(["node.key"]);
  });

  it.each([0o640, 0o604, 0o666])("is refused with mode %o", async (mode) => {
    const path = join(folder, "node.key");
    await loadOrCreateKey(path);
    await chmod(path, mode);
    await expect(loadOrCreateKey(path)).rejects.toMatchObject({ code: "MESH_KEY_EXPOSED" });
  });

  it("is refused, not replaced, when it is no key", async () => {
    const path = join(folder, "node.key");
    await writeFile(path, "not a key", { mode: 0o600 });
    await expect(loadOrCreateKey(path)).rejects.toMatchObject({ code: "MESH_KEY_INVALID" });
    expect(() => peerIdOf(new Uint8Array(3))).toThrow(
      expect.objectContaining({ code: "MESH_KEY_INVALID" }),
    );
  });
});
