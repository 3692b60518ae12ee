import { expect, test } from "vitest";
import { at, block, file, inline, TreeKit } from "../../../test/lib/tree-kit.ts";
import type { Answer } from "../rows.ts";
import { treeKeys } from "./keys.ts";
import { linksOf, namedBlocks } from "./reads.ts";
import { LINKS_MAX, ROOT_INODE } from "./rows.ts";

const codeOf = (answer: Answer): string => (answer.kind === "refused" ? answer.code : answer.kind);

/** What stands in the rows, but for what remembers answers. */
const state = (kit: TreeKit): readonly unknown[] =>
  [...kit.rows].sort(([a], [b]) => (a < b ? -1 : 1));

/** Does it, and sees that a refusal has written nothing. */
function refusal(kit: TreeKit, act: () => Answer): string {
  const before = state(kit);
  const code = codeOf(act());
  expect(state(kit)).toEqual(before);
  return code;
}

test("a committed file is under its path with its blocks, size, mode and time", () => {
  const kit = TreeKit.withPin();
  const one = { ...file("a", 1, 2), mode: 0o100755, mtimeMicros: 77, root: "bafk" };
  const answer = kit.commit([one]);
  expect(answer).toMatchObject({ kind: "inode", inode: 2 });
  expect(kit.find("a").row).toMatchObject({
    kind: "fs-file",
    mode: 0o755,
    mtimeMicros: 77,
    root: "bafk",
    bytes: 5,
    links: 1,
    content: inline(1, 2),
    ...(answer.kind === "inode" ? { revision: answer.revision } : {}),
  });
  kit.checkCounts();
});

test("what nobody says of a new file is rw-r--r-- and the time of the entry", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a")]);
  expect(kit.find("a").row).toMatchObject({ mode: 0o644, mtimeMicros: 1_000_000_000, bytes: 0 });
});

test("another content keeps inode, mode and all names, and frees the blocks of the old one", () => {
  const kit = TreeKit.withPin();
  kit.commit([{ ...file("a", 1, 2), mode: 0o600 }]);
  kit.run({ kind: "fs-link", from: at("a"), to: at("b") });
  const { inode } = kit.find("a");
  kit.commit([file("b", 2, 3)]);
  expect(kit.find("a")).toMatchObject({
    inode,
    row: { mode: 0o600, links: 2, content: inline(2, 3) },
  });
  const cids = [1, 2, 3].map((number) => block(number).cid);
  expect(namedBlocks(kit.view, cids)).toEqual(cids.slice(1));
  kit.checkCounts();
});

test("a mount names a file by its inode and a new one by its folder's inode", () => {
  const kit = TreeKit.withPin();
  kit.mkdir("d");
  const folder = kit.find("d").inode;
  kit.commit([{ ...file("", 1), place: at("f", folder) }]);
  const { inode } = kit.find("d/f");
  kit.rename("d/f", "g");
  kit.commit([{ ...file("", 2), place: at("", inode) }]);
  expect(kit.find("g").row).toMatchObject({ content: inline(2) });
});

test("a commit of which one file is refused makes none", () => {
  const kit = TreeKit.withPin();
  kit.mkdir("d");
  const act = (): Answer => kit.commit([file("a", 1), file("b", 2), file("d", 3)]);
  expect(refusal(kit, act)).toBe("FS_IS_DIRECTORY");
});

test("a later file of a commit sees what an earlier one has made", () => {
  const kit = TreeKit.withPin();
  expect(
    codeOf(kit.commit([file("d/a", 1), file("d/b", 2), file("d/a", 3)], { parents: true })),
  ).toBe("inode");
  expect(kit.find("d").row).toMatchObject({ entries: 2 });
  expect(kit.find("d/a").row).toMatchObject({ content: inline(3) });
  kit.checkCounts();
});

test("FS_NOT_FOUND: a folder on the way, the file, or the inode is not there", () => {
  const kit = TreeKit.withPin();
  expect(refusal(kit, () => kit.commit([file("no/a", 1)]))).toBe("FS_NOT_FOUND");
  expect(refusal(kit, () => kit.unlink("a"))).toBe("FS_NOT_FOUND");
  const place = at("", 99);
  expect(refusal(kit, () => kit.commit([{ ...file("", 1), place }]))).toBe("FS_NOT_FOUND");
  expect(refusal(kit, () => kit.rename("a", "b"))).toBe("FS_NOT_FOUND");
});

