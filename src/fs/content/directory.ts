/**
 * Directories as nodes: one node as long as it is at most 256 KiB, else spread over nodes by the hash
 * of the names (a HAMT), as the IPFS importer does with the profile "unixfs-v1-2025".
 *
 * One directory is held whole while its nodes are made: an entry's name, hash and link, and the
 * nodes themselves, some 400 bytes for each entry. What it contains is not: entries are links.
 */
import { compareBytes } from "../../std/bytes.ts";
import { ContentError, treeTooLarge } from "./errors.ts";
import { nameBytes } from "./name.ts";
import { branchLabel, NAME_HASH_BYTES, nameHash } from "./name-hash.ts";
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

/** Entries of one directory: some 400 MB while its nodes are made. */
export const DIRECTORY_ENTRIES_MAX = 1_000_000;

/** What a directory has under a name. */
export interface DirectoryEntry {
  readonly name: string;
  readonly link: Link;
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

interface Prepared {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly link: Link;
}

interface Hashed extends Prepared {
  readonly hash: Uint8Array;
}

/**
 * The nodes of a directory with these entries, which may come in any order. The same entries make
 * the same nodes.
 * @throws {JobxError} `FS_NAME_REFUSED` for names that may not be, or are there twice;
 * `FS_TREE_TOO_LARGE` for more than `DIRECTORY_ENTRIES_MAX`; `FS_NAMES_COLLIDE`.
 */
export function directoryTree(entries: Iterable<DirectoryEntry>): DirectoryTree {
  const prepared: Prepared[] = [];
  for (const { name, link } of entries) {
    if (prepared.length === DIRECTORY_ENTRIES_MAX) {
      throw treeTooLarge("entries in a directory", DIRECTORY_ENTRIES_MAX);
    }
    prepared.push({ name, bytes: nameBytes(name), link });
  }
  prepared.sort((left, right) => compareBytes(left.bytes, right.bytes));
  checkTwice(prepared);
  if (canBeFlat(prepared)) {
    const node = directoryNode(prepared.map(({ name, link }) => ({ ...link, name })));
    if (node.data.length <= FLAT_NODE_BYTES_MAX) return { node, children: prepared.map(asEntry) };
  }
  return shard(
    prepared.map((entry) => ({ ...entry, hash: nameHash(entry.bytes) })),
    0,
  );
}

/** Whether it is worth making the one node: a link has at least an id and a name. */
function canBeFlat(entries: readonly Prepared[]): boolean {
  const least = entries.reduce((sum, { bytes }) => sum + 36 + bytes.length, 0);
  return least <= FLAT_NODE_BYTES_MAX;
}

function checkTwice(sorted: readonly Prepared[]): void {
  const twice = sorted.find(({ name }, at) => name === sorted[at + 1]?.name);
  if (twice === undefined) return;
  const details = { code: "FS_NAME_REFUSED", name: twice.name, reason: "is there twice" } as const;
  throw new ContentError(details, "a name is there twice");
}

/** A node with a branch for each value of byte `depth` of the hashes that there is. */
function shard(entries: readonly Hashed[], depth: number): DirectoryTree {
  const branches = Array.from({ length: SHARD_FANOUT }, (): Hashed[] => []);
  for (const entry of entries) branches[entry.hash[depth] ?? 0]?.push(entry);
  const links: NamedLink[] = [];
  const children: DirectoryChild[] = [];
  branches.forEach((branch, index) => {
    const [first, second] = branch;
    if (first === undefined) return;
    const label = branchLabel(index);
    if (second === undefined) {
      links.push({ ...first.link, name: label + first.name });
      children.push(asEntry(first));
      return;
    }
    if (depth + 1 === NAME_HASH_BYTES) throw collide(first.name, second.name);
    const tree = shard(branch, depth + 1);
    links.push({ id: tree.node.id, treeBytes: tree.node.treeBytes, name: label });
    children.push({ kind: "shard", tree });
  });
  return { node: shardNode(links, branchBits(branches)), children };
}

/** One bit for each branch that there is, the last branch first, without zero bytes before it. */
function branchBits(branches: readonly (readonly Hashed[])[]): Uint8Array {
  const bits = new Uint8Array(SHARD_FANOUT / 8);
  branches.forEach((branch, index) => {
    const at = bits.length - 1 - (index >> 3);
    if (branch.length > 0) bits[at] = (bits[at] ?? 0) | (1 << (index & 7));
  });
  return bits.subarray(bits.findIndex((byte) => byte !== 0));
}

function asEntry({ name }: Prepared): DirectoryChild {
  return { kind: "entry", name };
}

function collide(first: string, second: string): ContentError {
  const details = { code: "FS_NAMES_COLLIDE", names: [first, second] } as const;
  return new ContentError(details, "two names have the same hash");
}
