import { expect, test } from "vitest";
import { at, block, file } from "../../../test/lib/tree-kit.ts";
import { OPTIONS, VolumeKit } from "../../../test/lib/volume-kit.ts";
import { lookUp } from "../../scheduler/tree/reads.ts";
import { seededRandom } from "../../std/random.ts";

const MIB = 1024 * 1024;
const take = (kit: VolumeKit, path: string, name?: string) =>
  kit.snapshots.take({ workflow: "flow", path, name }, OPTIONS);
const restore = (kit: VolumeKit, snapshot: string, path: string, to: string, replace = false) =>
  kit.snapshots.restore({ workflow: "flow", snapshot, path, to, replace }, OPTIONS);

/** All files below a folder with their content; of a snapshot, or of the volume as it is. */
async function contents(
  kit: VolumeKit,
  path: string,
  snapshot?: string,
): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  const visit = async (below: string): Promise<void> => {
    const place = { workflow: "flow", path: `${path}/${below}`, snapshot };
    const { entries } = await kit.files.list({ ...place, limit: 1000, after: undefined }, OPTIONS);
    for (const { name, type, mode, target } of entries) {
      const one = below === "" ? name : `${below}/${name}`;
      if (type === "directory") await visit(one);
      else if (type === "symlink") found[one] = `-> ${target}`;
      else found[one] = `${mode.toString(8)} ${await kit.get(`${path}/${one}`, snapshot)}`;
    }
  };
  await visit("");
  return found;
}

test("a snapshot is read by its name and its CID as the folder was, whatever becomes of that", async () => {
  const kit = new VolumeKit();
  await kit.put("/d/a", "one", 0o755);
  await kit.put("/d/e/b", "two");
  await kit.put("/outside", "three");
  await kit.files.symlink({ workflow: "flow", path: "/d/link", target: "e/b" }, OPTIONS);
  const { cid: exported, archive } = await kit.volumes.openCar(
    { workflow: "flow", path: "/d" },
    OPTIONS,
  );
  for await (const _part of archive);
  const taken = await take(kit, "/d", "s");
  expect(taken).toMatchObject({
    name: "s",
    path: "/d",
    files: 2,
    directories: 1,
    links: 1,
    bytes: 6,
  });
  expect(taken.cid).toBe(exported);
  const before = await contents(kit, "/d");
  await kit.put("/d/a", "changed");
  await kit.files.remove({ workflow: "flow", path: "/d/e", recursive: true }, OPTIONS);
  kit.tree.sweep();
  expect(await contents(kit, "", "s")).toEqual(before);
  expect(await contents(kit, "", taken.cid)).toEqual(before);
  expect(Object.keys(await contents(kit, "/d"))).toEqual(["a", "link"]);
  const opened = await kit.volumes.openCar({ workflow: "flow", path: "/", snapshot: "s" }, OPTIONS);
  expect(opened.cid).toBe(exported);
  for await (const _part of opened.archive);
  await expect(kit.get("/outside", "s")).rejects.toMatchObject({ code: "FS_NOT_FOUND" });
  await expect(kit.get("/a", "none")).rejects.toMatchObject({ code: "FS_NOT_FOUND" });
  kit.tree.checkCounts();
});

test("a snapshot is restored with modes and attributes, aside first, and over what is there only where that is said", async () => {
  const kit = new VolumeKit();
  await kit.put("/d/a", "one", 0o751);
  const value = new Uint8Array([1]);
  kit.tree.run({ kind: "fs-attribute", place: at("d/a"), name: "user.x", value, over: "any" });
  await kit.put("/d/large", Buffer.alloc(20 * MIB, 3));
  await take(kit, "/d", "s");
  const before = await contents(kit, "/d");
  const stored = kit.blocks.size;
  await kit.put("/d/a", "changed", 0o600);
  await kit.put("/d/new", "x");
  await expect(restore(kit, "s", "/", "/d")).rejects.toMatchObject({ code: "FS_NOT_EMPTY" });
  expect(await restore(kit, "s", "/", "/x/back")).toMatchObject({ path: "/x/back", files: 2 });
  expect(await contents(kit, "/x/back")).toEqual(before);
  expect(kit.tree.find("x/back/a").row.attributes).toEqual([{ name: "user.x", value }]);
  await restore(kit, "s", "/", "/d", true);
  expect(await contents(kit, "/d")).toEqual(before);
  await kit.put("/d/a", "changed");
  expect(await restore(kit, "s", "/a", "/d/a")).toMatchObject({ files: 1, bytes: 3 });
  expect((await kit.get("/d/a")).toString()).toBe("one");
  expect(kit.blocks.size).toBe(stored + 2);
  await expect(restore(kit, "s", "/a", "/d")).rejects.toMatchObject({ code: "FS_IS_DIRECTORY" });
  await expect(restore(kit, "s", "/", "/", true)).rejects.toMatchObject({ code: "FS_EXISTS" });
  kit.tree.sweep();
  kit.tree.checkCounts();
  expect(kit.paths().filter((path) => path.startsWith("."))).toEqual([]);
});