test("FS_EXISTS: what was to be made is there", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 1)]);
  kit.mkdir("d");
  const absent = { ...file("a", 2), expect: { kind: "absent" } } as const;
  expect(refusal(kit, () => kit.commit([absent]))).toBe("FS_EXISTS");
  expect(refusal(kit, () => kit.mkdir("a"))).toBe("FS_EXISTS");
  expect(refusal(kit, () => kit.mkdir("a", true))).toBe("FS_EXISTS");
  expect(refusal(kit, () => kit.mkdir("d"))).toBe("FS_EXISTS");
  const link = { kind: "fs-link", from: at("a"), to: at("d") } as const;
  expect(refusal(kit, () => kit.run(link))).toBe("FS_EXISTS");
  const symlink = { kind: "fs-symlink", place: at("a"), target: "x" } as const;
  expect(refusal(kit, () => kit.run(symlink))).toBe("FS_EXISTS");
  expect(refusal(kit, () => kit.rename("a", "d", { over: "exclusive" }))).toBe("FS_EXISTS");
});

test("FS_NOT_DIRECTORY: a file on the way, or where a folder is wanted", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 1)]);
  kit.mkdir("d");
  expect(refusal(kit, () => kit.commit([file("a/b", 1)], { parents: true }))).toBe(
    "FS_NOT_DIRECTORY",
  );
  expect(refusal(kit, () => kit.run({ kind: "fs-rmdir", place: at("a") }))).toBe(
    "FS_NOT_DIRECTORY",
  );
  expect(refusal(kit, () => kit.rename("d", "a"))).toBe("FS_NOT_DIRECTORY");
});

test("FS_IS_DIRECTORY: a folder where a file is wanted", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 1)]);
  kit.mkdir("d");
  expect(refusal(kit, () => kit.unlink("d"))).toBe("FS_IS_DIRECTORY");
  expect(refusal(kit, () => kit.rename("a", "d"))).toBe("FS_IS_DIRECTORY");
  const link = { kind: "fs-link", from: at("d"), to: at("e") } as const;
  expect(refusal(kit, () => kit.run(link))).toBe("FS_IS_DIRECTORY");
});

test("FS_NOT_FILE: content for a symbolic link", () => {
  const kit = TreeKit.withPin();
  kit.run({ kind: "fs-symlink", place: at("s"), target: "a" });
  expect(refusal(kit, () => kit.commit([file("s", 1)]))).toBe("FS_NOT_FILE");
});

test("FS_NOT_EMPTY: a folder with entries is not removed, nor replaced by a renamed one", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("d/a", 1)], { parents: true });
  kit.mkdir("e");
  expect(refusal(kit, () => kit.run({ kind: "fs-rmdir", place: at("d") }))).toBe("FS_NOT_EMPTY");
  expect(refusal(kit, () => kit.rename("e", "d"))).toBe("FS_NOT_EMPTY");
});

test("FS_CHANGED: another revision than the one that was expected", () => {
  const kit = TreeKit.withPin();
  const made = kit.commit([file("a", 1)]);
  if (made.kind !== "inode") throw new Error("it was made");
  const expectation = { kind: "revision", revision: made.revision } as const;
  const swap = { ...file("a", 2), expect: expectation };
  expect(codeOf(kit.commit([swap]))).toBe("inode");
  expect(refusal(kit, () => kit.commit([swap]))).toBe("FS_CHANGED");
  expect(refusal(kit, () => kit.commit([{ ...swap, place: at("b") }]))).toBe("FS_CHANGED");
  const options = { copies: 1, chunking: "fixed", quotaBytes: 1, quotaInodes: 1 } as const;
  const volume = { kind: "fs-volume", revision: 5, options } as const;
  expect(refusal(kit, () => kit.run(volume))).toBe("FS_CHANGED");
});

