import { expect, test } from "vitest";
import { at } from "../../../test/lib/tree-kit.ts";
import { OPTIONS, VolumeKit } from "../../../test/lib/volume-kit.ts";

const value = (bytes: number): string => Buffer.alloc(bytes, 7).toString("base64");
const set = (
  kit: VolumeKit,
  path: string,
  name: string,
  to: string | null,
  over: "any" | "absent" | "present" = "any",
) => kit.files.setAttribute({ workflow: "flow", path, name, value: to, over }, OPTIONS);
const all = async (kit: VolumeKit, path: string, snapshot?: string) =>
  (await kit.files.attributes({ workflow: "flow", path, snapshot }, OPTIONS)).attributes;

test("attributes are set by path on files and folders, through links, and show at the inode", async () => {
  const kit = new VolumeKit();
  await kit.put("/d/f", "x");
  await kit.files.symlink({ workflow: "flow", path: "/link", target: "d/f" }, OPTIONS);
  await set(kit, "/link", "user.b", value(3));
  await set(kit, "/d/f", "user.a", "");
  await set(kit, "/d", "user.folder", value(1));
  expect(await all(kit, "/d/f")).toEqual([
    { name: "user.a", value: "" },
    { name: "user.b", value: value(3) },
  ]);
  expect(await all(kit, "/d")).toEqual([{ name: "user.folder", value: value(1) }]);
  const { inode } = kit.tree.find("d/f");
  const byInode = await kit.inodes.attributes({ workflow: "flow", inode }, OPTIONS);
  expect(byInode.attributes).toEqual(await all(kit, "/link"));
  await kit.snapshots.take({ workflow: "flow", path: "/d", name: "s" }, OPTIONS);
  await set(kit, "/d/f", "user.b", null);
  expect(await all(kit, "/d/f")).toEqual([{ name: "user.a", value: "" }]);
  expect((await all(kit, "/f", "s")).length).toBe(2);
});

test("other names, too much, and what is there or not against what is said are refused with codes", async () => {
  const kit = new VolumeKit();
  await kit.put("/f", "x");
  const code = (promise: Promise<unknown>) => expect(promise).rejects;
  for (const name of ["user.", "security.x", "trusted.x", "x", "user.a/b", "user.\u0000"]) {
    await code(set(kit, "/f", name, "")).toMatchObject({ code: "FS_NAME_INVALID" });
  }
  await code(set(kit, "/f", `user.${"x".repeat(300)}`, "")).toMatchObject({
    code: "FS_NAME_TOO_LONG",
  });
  await code(set(kit, "/f", "user.a", value(5000))).toMatchObject({ code: "FS_ATTRIBUTES_FULL" });
  await code(set(kit, "/f", "user.a", null)).toMatchObject({ code: "FS_ATTRIBUTE_UNKNOWN" });
  await code(set(kit, "/f", "user.a", "", "present")).toMatchObject({
    code: "FS_ATTRIBUTE_UNKNOWN",
  });
  await set(kit, "/f", "user.a", "");
  await code(set(kit, "/f", "user.a", "", "absent")).toMatchObject({ code: "FS_EXISTS" });
  await code(set(kit, "/none", "user.a", "")).toMatchObject({ code: "FS_NOT_FOUND" });
});

test("what the kernel or a program has set under other names is not shown by path", async () => {
  const kit = new VolumeKit();
  await kit.put("/f", "x");
  const one = { place: at("f"), name: "trusted.x", value: new Uint8Array(1), over: "any" } as const;
  expect(kit.tree.run({ kind: "fs-attribute", ...one }).kind).toBe("inode");
  expect(await all(kit, "/f")).toEqual([]);
});
