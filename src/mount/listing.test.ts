import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Listing, PAGE_ENTRIES_MAX } from "./listing.ts";
import { LocalTree } from "./local/local-tree.ts";
import { LocalVolume } from "./local/local-volume.ts";
import { OpenFiles } from "./open-files.ts";
import { StagingMemory } from "./staged-data.ts";

const COUNT = PAGE_ENTRIES_MAX * 3 + 17;
const folder = mkdtempSync(join(tmpdir(), "jobx-listing-"));
afterAll(() => rmSync(folder, { recursive: true }));

const wallNs = (): bigint => 1n;
const tree = new LocalTree(folder, { nowNs: 1n, owner: { uid: 0, gid: 0 } });
const volume = new LocalVolume(tree, wallNs);
const files = new OpenFiles({
  volume,
  stagingDirectory: folder,
  memory: new StagingMemory(),
  wallNs,
});
const made = { mode: 0o755, uid: 0, gid: 0 };
for (let index = 0; index < COUNT; index += 1) {
  await volume.symlink({ parent: volume.root, name: `n${index}` }, "t", made);
}

const LOOK = { after: 0, isTrusted: true };
const listing = (): Listing =>
  new Listing({ directory: volume.root, volume, files, look: () => LOOK });

async function all(list: Listing, from = 0): Promise<readonly string[]> {
  const names: string[] = [];
  for (let index = from; ; index += 1) {
    const entry = await list.at(index);
    if (entry === undefined) return names;
    names.push(entry.name);
  }
}

test("every entry is told once, after the two that every directory has", async () => {
  const names = await all(listing());
  expect(names.slice(0, 2)).toEqual([".", ".."]);
  expect(new Set(names).size).toBe(COUNT + 2);
});

test("who goes back finds the same entries at the same numbers", async () => {
  const list = listing();
  const names = await all(list);
  for (const from of [5, 2, PAGE_ENTRIES_MAX + 2, PAGE_ENTRIES_MAX + 1, COUNT, 0, COUNT + 1]) {
    expect((await all(list, from))[0]).toBe(names[from]);
  }
});

test("who begins at a number without having been there finds what is there", async () => {
  const names = await all(listing());
  expect(await all(listing(), COUNT - 5)).toEqual(names.slice(COUNT - 5));
  expect(await all(listing(), COUNT + 100)).toEqual([]);
});

test("a file that nobody has committed comes last, once, and not when it is gone", async () => {
  const attributes = {
    ...(await volume.getattr(volume.root)),
    kind: "file",
    inode: 99_999,
  } as const;
  const place = { parent: volume.root, name: "new", exclusive: false };
  const file = files.make(attributes, place);
  expect((await all(listing())).at(-1)).toBe("new");
  const list = listing();
  await list.at(0);
  files.dropNew(file);
  expect(await all(list, 1)).not.toContain("new");
});