test("a snapshot is of one moment, though files are replaced and removed while it is made", async () => {
  const kit = new VolumeKit();
  const large = Buffer.alloc(20 * MIB, 5);
  await kit.put("/a-first", "0");
  await kit.put("/large", large);
  for (let count = 0; count < 600; count += 1) await kit.put(`/d/f${count % 7}/${count}`, "0");
  const before = await contents(kit, "/d");
  let reads = 0;
  kit.afterHeld = () => {
    reads += 1;
    const { tree } = kit;
    tree.pin(`p${reads}`);
    tree.commit([file(`d/f${reads % 7}/${reads}`, reads), file("a-first", reads)], {
      ...{ upload: `p${reads}`, parents: true },
    });
    tree.run({ kind: "fs-remove", place: at(`d/f${(reads + 3) % 7}`) });
    tree.sweep();
  };
  const taken = await take(kit, "/", "s");
  expect(reads).toBeGreaterThan(10);
  kit.afterHeld = () => undefined;
  expect(taken).toMatchObject({ files: 602, bytes: 600 + 1 + large.length });
  expect(await contents(kit, "/d", "s")).toEqual(before);
  expect((await kit.get("/a-first", "s")).toString()).toBe("0");
  expect((await kit.get("/large", "s")).equals(large)).toBe(true);
  kit.tree.checkCounts();
});

test("a large file whose list is replaced all the time is in a snapshot as of the moment of all else", async () => {
  const kit = new VolumeKit();
  const { tree } = kit;
  let reads = 0;
  const replace = () => {
    reads += 1;
    const upload = `p${reads}`;
    tree.pin(upload);
    const blocks = [block(reads), block(reads + 1)];
    const staged = tree.run({ kind: "fs-stage", upload, content: 0, part: 0, blocks });
    if (staged.kind !== "inode") throw new Error("not staged");
    const content = { kind: "listed", content: staged.inode } as const;
    const large = { ...file("z-large"), content };
    expect(tree.commit([large, file("a-first", reads)], { upload }).kind).toBe("inode");
    tree.run({ kind: "fs-release", upload });
    tree.sweep();
  };
  replace();
  kit.afterHeld = replace;
  expect(await take(kit, "/", "s")).toMatchObject({ files: 2 });
  kit.afterHeld = () => undefined;
  // Lists that were gone have made it begin anew.
  expect(kit.moments.size).toBe(3);
  const [snapshot] = tree.scan("Fs/").map(([, row]) => row);
  const from = snapshot?.kind === "fs-snapshot" ? snapshot.directory : 0;
  const rowOf = (path: string) => lookUp(tree.view, { from, path }, { follow: false }).row;
  const [first, large] = [rowOf("a-first"), rowOf("z-large")];
  if (first.kind !== "fs-file" || large.kind !== "fs-file") throw new Error("they are files");
  const { bytes } = block(first.bytes);
  expect(large.bytes).toBe(first.bytes + bytes);
  expect(first.bytes).toBeGreaterThan(3);
  tree.checkCounts();
});

