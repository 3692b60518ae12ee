/**
 * The id of a directory, without holding its nodes: entries are kept as bytes, and of a large one the nodes of one
 * branch of the first are made, and let go, after the other.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { CID_BYTES } from "./content-id.ts";
import {
  branchLink,
  DIRECTORY_ENTRIES_MAX,
  type DirectoryEntry,
  directoryTree,
  FLAT_NODE_BYTES_MAX,
  spreadNode,
} from "./directory.ts";
import { treeTooLarge } from "./errors.ts";
import { nameBytes } from "./name.ts";
import { nameHash } from "./name-hash.ts";
import { type Link, type NamedLink, SHARD_FANOUT } from "./node.ts";
import { PackedEntries } from "./packed-entries.ts";

const BRANCHES = Array.from({ length: SHARD_FANOUT }, (_, first) => first);

/**
 * As `directoryTree`, but for what comes of it. Others have the thread between two branches.
 * @throws {JobxError} as `directoryTree`, and what `entries` throws.
 */
export async function directoryLink(entries: AsyncIterable<DirectoryEntry>): Promise<Link> {
  const packed = new PackedEntries();
  let bytesLeast = 0;
  for await (const { name, link } of entries) {
    if (packed.count === DIRECTORY_ENTRIES_MAX) {
      throw treeTooLarge("entries in a directory", DIRECTORY_ENTRIES_MAX);
    }
    const bytes = nameBytes(name);
    bytesLeast += CID_BYTES + bytes.length;
    packed.add({ bytes, hash: nameHash(bytes), link });
  }
  // That many are few, whether or not they are one node.
  if (bytesLeast <= FLAT_NODE_BYTES_MAX) {
    return linkOf(directoryTree(BRANCHES.flatMap((first) => packed.branch(first))).node);
  }
  const links: NamedLink[] = [];
  for (const first of BRANCHES) {
    const branch = packed.branch(first);
    if (branch.length > 0) links.push(branchLink(branch));
    await nextTurn();
  }
  return linkOf(spreadNode(links));
}

function linkOf({ id, treeBytes }: Link): Link {
  return { id, treeBytes };
}
