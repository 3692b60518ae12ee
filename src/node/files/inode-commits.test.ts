import { expect, test } from "vitest";
import { OPTIONS, VolumeKit } from "../../../test/lib/volume-kit.ts";
import type { InodeCommitted } from "../../api/inode-port.ts";
import { VOLUME_KEY } from "../../scheduler/tree/keys.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import { ROOT_INODE, type VolumeOptions } from "../../scheduler/tree/rows.ts";

async function* slices(bytes: Uint8Array) {
  yield await Promise.resolve(bytes);
}

/** A small new file of the root, as a mount makes it. */
async function create(kit: VolumeKit, name: string, text: string): Promise<InodeCommitted> {
  const { first } = await kit.inodes.reserve({ workflow: "flow", count: 1 }, OPTIONS);
  const bytes = Buffer.from(text);
  const commit = {
    ...{ workflow: "flow", inode: first, place: { parent: ROOT_INODE, name }, exclusive: true },
    ...{ mode: undefined, mtimeMicros: undefined, bytes: bytes.length },
  };
  return kit.inodes.commit(commit, slices(bytes), OPTIONS);
}

/** As if it had been said while the volume was empty: only then may it change. */
function seal(kit: VolumeKit, sealing: VolumeOptions["sealing"]): void {
  kit.tree.rows.set(VOLUME_KEY, { ...volumeUse(kit.tree.view), sealing });
}

test("a small file is stored as the volume wants it now, whatever it wanted when the one before came", async () => {
  const kit = new VolumeKit();
  const isSealed = async (name: string, text: string): Promise<boolean> =>
    (await create(kit, name, text)).blocks.every(({ plain }) => plain !== null);
  expect(await isSealed("a", "first")).toBe(false);
  expect(await isSealed("b", "second")).toBe(false);
  seal(kit, "aes-256-gcm-1");
  expect(await isSealed("c", "third")).toBe(true);
  expect((await kit.get("/c")).toString()).toBe("third");
  seal(kit, undefined);
  expect(await isSealed("d", "fourth")).toBe(false);
});

test("where a volume is to have other copies by now, a small file is stored once more before it is answered", async () => {
  const kit = new VolumeKit();
  const seen: string[] = [];
  kit.before = ({ kind }) => {
    if (kind === "fs-create" || kind === "fs-commit") seen.push(kind);
  };
  await create(kit, "a", "first");
  await create(kit, "b", "second");
  expect(seen).toEqual(["fs-create", "fs-create"]);
  const { revision, chunking, quotaBytes, quotaInodes } = volumeUse(kit.tree.view);
  const options = { chunking, quotaBytes, quotaInodes, copies: 3 };
  kit.tree.run({ kind: "fs-volume", revision, options });
  const third = await create(kit, "c", "third");
  expect(seen.slice(2)).toEqual(["fs-create", "fs-commit"]);
  expect(third).toMatchObject({ bytes: 5, links: 1, folder: { type: "directory" } });
  await create(kit, "d", "fourth");
  expect(seen.slice(4)).toEqual(["fs-create"]);
  expect((await kit.get("/c")).toString()).toBe("third");
  kit.tree.checkCounts();
});

test("the answer tells the file and its folder as they are after the commit", async () => {
  const kit = new VolumeKit();
  await create(kit, "a", "some");
  const answer = await create(kit, "b", "other");
  expect(answer).toMatchObject({ type: "file", bytes: 5, links: 1 });
  const folder = await kit.inodes.look(
    { workflow: "flow", inode: ROOT_INODE, name: undefined },
    OPTIONS,
  );
  expect(answer.folder).toEqual(folder);
});
