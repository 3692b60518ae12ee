import { expect, test } from "vitest";
import { at, file, TreeKit } from "../../../test/lib/tree-kit.ts";
import type { Row } from "../rows.ts";
import { MissingRows, type RowView, UNKNOWN } from "../transaction.ts";
import { TreeError } from "./errors.ts";
import { treeKeys } from "./keys.ts";
import { countEntries, listed, listingRange, lookUp, volumeUse } from "./reads.ts";
import { ROOT_INODE } from "./rows.ts";

function kitWithLinks(links: Readonly<Record<string, string>>): TreeKit {
  const kit = TreeKit.withPin();
  kit.commit([file("d/e/f", 1)], { parents: true });
  for (const [path, target] of Object.entries(links))
    kit.run({ kind: "fs-symlink", place: at(path), target });
  return kit;
}

/** The inode that a path leads to, or why there is none. */
function lead(kit: TreeKit, path: string, follow = true): number | string {
  try {
    return lookUp(kit.view, at(path), { follow }).inode;
  } catch (error) {
    if (error instanceof TreeError) return error.code;
    throw error;
  }
}

/** A page of a folder, as a reader scans it. */
function page(kit: TreeKit, after: string | undefined, limit: number): readonly string[] {
  const { gte, lt } = listingRange(ROOT_INODE, after);
  const rows = [...kit.rows]
    .filter(([key]) => key >= gte && key < lt)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return listed(rows.slice(0, limit)).map(({ name }) => name);
}

test("links on the way and at the end are followed, relative to where they are or from the root", () => {
  const kit = kitWithLinks({ "d/s": "e", "d/e/up": "../e/f", abs: "/d//e/./f", "d/t": "/d" });
  const { inode } = kit.find("d/e/f");
  for (const path of ["d/s/f", "d/e/up", "d/s/up", "abs", "d/t/t/s/f"])
    expect([path, lead(kit, path)]).toEqual([path, inode]);
  expect(lead(kit, "abs", false)).toBe(kit.find("abs").inode);
});

test("no link leads out of the volume", () => {
  const kit = kitWithLinks({ "d/out": "../../../../../d/e/f", up: "../.." });
  expect(lead(kit, "d/out")).toBe(kit.find("d/e/f").inode);
  expect(lead(kit, "up")).toBe(ROOT_INODE);
});

test("a loop of links, a link to nothing and a file on the way have their codes", () => {
  const kit = kitWithLinks({
    a: "b",
    b: "a",
    gone: "nowhere",
    file: "d/e/f",
    long: "x".repeat(300),
  });
  expect(lead(kit, "a")).toBe("FS_LOOP");
  expect(lead(kit, "gone")).toBe("FS_NOT_FOUND");
  expect(lead(kit, "long")).toBe("FS_NAME_TOO_LONG");
  expect(lead(kit, "file/x")).toBe("FS_NOT_DIRECTORY");
  expect(lead(kit, "d/../d")).toBe("FS_NAME_INVALID");
});

test("a folder is listed page by page in the order of bytes, each name once, whatever comes between", () => {
  const kit = TreeKit.withPin();
  const names = ["a", "a b", "a~", "ab", "b", "é", "€", "😀"];
  kit.commit(names.map((name) => file(name)));
  expect(page(kit, undefined, 3)).toEqual(["a", "a b", "ab"]);
  kit.unlink("ab");
  kit.commit([file("aaa"), file("ac")]);
  expect(page(kit, "ab", 3)).toEqual(["ac", "a~", "b"]);
  expect(page(kit, "b", 9)).toEqual(["é", "€", "😀"]);
  expect(countEntries(kit.view, ROOT_INODE)).toBe(9);
});

test("a workflow that never used its volume has an empty one with two copies", () => {
  const kit = new TreeKit();
  expect(volumeUse(kit.view)).toMatchObject({ copies: 2, usedBytes: 0, usedInodes: 0 });
  expect(lead(kit, "")).toBe(ROOT_INODE);
  expect(kit.scan("F")).toEqual([]);
});

test("a look-up asks for the rows that are not in memory", () => {
  const view: RowView<Row> = { peek: () => UNKNOWN };
  expect(() => lookUp(view, at("a"), { follow: true })).toThrow(MissingRows);
});

test("a look-up that has an entry from before a rename over it and no inode any more reads the name again", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 1), file("b", 2)]);
  const key = treeKeys.entry(ROOT_INODE, "a");
  // As a query holds it that has read the name, and not yet what it leads to.
  const loaded = new Map([[key, kit.rows.get(key)]]);
  kit.rename("b", "a");
  const view: RowView<Row> = {
    peek: (wanted) => (loaded.has(wanted) ? loaded.get(wanted) : kit.rows.get(wanted)),
  };
  const ask = () => lookUp(view, at("a"), { follow: true });
  let missed: readonly string[] = [];
  try {
    ask();
  } catch (error) {
    if (error instanceof MissingRows) missed = error.keys;
  }
  expect(missed).toContain(key);
  for (const again of missed) loaded.set(again, kit.rows.get(again));
  expect(ask().inode).toBe(kit.find("a").inode);
});
