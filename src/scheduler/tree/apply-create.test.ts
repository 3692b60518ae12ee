/** Numbers of inodes that are reserved, and files that are made under them. */
import { expect, test } from "vitest";
import { at, block, file, inline, TreeKit } from "../../../test/lib/tree-kit.ts";
import { assert } from "../../std/assert.ts";
import type { Effect } from "../effects.ts";
import type { Answer, Row } from "../rows.ts";
import { MissingRows, Transaction, UNKNOWN } from "../transaction.ts";
import { applyTree } from "./apply.ts";
import { treeKeys } from "./keys.ts";
import { ROOT_INODE } from "./rows.ts";

function reserve(kit: TreeKit, count: number): number {
  const answer = kit.run({ kind: "fs-reserve", count });
  assert(answer.kind === "inode", "numbers are given");
  return answer.inode;
}

function create(
  kit: TreeKit,
  inode: number,
  more: { readonly path?: string; readonly exclusive?: boolean } = {},
): Answer {
  const { path = "f", exclusive = false } = more;
  const what = { mode: 0o600, mtimeMicros: 5, root: undefined, content: inline(1) };
  const upload = "u1";
  return kit.run({ kind: "fs-create", upload, inode, place: at(path), exclusive, ...what });
}

test("numbers that were reserved are given to nobody else", () => {
  const kit = TreeKit.withPin();
  const first = reserve(kit, 3);
  expect(reserve(kit, 1)).toBe(first + 3);
  kit.mkdir("d");
  expect(kit.find("d").inode).toBe(first + 4);
});

test("a file is made under its number once, and under none that was not reserved", () => {
  const kit = TreeKit.withPin();
  const inode = reserve(kit, 1);
  expect(create(kit, inode)).toMatchObject({ kind: "inode", inode });
  expect(kit.find("f")).toMatchObject({ inode, row: { mode: 0o600, mtimeMicros: 5, links: 1 } });
  for (const taken of [inode, inode + 1, ROOT_INODE]) {
    expect(create(kit, taken, { path: "g" })).toMatchObject({ code: "FS_CHANGED" });
  }
  kit.checkCounts();
});

test("it takes the name of another file, whose other names stay, and of nothing else", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("f", 7)]);
  kit.run({ kind: "fs-link", from: at("f"), to: at("h") });
  kit.mkdir("d");
  const first = reserve(kit, 2);
  expect(create(kit, first, { exclusive: true })).toMatchObject({ code: "FS_EXISTS" });
  expect(create(kit, first, { path: "d" })).toMatchObject({ code: "FS_IS_DIRECTORY" });
  expect(create(kit, first)).toMatchObject({ kind: "inode" });
  expect(kit.find("h").row).toMatchObject({ links: 1, bytes: 8 });
  expect(create(kit, first + 1, { path: "h" })).toMatchObject({ kind: "inode" });
  kit.checkCounts();
});

test("all rows that a new file takes are missed at once", () => {
  const kit = TreeKit.withPin();
  const inode = reserve(kit, 1);
  const keys = [
    treeKeys.inode(inode),
    treeKeys.entry(ROOT_INODE, "f"),
    treeKeys.block(block(1).cid),
  ];
  const peek = (key: string) => (keys.includes(key) ? UNKNOWN : kit.rows.get(key));
  const command = {
    kind: "fs-create",
    ...{ upload: "u1", inode, place: at("f"), exclusive: true, mode: 0o600 },
    ...{ mtimeMicros: undefined, root: undefined, content: inline(1) },
  } as const;
  const apply = (): Answer =>
    applyTree(
      new Transaction<Row, Effect>({ peek }),
      { index: 9, ordinal: 0, stampMs: 1 },
      command,
    );
  let missed: readonly string[] = [];
  try {
    apply();
  } catch (error) {
    if (error instanceof MissingRows) missed = error.keys;
  }
  expect([...missed].sort()).toEqual([...keys].sort());
});
