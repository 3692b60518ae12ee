/**
 * Directories as nodes: one node as long as it is at most 256 KiB, else spread over nodes by the hash
 * of the names (a HAMT), as the IPFS importer does with the profile "unixfs-v1-2025".
 *
 * One directory is held whole while its nodes are made: an entry's name, hash and link, and the
 * nodes themselves. What it contains is not: entries are links.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { assert } from "../../std/assert.ts";
import { compareBytes, toHex } from "../../std/bytes.ts";
import { CID_BYTES } from "./content-id.ts";
import { ContentError, treeTooLarge } from "./errors.ts";
import { nameBytes } from "./name.ts";
import { LABEL_LENGTH, NAME_HASH_BYTES, nameHash } from "./name-hash.ts";
import {
  directoryNode,
  type Link,
  type NamedLink,
  type NodeBlock,
  SHARD_FANOUT,
  shardNode,
} from "./node.ts";

/** Bytes of a directory's one node above which it is spread over several. */
export const FLAT_NODE_BYTES_MAX = 256 * 1024;

/** Entries of one directory: about 1 GB while all its nodes are made, and some 80 bytes each beside the names for its id. */
export const DIRECTORY_ENTRIES_MAX = 1_000_000;

/** What a directory has under a name. */
export interface DirectoryEntry {
  readonly name: string;
  readonly link: Link;
}

/** An entry with the hash of its name. */
export interface HashedEntry extends DirectoryEntry {
  readonly hash: Uint8Array;
}

/** A node of a directory, with what its links lead to, in their order. */
export interface DirectoryTree {
  readonly node: NodeBlock;
  readonly children: readonly DirectoryChild[];
}

/** Another node of the same directory, or an entry. */
export type DirectoryChild =
  | { readonly kind: "shard"; readonly tree: DirectoryTree }
  | { readonly kind: "entry"; readonly name: string };

/** Entries of one step; directories of fewer are made in one. */
const STEP_ENTRIES = 4096;

interface Hashed extends DirectoryEntry {
  /** Two characters for each level: the branch there, as in its label. */
  readonly way: string;
}

/**
 * The nodes of a directory with these entries, which may come in any order. The same entries make
 * the same nodes. `hashOf` is another hash only where names that collide are to be tried out.
 * @throws {JobxError} `FS_NAME_REFUSED` for names that may not be, or are there twice;
 * `FS_TREE_TOO_LARGE` for more than `DIRECTORY_ENTRIES_MAX`; `FS_NAMES_COLLIDE`.
 */
export function directoryTree(
  entries: Iterable<DirectoryEntry>,
  hashOf: (name: Uint8Array) => Uint8Array = nameHash,
): DirectoryTree {
  const steps = treeInSteps(entries, hashOf);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** The same, which lets others have the thread now and then: a million entries take seconds. @throws as `directoryTree`. */
export async function directoryTreeBeside(
  entries: Iterable<DirectoryEntry>,
): Promise<DirectoryTree> {
  const steps = treeInSteps(entries, nameHash);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await nextTurn();
  }
}

/** Each step is of some thousand entries. */
function* treeInSteps(
  entries: Iterable<DirectoryEntry>,
  hashOf: (name: Uint8Array) => Uint8Array,
): Generator<void, DirectoryTree, void> {
  // By their first branch, so that no step sorts all of them.
  const branches: Hashed[][] = Array.from({ length: SHARD_FANOUT }, () => []);
  let count = 0;
  let bytesLeast = 0;
  for (const { name, link } of entries) {
    if (count === DIRECTORY_ENTRIES_MAX) {
      throw treeTooLarge("entries in a directory", DIRECTORY_ENTRIES_MAX);
    }
    const bytes = nameBytes(name);
    bytesLeast += CID_BYTES + bytes.length;
    const hash = hashOf(bytes);
    branches[hash[0] ?? 0]?.push({ name, link, way: wayOf(hash) });
    count += 1;
    if (count % STEP_ENTRIES === 0) yield;
  }
  const isLarge = count >= STEP_ENTRIES;
  for (const branch of branches) {
    branch.sort(byWay);
    if (isLarge) yield;
  }
  const hashed = branches.flat();
  checkOnce(hashed);
  const flat = bytesLeast <= FLAT_NODE_BYTES_MAX ? flatTree(hashed) : undefined;
  return flat ?? (yield* shard(hashed, { from: 0, to: hashed.length, depth: 0 }));
}

