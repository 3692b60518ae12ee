import fc from "fast-check";
import { expect, test } from "vitest";
import { chunkFor, imported } from "../../../test/lib/content-kit.ts";
import { formatContentId } from "./content-id.ts";
import {
  type DirectoryEntry,
  type DirectoryTree,
  directoryTree,
  directoryTreeBeside,
} from "./directory.ts";
import { fileTree } from "./file-tree.ts";
import { targetBytes } from "./name.ts";
import { nameHash } from "./name-hash.ts";
import { symlinkNode } from "./node.ts";

const content = (name: string): Uint8Array => new TextEncoder().encode(`content of ${name}`);

function entryOf(name: string): DirectoryEntry {
  return { name, link: fileTree([chunkFor(content(name))]).root };
}

/** The importer's id of a directory of small files with these names. */
async function want(names: readonly string[]): Promise<{ root: string; treeBytes: number }> {
  const files = names.map((name) => ({ path: `dir/${name}`, content: [content(name)] }));
  const { root, treeBytes } = await imported(
    files.length > 0 ? files : [{ path: "dir" }],
    files.length > 0 ? { wrapWithDirectory: false } : {},
  );
  return { root, treeBytes };
}

function got(names: readonly string[]): { root: string; treeBytes: number } {
  const { node } = directoryTree(names.map(entryOf));
  return { root: formatContentId(node.id), treeBytes: node.treeBytes };
}

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, at) => `file-${at}.txt`);

/** Nodes from here down, and how deep they go. */
function shapeOf(tree: DirectoryTree): { nodes: number; depth: number } {
  const below = tree.children.flatMap((child) =>
    child.kind === "shard" ? [shapeOf(child.tree)] : [],
  );
  return {
    nodes: 1 + below.reduce((sum, { nodes }) => sum + nodes, 0),
    depth: 1 + Math.max(0, ...below.map(({ depth }) => depth)),
  };
}

test.each([0, 2, 10, 10_000])(
  "the id of a directory of %i files is the importer's",
  async (count) => {
    const names = numbered(count);
    expect(got(names)).toEqual(await want(names));
  },
);

test("a directory is spread where the importer does it, and not one entry before", async () => {
  const names = numbered(6000);
  let flat = 0;
  for (let step = 4096; step > 0; step >>= 1) {
    const tree = directoryTree(names.slice(0, flat + step).map(entryOf));
    if (tree.children.every(({ kind }) => kind === "entry")) flat += step;
  }
  expect(flat).toBeGreaterThan(4000);
  expect(flat).toBeLessThan(5999);
  for (const count of [flat, flat + 1]) {
    const some = names.slice(0, count);
    expect(got(some)).toEqual(await want(some));
  }
});

test("a spread directory has several levels, and every entry once", () => {
  const names = numbered(10_000);
  const tree = directoryTree(names.map(entryOf));
  expect(shapeOf(tree).depth).toBeGreaterThanOrEqual(3);
  const entriesOf = (node: DirectoryTree): readonly string[] =>
    node.children.flatMap((child) =>
      child.kind === "entry" ? [child.name] : entriesOf(child.tree),
    );
  expect([...entriesOf(tree)].sort()).toEqual([...names].sort());
});

test("names of any characters are sorted as the importer sorts them, in whatever order they come", async () => {
  const names = ["z", "Z", "\u{1f600}", "\uffee", "ä", "a b", "\ufeffx", "-", "a", "ab", "%2F"];
  expect(got(names)).toEqual(await want(names));
  const property = fc.property(fc.shuffledSubarray(names, { minLength: names.length }), (order) => {
    expect(got(order)).toEqual(got(names));
  });
  fc.assert(property, { numRuns: 20 });
});

test("the id of a directory with directories and a symlink in it is the importer's", async () => {
  const inner = directoryTree([entryOf("file")]).node;
  const link = symlinkNode(targetBytes("inner/file"));
  const tree = directoryTree([
    { name: "inner", link: inner },
    { name: "link", link },
    entryOf("file"),
  ]);
  const wanted = await imported([
    { path: "dir/inner/file", content: [content("file")] },
    { path: "dir/link", link: "inner/file" },
    { path: "dir/file", content: [content("file")] },
  ]);
  expect(formatContentId(tree.node.id)).toBe(wanted.root);
  expect(tree.node.treeBytes).toBe(wanted.treeBytes);
});

test("names that no directory may have are refused, and so are names that are there twice", () => {
  const refused = ["", ".", "..", "a/b", "/", "a\0", "\ud800", "n".repeat(256), "ä".repeat(128)];
  for (const name of refused) {
    const error: unknown = expect.objectContaining({ code: "FS_NAME_REFUSED" });
    expect(() => directoryTree([{ ...entryOf("a"), name }]), name).toThrow(error);
  }
  expect(() => directoryTree(["a", "b", "a"].map(entryOf))).toThrow("there twice");
  const allowed = ["...", ".a", "a\\b", "n".repeat(255), "\ufffd"];
  expect(directoryTree(allowed.map(entryOf)).children.length).toBe(allowed.length);
});

test("targets that no symlink may have are refused", () => {
  const error: unknown = expect.objectContaining({ code: "FS_SYMLINK_REFUSED" });
  for (const target of ["", "a\0b", "\ud800", "t".repeat(4096)]) {
    expect(() => targetBytes(target)).toThrow(error);
  }
  expect(targetBytes("../../etc/passwd").length).toBe(16);
});

test("names of a large directory that have the same hash are refused, and named", () => {
  const names = numbered(6000);
  const entries = names.map(entryOf);
  /** The second name has the first one's hash, but for so many bytes at its end. */
  const almost = (first: string, second: string, bytes: number) => (name: Uint8Array) => {
    const hash = nameHash(name);
    if (new TextDecoder().decode(name) !== second) return hash;
    const other = nameHash(new TextEncoder().encode(first));
    return Uint8Array.from(other, (byte, at) => (at < 8 - bytes ? byte : byte ^ 1));
  };
  const details = { code: "FS_NAMES_COLLIDE", names: ["file-1.txt", "file-3.txt"] };
  const error: unknown = expect.objectContaining({ details });
  expect(() => directoryTree(entries, almost("file-1.txt", "file-3.txt", 0))).toThrow(error);
  const deep = directoryTree(entries, almost("file-1.txt", "file-3.txt", 1));
  expect(shapeOf(deep).depth).toBe(8);
  // As long as the directory is one node, nobody asks for hashes.
  expect(
    directoryTree(entries.slice(0, 5), almost("file-1.txt", "file-3.txt", 0)).children.length,
  ).toBe(5);
});

test("a large directory is the same where others have the thread in between, and they do", async () => {
  const entries = Array.from({ length: 20_000 }, (_, at) => entryOf(`name ${at}`));
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  const tree = await directoryTreeBeside(entries);
  clearInterval(timer);
  expect(tree).toEqual(directoryTree(entries));
  expect(turns).toBeGreaterThan(5);
  expect(await directoryTreeBeside([entryOf("a")])).toEqual(directoryTree([entryOf("a")]));
  await expect(directoryTreeBeside([entryOf("a"), entryOf("a")])).rejects.toThrow("there twice");
});
