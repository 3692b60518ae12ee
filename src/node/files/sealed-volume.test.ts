import { expect, test } from "vitest";
import { joined, OPTIONS, slices, VolumeKit } from "../../../test/lib/volume-kit.ts";

const TEXT = "the secret of the pyramids";

/** A volume that seals, with a small file and one of three blocks. */
async function sealedKit(): Promise<{ readonly kit: VolumeKit; readonly large: Buffer }> {
  const kit = new VolumeKit();
  await kit.volumes.change(
    { workflow: "flow", revision: undefined, settings: { sealed: true } },
    OPTIONS,
  );
  const large = Buffer.alloc(2.5 * 1024 * 1024, TEXT);
  await kit.put("d/small", TEXT);
  await kit.put("d/large", large);
  return { kit, large };
}

const isSealed = (kit: VolumeKit): boolean =>
  [...kit.blocks.values()].every((block) => !Buffer.from(block).includes(TEXT.slice(0, 10)));

test("files of a sealed volume are read as they were put, with the ids of their content", async () => {
  const { kit, large } = await sealedKit();
  expect(isSealed(kit)).toBe(true);
  expect((await kit.get("d/large")).equals(large)).toBe(true);
  expect((await kit.get("d/small")).toString()).toBe(TEXT);
  const plain = new VolumeKit();
  for (const [path, content] of [["s", TEXT] as const, ["l", large] as const]) {
    expect(await kit.put(path, content)).toBe(await plain.put(path, content));
  }
  expect(isSealed(plain)).toBe(false);
  kit.tree.checkCounts();
});

test("an archive of a sealed volume is that of its content, and one that is taken in is sealed", async () => {
  const { kit, large } = await sealedKit();
  const { cid, archive } = await kit.volumes.openCar({ workflow: "flow", path: "d" }, OPTIONS);
  const car = await joined(archive);
  const plain = new VolumeKit();
  const taken = { workflow: "flow", path: "copy" };
  const put = await plain.volumes.importCar(taken, slices([car]), OPTIONS);
  expect(put).toMatchObject({ cid, files: 2, directories: 0 });
  expect((await plain.get("copy/large")).equals(large)).toBe(true);
  expect(await kit.volumes.importCar(taken, slices([car]), OPTIONS)).toMatchObject({ cid });
  expect((await kit.get("copy/large")).equals(large)).toBe(true);
  expect((await kit.get("copy/small")).toString()).toBe(TEXT);
  expect(isSealed(kit)).toBe(true);
  kit.tree.checkCounts();
});

test("an archive of a volume that cuts otherwise is sealed as well", async () => {
  const { kit } = await sealedKit();
  const other = new VolumeKit();
  const how = { workflow: "flow", revision: undefined } as const;
  await other.volumes.change({ ...how, settings: { chunking: "content-defined" } }, OPTIONS);
  const content = Buffer.from(
    Array.from({ length: 3_000_000 }, (_, place) => (place * place) % 251),
  );
  await other.put("f", content);
  const { archive } = await other.volumes.openCar({ workflow: "flow", path: "f" }, OPTIONS);
  const at = { workflow: "flow", path: "f" };
  await kit.volumes.importCar(at, slices([await joined(archive)]), OPTIONS);
  expect((await kit.get("f")).equals(content)).toBe(true);
});

test("a mount is shown sealed blocks with the hash of their content, by which it asks for them", async () => {
  const { kit, large } = await sealedKit();
  const { inode } = kit.tree.find("d/large");
  const at = { workflow: "flow", inode, place: undefined };
  const { blocks } = await kit.inodes.open(at, OPTIONS);
  expect(blocks.map(({ bytes }) => bytes)).toEqual([2 ** 20, 2 ** 20, 2 ** 19]);
  const parts: Buffer[] = [];
  for (const block of blocks) {
    expect(block.plain).toMatch(/^[0-9a-f]{64}$/u);
    parts.push(await joined(await kit.inodes.block({ workflow: "flow", ...block }, OPTIONS)));
  }
  expect(Buffer.concat(parts).equals(large)).toBe(true);
});

test("within the volume a sealed file is copied without moving a byte of it", async () => {
  const { kit, large } = await sealedKit();
  const before = kit.blocks.size;
  const how = { recursive: true, exclusive: false, parents: true };
  await kit.volumes.copy({ workflow: "flow", from: "d", to: "e", ...how }, OPTIONS);
  expect((await kit.get("e/large")).equals(large)).toBe(true);
  expect(kit.blocks.size).toBe(before);
});

test("a volume that is not empty is refused to be sealed, and one that is sealed stays so", async () => {
  const { kit } = await sealedKit();
  const at = { workflow: "flow", revision: undefined } as const;
  const off = kit.volumes.change({ ...at, settings: { sealed: false } }, OPTIONS);
  await expect(off).rejects.toMatchObject({ code: "FS_VOLUME_IN_USE" });
  expect(await kit.volumes.change({ ...at, settings: { copies: 1 } }, OPTIONS)).toMatchObject({
    sealed: true,
    copies: 1,
  });
  const plain = new VolumeKit();
  await plain.put("f", TEXT);
  const on = plain.volumes.change({ ...at, settings: { sealed: true } }, OPTIONS);
  await expect(on).rejects.toMatchObject({ code: "FS_VOLUME_IN_USE" });
});

test("a snapshot of a sealed folder has the id of its content, is read and brought back, and keeps the volume sealed", async () => {
  const { kit, large } = await sealedKit();
  const plain = new VolumeKit();
  await plain.put("d/small", TEXT);
  await plain.put("d/large", large);
  const take = (of: VolumeKit) =>
    of.snapshots.take({ workflow: "flow", path: "/d", name: "s" }, OPTIONS);
  const taken = await take(kit);
  expect(taken.cid).toBe((await take(plain)).cid);
  await kit.files.remove({ workflow: "flow", path: "/d", recursive: true }, OPTIONS);
  kit.tree.sweep();
  const at = { workflow: "flow", revision: undefined } as const;
  const off = kit.volumes.change({ ...at, settings: { sealed: false } }, OPTIONS);
  await expect(off).rejects.toMatchObject({ code: "FS_VOLUME_IN_USE" });
  const back = { snapshot: "s", path: "/", to: "/back", replace: false };
  await kit.snapshots.restore({ workflow: "flow", ...back }, OPTIONS);
  expect((await kit.get("back/large")).equals(large)).toBe(true);
  kit.tree.checkCounts();
});
