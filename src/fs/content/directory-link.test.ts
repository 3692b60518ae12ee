import { expect, test } from "vitest";
import { type DirectoryEntry, directoryTree } from "./directory.ts";
import { directoryLink } from "./directory-link.ts";
import { nameBytes } from "./name.ts";
import { nameHash } from "./name-hash.ts";
import { PackedEntries } from "./packed-entries.ts";

const CODECS = ["raw", "dag-pb"] as const;

/** Names of all lengths, some with bytes that are no ASCII; links of both codecs. */
function entryOf(at: number): DirectoryEntry {
  const name = `${at} ä\ufeff${"n".repeat(at % 200)}`;
  const block = at.toString(16).padStart(64, "0");
  const codec = at % 3 === 0 ? CODECS[0] : CODECS[1];
  return { name, link: { id: { codec, block }, treeBytes: at * 3_000_000_017 } };
}

function entries(count: number): readonly DirectoryEntry[] {
  return Array.from({ length: count }, (_, at) => entryOf(at));
}

async function* told(list: readonly DirectoryEntry[]): AsyncGenerator<DirectoryEntry> {
  yield* await Promise.resolve(list);
}

test.each([0, 1, 2, 300, 1500, 1600, 5000, 20_000])(
  "the id of a directory of %i entries is the same whether or not its nodes are held",
  async (count) => {
    const list = entries(count);
    const { id, treeBytes } = directoryTree(list).node;
    expect(await directoryLink(told(list))).toEqual({ id, treeBytes });
    expect(await directoryLink(told([...list].reverse()))).toEqual({ id, treeBytes });
  },
);

test("what a directory may not have is refused also where its nodes are not held", async () => {
  const refused: unknown = expect.objectContaining({ code: "FS_NAME_REFUSED" });
  for (const count of [10, 10_000]) {
    const list = entries(count);
    await expect(directoryLink(told([...list, entryOf(7)])), `${count}`).rejects.toThrow(refused);
    await expect(directoryLink(told([...list, { ...entryOf(0), name: "a/b" }]))).rejects.toThrow(
      refused,
    );
  }
});

test("others have the thread while the nodes of a large directory are made", async () => {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  await directoryLink(told(entries(20_000)));
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
});

test("an entry takes fewer than 80 bytes beside its name", () => {
  const packed = new PackedEntries();
  let namesLength = 0;
  for (const { name, link } of entries(20_000)) {
    const bytes = nameBytes(name);
    namesLength += bytes.length;
    packed.add({ bytes, hash: nameHash(bytes), link });
  }
  expect(packed.count).toBe(20_000);
  expect(packed.bytes).toBeLessThan(namesLength + 80 * 20_000);
});