test("FS_QUOTA: no more bytes and inodes than the volume may hold, but always fewer", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 10), file("b", 1)]);
  const options = { copies: 2, chunking: "fixed", quotaBytes: 5, quotaInodes: 3 } as const;
  expect(codeOf(kit.run({ kind: "fs-volume", revision: 0, options }))).toBe("inode");
  expect(refusal(kit, () => kit.commit([file("c", 1)]))).toBe("FS_QUOTA");
  expect(codeOf(kit.commit([file("a", 5)]))).toBe("inode");
  expect(codeOf(kit.unlink("a"))).toBe("inode");
  expect(codeOf(kit.commit([file("c", 2)]))).toBe("inode");
  expect(codeOf(kit.mkdir("d"))).toBe("inode");
  expect(refusal(kit, () => kit.mkdir("e"))).toBe("FS_QUOTA");
  expect(kit.use()).toMatchObject({ usedBytes: 5, usedInodes: 3 });
});

test("FS_NAME_INVALID and FS_NAME_TOO_LONG: names that are none", () => {
  const kit = TreeKit.withPin();
  expect(refusal(kit, () => kit.mkdir("../a"))).toBe("FS_NAME_INVALID");
  expect(refusal(kit, () => kit.mkdir(""))).toBe("FS_NAME_INVALID");
  expect(refusal(kit, () => kit.mkdir("a".repeat(256)))).toBe("FS_NAME_TOO_LONG");
  const symlink = { kind: "fs-symlink", place: at("s"), target: "" } as const;
  expect(refusal(kit, () => kit.run(symlink))).toBe("FS_NAME_INVALID");
});

test("FS_LOOP: a folder does not come into itself, however deep", () => {
  const kit = new TreeKit();
  kit.mkdir("a/b/c", true);
  expect(refusal(kit, () => kit.rename("a", "a/b/c/d"))).toBe("FS_LOOP");
  expect(refusal(kit, () => kit.rename("a", "a/d"))).toBe("FS_LOOP");
  expect(refusal(kit, () => kit.rename("a", "a/x/y", { parents: true }))).toBe("FS_LOOP");
});

test("a folder is not moved to where it lies too deep to tell whether that is inside of it", () => {
  const kit = new TreeKit();
  let from = ROOT_INODE;
  for (let depth = 0; depth < 1024; depth += 1) {
    const made = kit.run({ kind: "fs-mkdir", place: at("d", from), mode: 0o755, parents: false });
    if (made.kind === "inode") from = made.inode;
  }
  kit.mkdir("e");
  const moves = [{ from: at("e"), to: at("x", from), keep: undefined }];
  const rename = { kind: "fs-rename", moves, over: "posix", parents: false } as const;
  expect(refusal(kit, () => kit.run(rename))).toBe("FS_NAME_TOO_LONG");
});

test("FS_TOO_MANY_LINKS: a file has no more names than its row can count", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 1)]);
  const { inode, row } = kit.find("a");
  if (row.kind !== "fs-file") throw new Error("it is a file");
  kit.rows.set(treeKeys.inode(inode), { ...row, links: LINKS_MAX });
  const link = { kind: "fs-link", from: at("a"), to: at("b") } as const;
  expect(refusal(kit, () => kit.run(link))).toBe("FS_TOO_MANY_LINKS");
});

test("attributes are set, replaced and removed by name, and have a bound together", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 1)]);
  const value = new Uint8Array([1, 2]);
  const set = (
    name: string,
    more: { value?: Uint8Array | undefined; over?: "absent" | "present" },
  ) => kit.run({ kind: "fs-attribute", place: at("a"), name, value, over: "any", ...more });
  expect(codeOf(set("user.b", {}))).toBe("inode");
  expect(codeOf(set("user.a", { over: "absent" }))).toBe("inode");
  expect(kit.find("a").row.attributes.map(({ name }) => name)).toEqual(["user.a", "user.b"]);
  expect(refusal(kit, () => set("user.a", { over: "absent" }))).toBe("FS_EXISTS");
  expect(refusal(kit, () => set("user.c", { over: "present" }))).toBe("FS_ATTRIBUTE_UNKNOWN");
  expect(refusal(kit, () => set("user.c", { value: undefined }))).toBe("FS_ATTRIBUTE_UNKNOWN");
  expect(refusal(kit, () => set("user.c", { value: new Uint8Array(4090) }))).toBe(
    "FS_ATTRIBUTES_FULL",
  );
  expect(codeOf(set("user.a", { value: undefined }))).toBe("inode");
  expect(kit.find("a").row.attributes).toEqual([{ name: "user.b", value }]);
});

