import { expect, test } from "vitest";
import { at } from "../../../test/lib/tree-kit.ts";
import { OPTIONS, VolumeKit } from "../../../test/lib/volume-kit.ts";

const MIB = 1024 * 1024;

const copy = (
  kit: VolumeKit,
  from: string,
  to: string,
  more: Partial<Record<"recursive" | "exclusive" | "parents", boolean>> = {},
) =>
  kit.volumes.copy(
    { workflow: "flow", from, to, recursive: false, exclusive: false, parents: false, ...more },
    OPTIONS,
  );

test("a copy of a file has its content, mode and attributes, and stays as the original changes", async () => {
  const kit = new VolumeKit();
  await kit.put("/a", "some", 0o751);
  const value = new Uint8Array([1]);
  kit.tree.run({ kind: "fs-attribute", place: at("a"), name: "user.x", value, over: "any" });
  const stored = kit.blocks.size;
  expect(await copy(kit, "/a", "/b")).toMatchObject({ path: "/b", files: 1, bytes: 4 });
  await kit.put("/a", "other");
  expect((await kit.get("/b")).toString()).toBe("some");
  expect(kit.tree.find("b").row).toMatchObject({
    ...{ mode: 0o751, attributes: [{ name: "user.x", value }] },
  });
  expect(kit.blocks.size).toBe(stored + 1);
  kit.tree.checkCounts();
});

test("a large file is copied by one more link to its list", async () => {
  const kit = new VolumeKit();
  await kit.put("/large", Buffer.alloc(20 * MIB, 7));
  await copy(kit, "/large", "/copy");
  await kit.files.remove({ workflow: "flow", path: "/large", recursive: false }, OPTIONS);
  kit.tree.sweep();
  expect((await kit.get("/copy")).equals(Buffer.alloc(20 * MIB, 7))).toBe(true);
  kit.tree.checkCounts();
});

test("a folder is copied with all below it, also into itself and from the root", async () => {
  const kit = new VolumeKit();
  for (let count = 0; count < 300; count += 1)
    await kit.put(`/d/e${count % 3}/f${count}`, `${count % 50}`);
  await kit.files.symlink({ workflow: "flow", path: "/d/link", target: "e0/f0" }, OPTIONS);
  const counts = { files: 300, directories: 3, links: 1 };
  expect(await copy(kit, "/d", "/c", { recursive: true })).toMatchObject(counts);
  expect(await copy(kit, "/d", "/d/inside", { recursive: true })).toMatchObject(counts);
  const below = (path: string) =>
    kit
      .paths()
      .filter((one) => one.startsWith(`${path}/`))
      .map((one) => one.slice(path.length));
  expect(below("c").length).toBe(304);
  expect(below("d/inside")).toEqual(below("c"));
  await copy(kit, "/", "/all", { recursive: true });
  expect(below("all/c")).toEqual(below("c"));
  expect(kit.paths().filter((path) => path.includes(".uploads"))).toEqual([]);
  kit.tree.checkCounts();
});

test("what cannot be copied is refused with its code and changes nothing", async () => {
  const kit = new VolumeKit();
  await kit.put("/d/f", "x");
  await kit.put("/g", "y");
  const before = kit.paths();
  const refused = [
    ["/none", "/x", {}, "FS_NOT_FOUND"],
    ["/d", "/x", {}, "FS_IS_DIRECTORY"],
    ["/g", "/d", {}, "FS_IS_DIRECTORY"],
    ["/g", "/d/f", { exclusive: true }, "FS_EXISTS"],
    ["/d", "/d", { recursive: true }, "FS_NOT_EMPTY"],
    ["/d", "/g", { recursive: true }, "FS_NOT_DIRECTORY"],
    ["/d", "/", { recursive: true }, "FS_NOT_EMPTY"],
    ["/g", "/no/g", {}, "FS_NOT_FOUND"],
    ["/g", "/a//b", { parents: true }, "FS_NAME_INVALID"],
  ] as const;
  for (const [from, to, more, code] of refused) {
    const error: unknown = await copy(kit, from, to, more).catch((one: unknown) => one);
    expect([from, to, error]).toMatchObject([from, to, { code }]);
  }
  expect(kit.paths()).toEqual(before);
  kit.tree.checkCounts();
});

test("a copy of a folder in which a file goes meanwhile begins anew and has what is there then", async () => {
  const kit = new VolumeKit();
  for (let count = 0; count < 10; count += 1) await kit.put(`/d/f${count}`, `${count}`);
  let done = false;
  kit.before = (command) => {
    if (done || command.kind !== "fs-commit") return;
    done = true;
    kit.tree.unlink("d/f3");
  };
  expect(await copy(kit, "/d", "/c", { recursive: true })).toMatchObject({ files: 9 });
  // What the copy names would be named still.
  kit.tree.run({ kind: "fs-remove", place: at("c") });
  kit.tree.sweep();
  kit.before = (command) => {
    if (command.kind === "fs-commit")
      kit.tree.unlink(kit.paths().find((path) => path.startsWith("d/")) ?? "");
  };
  await expect(copy(kit, "/d", "/e", { recursive: true })).rejects.toMatchObject({
    code: "FS_CHANGED",
  });
  expect(kit.paths().filter((path) => /^(?:e|\.uploads)/u.test(path))).toEqual([]);
});

test("settings change alone, at the revision that is said, and a full volume says so", async () => {
  const kit = new VolumeKit();
  const change = (settings: object, revision?: number) =>
    kit.volumes.change({ workflow: "flow", revision, settings }, OPTIONS);
  expect(await kit.volumes.show({ workflow: "flow" }, OPTIONS)).toEqual({
    ...{ workflow: "flow", revision: 0, copies: 2, chunking: "fixed", sealed: false },
    erasure: null,
    ...{ quotaBytes: null, quotaFiles: null, usedBytes: 0, usedFiles: 0 },
    ...{ versions: 0, versionsMs: 30 * 24 * 3_600_000 },
  });
  const { revision } = await change({ quotaBytes: 10, copies: 3 }, 0);
  expect(await change({ quotaFiles: 2 })).toMatchObject({
    quotaBytes: 10,
    copies: 3,
    quotaFiles: 2,
  });
  await expect(change({ copies: 1 }, revision)).rejects.toMatchObject({ code: "FS_CHANGED" });
  await kit.put("/f", "0123456789");
  await expect(kit.put("/g", "x")).rejects.toMatchObject({ code: "FS_QUOTA" });
  await expect(copy(kit, "/f", "/g")).rejects.toMatchObject({ code: "FS_QUOTA" });
  await change({ quotaBytes: null });
  await kit.put("/g", "x");
  await expect(kit.put("/h", "")).rejects.toMatchObject({ code: "FS_QUOTA" });
  expect(await change({ quotaFiles: null })).toMatchObject({ usedBytes: 11, usedFiles: 2 });
});
