import { expect, test } from "vitest";
import { OPTIONS, VolumeKit } from "../../../test/lib/volume-kit.ts";
import type { VolumeSettings } from "../../api/volume-port.ts";

const MIB = 1024 * 1024;

const keep = (kit: VolumeKit, settings: Partial<VolumeSettings>) =>
  kit.volumes.change({ workflow: "flow", revision: undefined, settings }, OPTIONS);
const history = async (kit: VolumeKit, path: string) =>
  (await kit.snapshots.history({ workflow: "flow", path }, OPTIONS)).versions;

async function read(kit: VolumeKit, path: string, version: number): Promise<string> {
  const file = await kit.files.open({ workflow: "flow", path, version }, OPTIONS);
  const parts: Uint8Array[] = [];
  for await (const part of await file.read({ from: 0, to: file.view.bytes })) parts.push(part);
  return Buffer.concat(parts).toString();
}

test("what is kept of files is a setting of its own, which leaves the others", async () => {
  const kit = new VolumeKit();
  expect(await keep(kit, { versions: 3 })).toMatchObject({
    ...{ versions: 3, versionsMs: 30 * 24 * 3_600_000, copies: 2, revision: 0 },
  });
  const changed = await keep(kit, { versionsMs: 1000, copies: 1 });
  expect(changed).toMatchObject({ versions: 3, versionsMs: 1000, copies: 1 });
  expect(changed.revision).toBeGreaterThan(0);
  const view = await kit.volumes.show({ workflow: "flow" }, OPTIONS);
  expect(view).toEqual(changed);
});

test("all that a path held is listed newest first, read, and brought back byte for byte, also when it is gone", async () => {
  const kit = new VolumeKit();
  await keep(kit, { versions: 10 });
  const large = Buffer.alloc(20 * MIB, "large");
  await kit.put("/d/f", "first", 0o600);
  await kit.put("/d/f", large);
  await kit.put("/d/f", "third");
  await kit.files.remove({ workflow: "flow", path: "/d/f", recursive: false }, OPTIONS);
  kit.tree.sweep();
  const versions = await history(kit, "/d/f");
  expect(versions.map(({ bytes }) => bytes)).toEqual([5, large.length, 5]);
  expect(versions.at(-1)).toMatchObject({ mode: 0o600 });
  expect(versions.at(-1)?.cid).toMatch(/^bafk/u);
  const [third = 0, second = 0, first = 0] = versions.map(({ version }) => version);
  expect(await read(kit, "/d/f", first)).toBe("first");
  expect(await read(kit, "/d/f", third)).toBe("third");
  const restore = (version: number, to: string) =>
    kit.snapshots.restoreVersion({ workflow: "flow", path: "/d/f", version, to }, OPTIONS);
  expect(await restore(second, "/d/f")).toMatchObject({ files: 1, bytes: large.length });
  expect((await kit.get("/d/f")).equals(large)).toBe(true);
  expect(await restore(first, "/other/g")).toMatchObject({ path: "/other/g", bytes: 5 });
  expect((await kit.get("/other/g")).toString()).toBe("first");
  await restore(first, "/d/f");
  expect((await kit.get("/d/f")).toString()).toBe("first");
  expect((await history(kit, "/d/f")).length).toBe(4);
  kit.tree.checkCounts();
});

test("a version of another path, one that there never was, and a folder are refused with codes", async () => {
  const kit = new VolumeKit();
  await keep(kit, { versions: 10 });
  await kit.put("/f", "one");
  await kit.put("/f", "two");
  await kit.put("/g", "one");
  const [{ version } = { version: 0 }] = await history(kit, "/f");
  const missing = { code: "FS_NOT_FOUND" };
  await expect(read(kit, "/g", version)).rejects.toMatchObject(missing);
  await expect(read(kit, "/f", version + 1)).rejects.toMatchObject(missing);
  await expect(history(kit, "/none/f")).rejects.toMatchObject(missing);
  expect(await history(kit, "/none")).toEqual([]);
  await expect(history(kit, "/")).rejects.toMatchObject({ code: "FS_IS_DIRECTORY" });
});

test("what somebody writes through a mount leaves versions as well", async () => {
  const kit = new VolumeKit();
  await keep(kit, { versions: 10 });
  await kit.put("/f", "one");
  const { inode } = kit.tree.find("f");
  const at = { place: undefined, exclusive: false };
  const change = { ...at, mode: undefined, mtimeMicros: undefined, bytes: undefined };
  const bytes = (async function* () {
    yield await Promise.resolve(Buffer.from("two"));
  })();
  await kit.inodes.commit({ workflow: "flow", inode, ...change }, bytes, OPTIONS);
  const [{ version } = { version: 0 }] = await history(kit, "/f");
  expect(await read(kit, "/f", version)).toBe("one");
  expect((await kit.get("/f")).toString()).toBe("two");
});