test("mode and time of any inode are set, each by itself", () => {
  const kit = new TreeKit();
  kit.mkdir("d");
  const set = (mode: number | undefined, mtimeMicros: number | undefined): void => {
    kit.run({ kind: "fs-attributes", place: at("d"), expect: { kind: "any" }, mode, mtimeMicros });
  };
  set(0o700, undefined);
  set(undefined, -5);
  expect(kit.find("d").row).toMatchObject({ mode: 0o700, mtimeMicros: -5 });
});

test("a folder has a link for each folder in it, and its time is that of its last change", () => {
  const kit = TreeKit.withPin();
  kit.mkdir("d");
  kit.stampMs += 5;
  kit.mkdir("d/e");
  kit.commit([file("d/f", 1)]);
  const { row } = kit.find("d");
  expect([linksOf(row), row.mtimeMicros]).toEqual([3, kit.stampMs * 1000]);
  kit.rename("d/e", "e");
  expect(linksOf(kit.find("d").row)).toBe(2);
  kit.checkCounts();
});

test("mkdir with parents makes what is missing and is content with what is there", () => {
  const kit = new TreeKit();
  expect(codeOf(kit.mkdir("a/b/c", true))).toBe("inode");
  const again = kit.mkdir("a/b/c", true);
  expect(again).toMatchObject({ kind: "inode", inode: kit.find("a/b/c").inode });
  expect(kit.mkdir("", true)).toMatchObject({ inode: ROOT_INODE });
  kit.checkCounts();
});

test("rename replaces a file, whose blocks are freed, and leaves one that is renamed to itself", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 1), file("b", 2)]);
  kit.run({ kind: "fs-link", from: at("b"), to: at("c") });
  const { inode } = kit.find("b");
  kit.rename("b", "c");
  expect([...kit.paths().keys()]).toEqual(["a", "b", "c"]);
  kit.rename("b", "a");
  expect(kit.find("a").inode).toBe(inode);
  expect(namedBlocks(kit.view, [block(1).cid, block(2).cid])).toEqual([block(2).cid]);
  kit.checkCounts();
});

test("a renamed folder keeps all that lies under it, and may replace an empty one", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("d/e/f", 1)], { parents: true });
  kit.mkdir("x");
  expect(codeOf(kit.rename("d", "x"))).toBe("inode");
  expect([...kit.paths().keys()]).toEqual(["x", "x/e", "x/e/f"]);
  kit.checkCounts();
});

test("publishing moves several out of a workspace at once, over folders that are there", () => {
  const kit = TreeKit.withPin();
  const work = ".requests/flow-7-1";
  kit.commit([file(`${work}/out/a`, 1), file(`${work}/log`, 2), file("out/old", 3)], {
    parents: true,
  });
  const move = (from: string, to: string) => ({
    from: at(`${work}/${from}`),
    to: at(to),
    keep: undefined,
  });
  const moves = [move("out", "out"), move("log", "logs/1")];
  const publish = { kind: "fs-rename", moves, over: "tree", parents: true } as const;
  const wrong = { ...publish, moves: [...moves, move("none", "none")] };
  expect(refusal(kit, () => kit.run(wrong))).toBe("FS_NOT_FOUND");
  expect(codeOf(kit.run(publish))).toBe("inode");
  expect([...kit.paths().keys()]).toEqual([".requests", work, "logs", "logs/1", "out", "out/a"]);
  kit.sweep();
  expect(namedBlocks(kit.view, [block(3).cid])).toEqual([]);
  kit.checkCounts();
});

test("a folder that replaces the one that it lies in leaves the rest of it to the sweep", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a/b/x", 1), file("a/y", 2)], { parents: true });
  expect(codeOf(kit.rename("a/b", "a", { over: "tree" }))).toBe("inode");
  kit.sweep();
  expect([...kit.paths().keys()]).toEqual(["a", "a/x"]);
  kit.checkCounts();
});

test("a removed tree is unseen at once, takes no names, and goes in bounded steps with all it counted", () => {
  const kit = TreeKit.withPin();
  const files = Array.from({ length: 30 }, (_, number) =>
    file(`t/${number % 5}/${number}`, number),
  );
  kit.commit([...files, file("keep", 3)], { parents: true });
  kit.run({ kind: "fs-link", from: at("t/1/1"), to: at("one") });
  const tree = kit.find("t").inode;
  expect(codeOf(kit.run({ kind: "fs-remove", place: at("t") }))).toBe("inode");
  expect([...kit.paths().keys()]).toEqual(["keep", "one"]);
  expect(refusal(kit, () => kit.commit([{ ...file("", 1), place: at("x", tree) }]))).toBe(
    "FS_NOT_FOUND",
  );
  expect(kit.sweep(4)).toBeGreaterThan(8);
  expect(kit.use()).toMatchObject({ usedBytes: 4 + 2, usedInodes: 2 });
  kit.checkCounts();
  expect(kit.scan("F").length).toBe(10);
});

