import { expect, test } from "vitest";
import type { ClusterNode } from "../../actors/cluster-node.ts";
import type { Row } from "../../scheduler/rows.ts";
import { treeKeys } from "../../scheduler/tree/keys.ts";
import { ROOT_INODE } from "../../scheduler/tree/rows.ts";
import { pathOf, TreeReader } from "./tree-reader.ts";

const CALL = { group: 3, deadlineMs: 1000 };
const BASE = { mode: 0o755, mtimeMicros: 0, changedMs: 0, revision: 1, attributes: [] };
const folder = (parent: number): Row => ({
  ...{ kind: "fs-directory", ...BASE, parent, entries: 1, directories: 1 },
});
const entry = (inode: number): Row => ({ kind: "fs-entry", inode, type: "directory" });

/** A reader of rows that are `/a/b`, with what it asked for. */
function readerOf(rows: ReadonlyMap<string, Row>): {
  readonly reader: TreeReader;
  readonly asked: { readonly keys: readonly string[]; readonly follows: boolean | undefined }[];
} {
  const asked: { keys: readonly string[]; follows: boolean | undefined }[] = [];
  const read: ClusterNode["read"] = (_group, { keys, follows }) => {
    asked.push({ keys, follows });
    const values = keys.map((key) => rows.get(key));
    const rest = { scanned: [], more: false, term: 1, appliedIndex: 1 };
    return Promise.resolve({ kind: "rows", values, ...rest });
  };
  return { reader: new TreeReader({ read }), asked };
}

const ROWS = new Map<string, Row>([
  [treeKeys.entry(ROOT_INODE, "a"), entry(2)],
  [treeKeys.inode(2), folder(ROOT_INODE)],
  [treeKeys.entry(2, "b"), entry(4)],
  [treeKeys.inode(4), folder(2)],
]);

test("a path is found with a majority's word for the first rows, which the others follow", async () => {
  const { reader, asked } = readerOf(ROWS);
  expect((await reader.find(CALL, "a/b")).inode).toBe(4);
  expect(asked.map(({ follows }) => follows)).toEqual([false, true, true, true, true]);
});

test("commands are told the last name in the folder that the rest leads to", async () => {
  const { reader } = readerOf(ROWS);
  expect(await reader.place(CALL, "a/b/new")).toEqual({ from: 4, path: "new" });
  expect(await reader.place(CALL, "new")).toEqual({ from: ROOT_INODE, path: "new" });
  await expect(reader.place(CALL, "x/new")).rejects.toMatchObject({ code: "FS_NOT_FOUND" });
  expect(await reader.place(CALL, "x/y/new", { parents: true })).toEqual({
    from: ROOT_INODE,
    path: "x/y/new",
  });
});

test("an entry whose inode never comes is given up after so many looks", async () => {
  const rows = new Map([[treeKeys.entry(ROOT_INODE, "a"), entry(2)]]);
  const { reader, asked } = readerOf(rows);
  await expect(reader.find(CALL, "a")).rejects.toMatchObject({ code: "FS_CHANGED" });
  expect(asked.length).toBe(2000);
});

test("a path may begin and end with a slash, and with one only", () => {
  expect(["/", "", "/a/b", "a/b/", "/a/", "//a", "a//"].map(pathOf)).toEqual([
    ...["", "", "a/b", "a/b", "a", "/a", "a//"],
  ]);
});