/** The directory as one node; nothing when that would be too large. */
function flatTree(entries: readonly DirectoryEntry[]): DirectoryTree | undefined {
  const sorted = entries
    .map((entry) => ({ ...entry, bytes: nameBytes(entry.name) }))
    .sort((left, right) => compareBytes(left.bytes, right.bytes));
  const node = directoryNode(sorted.map(({ name, link }) => ({ ...link, name })));
  if (node.data.length > FLAT_NODE_BYTES_MAX) return undefined;
  return { node, children: sorted.map(asEntry) };
}

/** Entries next to each other whose ways are the same down to a depth. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

/** A node with a branch for each label that there is at its depth; each branch of the first is a step. */
function* shard(
  entries: readonly Hashed[],
  { from, to, depth }: Range,
): Generator<void, DirectoryTree, void> {
  const links: NamedLink[] = [];
  const children: DirectoryChild[] = [];
  for (let start = from, end = from; start < to; start = end) {
    const label = labelOf(entries[start], depth);
    while (end < to && labelOf(entries[end], depth) === label) end++;
    const { link, child } = yield* branch(entries, { from: start, to: end, depth });
    links.push(link);
    children.push(child);
    if (depth === 0 && entries.length >= STEP_ENTRIES) yield;
  }
  return { node: spreadNode(links), children };
}

/** What a node has under the label of these entries. */
function* branch(
  entries: readonly Hashed[],
  { from, to, depth }: Range,
): Generator<void, { readonly link: NamedLink; readonly child: DirectoryChild }, void> {
  const [first, second] = [entries[from], entries[from + 1]];
  assert(first !== undefined, "a branch has an entry");
  const label = labelOf(first, depth);
  if (to === from + 1 || second === undefined) {
    return { link: { ...first.link, name: label + first.name }, child: asEntry(first) };
  }
  if (depth + 1 === NAME_HASH_BYTES) throw collide(first.name, second.name);
  const tree = yield* shard(entries, { from, to, depth: depth + 1 });
  const { id, treeBytes } = tree.node;
  return { link: { id, treeBytes, name: label }, child: { kind: "shard", tree } };
}

/**
 * The link to all entries whose hash begins with the same byte, as the first node of a spread directory has it.
 * @throws as `directoryTree`.
 */
export function branchLink(entries: readonly HashedEntry[]): NamedLink {
  const hashed = entries.map(({ name, link, hash }) => ({ name, link, way: wayOf(hash) }));
  hashed.sort(byWay);
  checkOnce(hashed);
  const steps = branch(hashed, { from: 0, to: hashed.length, depth: 0 });
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value.link;
  }
}

/** A node of a spread directory; the labels of its links, which are in their order, say which branches there are. */
export function spreadNode(links: readonly NamedLink[]): NodeBlock {
  const bits = new Uint8Array(SHARD_FANOUT / 8);
  for (const { name } of links) setBit(bits, Number.parseInt(name.slice(0, LABEL_LENGTH), 16));
  // Without zero bytes before it, as a large number is written.
  return shardNode(links, bits.subarray(bits.findIndex((byte) => byte !== 0)));
}

/** The branch of an entry at a depth. */
function labelOf(entry: Hashed | undefined, depth: number): string {
  return entry?.way.slice(LABEL_LENGTH * depth, LABEL_LENGTH * (depth + 1)) ?? "";
}

/** Marks a branch; the last one is the highest bit of the first byte. */
function setBit(bits: Uint8Array, branch: number): void {
  const at = bits.length - 1 - (branch >> 3);
  bits[at] = (bits[at] ?? 0) | (1 << (branch & 7));
}

function wayOf(hash: Uint8Array): string {
  return toHex(hash).toUpperCase();
}

/** Names that are the same lie beside each other. */
function byWay(left: Hashed, right: Hashed): number {
  if (left.way !== right.way) return left.way < right.way ? -1 : 1;
  if (left.name === right.name) return 0;
  return left.name < right.name ? -1 : 1;
}

/** Entries are in the order of their ways. @throws {ContentError} */
function checkOnce(entries: readonly Hashed[]): void {
  const twice = entries.find(({ name }, at) => name === entries[at + 1]?.name);
  if (twice !== undefined) throw nameTwice(twice.name);
}

function asEntry({ name }: DirectoryEntry): DirectoryChild {
  return { kind: "entry", name };
}

function nameTwice(name: string): ContentError {
  const details = { code: "FS_NAME_REFUSED", name, reason: "is there twice" } as const;
  return new ContentError(details, "a name is there twice");
}

function collide(first: string, second: string): ContentError {
  const details = { code: "FS_NAMES_COLLIDE", names: [first, second] } as const;
  return new ContentError(details, "two names have the same hash");
}