test("a sweep touches nothing that was not removed", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("d/a", 1)], { parents: true });
  const before = state(kit);
  kit.run({ kind: "fs-sweep", directory: kit.find("d").inode, names: ["a"] });
  kit.run({ kind: "fs-sweep-content", content: 1 });
  expect(state(kit)).toEqual(before);
});

test("a change says which inodes and names it is about, and a removed tree that there is something to sweep", () => {
  const kit = TreeKit.withPin();
  const made = kit.said(() => kit.commit([file("d/a", 1)], { parents: true }));
  const [folder, inode] = [kit.find("d").inode, kit.find("d/a").inode];
  expect(made).toEqual([
    {
      kind: "tree-changed",
      revision: kit.find("d/a").row.revision,
      inodes: [ROOT_INODE, folder],
      entries: [
        { parent: ROOT_INODE, name: "d" },
        { parent: folder, name: "a" },
      ],
    },
  ]);
  const changed = kit.said(() => kit.commit([file("d/a", 2)]));
  expect(changed).toMatchObject([{ inodes: [inode], entries: [] }]);
  const removed = kit.said(() => kit.run({ kind: "fs-remove", place: at("d") }));
  expect(removed.map(({ kind }) => kind)).toEqual(["tree-changed", "tree-sweep"]);
});

test("a replaced content is kept as a file of its own where that is said, with its mode and time", () => {
  const kit = TreeKit.withPin();
  kit.commit([{ ...file("a", 1), mode: 0o600, mtimeMicros: 5 }]);
  const keep = at(".versions/a/1");
  const { inode } = kit.find("a");
  expect(codeOf(kit.commit([{ ...file("a", 2), keep }]))).toBe("inode");
  expect(kit.find("a")).toMatchObject({ inode, row: { content: inline(2) } });
  expect(kit.find(".versions/a/1").row).toMatchObject({
    content: inline(1),
    mode: 0o600,
    mtimeMicros: 5,
    links: 1,
  });
  expect(refusal(kit, () => kit.commit([{ ...file("a", 3), keep }]))).toBe("FS_EXISTS");
  kit.checkCounts();
});

test("what a rename replaces goes where that is said, a folder with all that lies under it, but not into itself", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("old/a", 1), file("new/b", 2)], { parents: true });
  const move = (keep: string, from?: number) => ({
    kind: "fs-rename" as const,
    moves: [{ from: at("new"), to: at("old"), keep: at(keep, from) }],
    over: "tree" as const,
    parents: false,
  });
  const { inode } = kit.find("old");
  expect(refusal(kit, () => kit.run(move("x", inode)))).toBe("FS_LOOP");
  expect(codeOf(kit.run(move("kept/1")))).toBe("inode");
  expect([...kit.paths().keys()]).toEqual(["kept", "kept/1", "kept/1/a", "old", "old/b"]);
  expect(kit.sweep()).toBe(0);
  expect(refusal(kit, () => kit.rename("kept", "kept/1/x"))).toBe("FS_LOOP");
  kit.checkCounts();
});

test("COMMAND_TOO_LARGE: more blocks, or more names in paths, than one command may have", () => {
  const kit = TreeKit.withPin();
  const many = (count: number, make: (number: number) => ReturnType<typeof file>) =>
    Array.from({ length: count }, (_, number) => make(number));
  const blocks = (number: number) => Array.from({ length: 16 }, (_, nth) => number * 16 + nth);
  const full = many(193, (number) => file(`${number}`, ...blocks(number)));
  expect(refusal(kit, () => kit.commit(full))).toBe("COMMAND_TOO_LARGE");
  expect(codeOf(kit.commit(full.slice(0, 192)))).toBe("inode");
  const deep = many(25, (number) => file(`${number}${"/d".repeat(127)}`));
  expect(refusal(kit, () => kit.commit(deep, { parents: true }))).toBe("COMMAND_TOO_LARGE");
  kit.checkCounts();
});
