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
  expect((await create(kit, "a", "first")).blocks).toMatchObject([{ plain: null }]);
  expect((await create(kit, "b", "second")).blocks).toMatchObject([{ plain: null }]);
  seal(kit, "aes-256-gcm-1");
  expect((await create(kit, "c", "third")).blocks).toMatchObject([{ plain: expect.any(String) }]);
  expect((await kit.get("/c")).toString()).toBe("third");
  seal(kit, undefined);
  expect((await create(kit, "d", "fourth")).blocks).toMatchObject([{ plain: null }]);
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