test("what is being put and what attempts have written is in no snapshot of the root", async () => {
  const kit = new VolumeKit();
  await kit.put("/d/a", "one");
  await kit.put("/.attempts/7-0/w/b", "two");
  await kit.put("/.uploads/some/c", "three");
  await kit.put("/d/.attempts/d", "four");
  expect(await take(kit, "/", "s")).toMatchObject({ files: 2, directories: 2 });
  expect(Object.keys(await contents(kit, "", "s"))).toEqual(["d/.attempts/d", "d/a"]);
});

test("of a snapshot that fails nothing stays, and its name is free", async () => {
  const kit = new VolumeKit();
  await kit.put("/d/a", "one");
  await expect(take(kit, "/d/a", "s")).rejects.toMatchObject({ code: "FS_NOT_DIRECTORY" });
  await expect(take(kit, "/none", "s")).rejects.toMatchObject({ code: "FS_NOT_FOUND" });
  await expect(take(kit, "/d", "a/b")).rejects.toMatchObject({ code: "FS_NAME_INVALID" });
  kit.tree.run({
    ...{ kind: "fs-volume", revision: 0 },
    options: { copies: 1, chunking: "fixed", quotaBytes: 5, quotaInodes: undefined },
  });
  await expect(take(kit, "/d", "s")).rejects.toMatchObject({ code: "FS_QUOTA" });
  kit.tree.sweep();
  expect(kit.tree.use()).toMatchObject({ usedBytes: 3, usedInodes: 2 });
  kit.tree.checkCounts();
  await expect(kit.snapshots.show({ workflow: "flow", name: "s" }, OPTIONS)).rejects.toMatchObject({
    code: "FS_NOT_FOUND",
  });
});

test("snapshots are listed in pages by name, and removed", async () => {
  const kit = new VolumeKit();
  await kit.put("/d/a", "one");
  for (const name of ["b", "a", "c"]) await take(kit, "/d", name);
  await take(kit, "/d");
  await expect(take(kit, "/d", "a")).rejects.toMatchObject({ code: "FS_EXISTS" });
  const list = async (after?: string) => {
    const page = await kit.snapshots.list({ workflow: "flow", limit: 2, after }, OPTIONS);
    return [page.snapshots.map(({ name }) => name), page.next] as const;
  };
  const [first, next] = await list();
  expect(first[0]).toMatch(/^20\d\d-\d\d-\d\dT[\d.-]+Z$/u);
  expect(first[1]).toBe("a");
  expect(await list(next ?? undefined)).toEqual([["b", "c"], null]);
  await kit.snapshots.remove({ workflow: "flow", name: "b" }, OPTIONS);
  expect(await list("a")).toEqual([["c"], null]);
  kit.tree.checkCounts();
});

test("random changes, snapshots and restores leave what a model of maps has", async () => {
  for (let seed = 1; seed <= 4; seed += 1) {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(random.next() * limit);
    const kit = new VolumeKit();
    await kit.files.mkdir({ workflow: "flow", path: "/d", parents: true }, OPTIONS);
    let live: Record<string, string> = {};
    const kept = new Map<string, Record<string, string>>();
    for (let count = 0; count < 80; count += 1) {
      const path = `${"ab".charAt(below(2))}/${"xyz".charAt(below(3))}`;
      const name = `s${below(3)}`;
      const which = below(6);
      if (which < 2) {
        await kit.put(`/d/${path}`, `${count}`);
        live[path] = `644 ${count}`;
      } else if (which === 2 && path in live) {
        await kit.files.remove({ workflow: "flow", path: `/d/${path}`, recursive: false }, OPTIONS);
        live = Object.fromEntries(Object.entries(live).filter(([one]) => one !== path));
      } else if (which === 3 && !kept.has(name)) {
        await take(kit, "/d", name);
        kept.set(name, { ...live });
      } else if (which === 4) {
        const model = kept.get(name);
        if (model === undefined) continue;
        await restore(kit, name, "/", "/d", true);
        live = { ...model };
      } else if (which === 5 && below(3) === 0 && kept.delete(name)) {
        await kit.snapshots.remove({ workflow: "flow", name }, OPTIONS);
      }
      if (below(3) === 0) kit.tree.sweep();
      expect(await contents(kit, "/d"), `seed ${seed}`).toEqual(live);
      for (const [one, model] of kept) expect(await contents(kit, "", one)).toEqual(model);
      kit.tree.checkCounts();
    }
  }
});
