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

test("where a volume wants other copies by now, nothing names a small file before it is stored as it wants", async () => {
  const kit = new VolumeKit();
  const seen: string[] = [];
  kit.before = (command) => {
    if (command.kind === "fs-create") seen.push(`for ${command.storedFor?.copies ?? "any"}`);
  };
  await create(kit, "a", "first");
  await create(kit, "b", "second");
  const { copies, revision, chunking, quotaBytes, quotaInodes } = volumeUse(kit.tree.view);
  expect(seen).toEqual(["for any", `for ${copies}`]);
  const options = { chunking, quotaBytes, quotaInodes, copies: copies + 1 };
  kit.tree.run({ kind: "fs-volume", revision, options });
  const third = await create(kit, "c", "third");
  expect(seen.slice(2)).toEqual([`for ${copies}`, "for any"]);
  expect(third).toMatchObject({ bytes: 5, links: 1, folder: { type: "directory" } });
  await create(kit, "d", "fourth");
  expect(seen.slice(4)).toEqual([`for ${copies + 1}`]);
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
