/**
 * Nodes of trees as blocks: UnixFS in dag-pb. Made with the parameters of the profile
 * "unixfs-v1-2025" (IPIP-499): ids of version 1, raw leaves, no modes or times. One encoding only: a
 * block that would not be written like this again is refused, since reading may have changed its names.
 */
import { hash } from "node:crypto";
import { decode, encode, type PBLink } from "@ipld/dag-pb";
import { UnixFS, type UnixFSOptions } from "ipfs-unixfs";
import { equalBytes } from "../../std/bytes.ts";
import type { Cid } from "../../wire/dataset.ts";
import { type ContentId, type LinkTarget, readLink, toCid } from "./content-id.ts";
import { ContentError, nodeMalformed } from "./errors.ts";

/** A way to a block, and how much lies there. */
export interface Link {
  readonly id: ContentId;
  /** Bytes of all blocks from there on, each as often as it is named. */
  readonly treeBytes: number;
}

/** A link of a directory's node. */
export interface NamedLink extends Link {
  readonly name: string;
}

/** A link of a file's node. */
export interface FileLink extends Link {
  /** Bytes of the file's content that lie there. */
  readonly contentBytes: number;
}

/** A node's block. */
export interface NodeBlock extends Link {
  readonly data: Uint8Array;
}

/** A link that was read, whoever wrote it. */
export interface ReadLink {
  readonly target: LinkTarget;
  readonly name: string;
}

/** A node that was read. */
export type ReadNode =
  | {
      readonly kind: "file";
      /** Bytes of the whole content from here on. */
      readonly bytes: number;
      /** Content that is in the node itself, before that of its links; foreign trees have it. */
      readonly data: Uint8Array;
      /** Bytes of content behind each link, in the order of links. */
      readonly parts: readonly { readonly target: LinkTarget; readonly bytes: number }[];
    }
  | { readonly kind: "directory"; readonly links: readonly ReadLink[] }
  /** A part of a directory that is spread over many nodes by the hash of its names. */
  | { readonly kind: "shard"; readonly links: readonly ReadLink[] }
  | { readonly kind: "symlink"; readonly target: Uint8Array };

/** Branches of a node of a spread directory: one byte of the hash chooses. */
export const SHARD_FANOUT = 256;

/** murmur3-x64-64 in the table of multicodecs. */
const SHARD_HASH = 0x22n;

const NOTHING = new Uint8Array(0);

/** A node of a file: its links hold the content, one after the other. */
export function fileNode(links: readonly FileLink[]): NodeBlock {
  const blockSizes = links.map((link) => BigInt(link.contentBytes));
  const named = links.map((link) => ({ ...link, name: "" }));
  return nodeBlock({ type: "file", blockSizes }, named);
}

/** A directory in one node. The links are in the order of their names' bytes. */
export function directoryNode(links: readonly NamedLink[]): NodeBlock {
  return nodeBlock({ type: "directory" }, links);
}

/** A node of a spread directory; `bits` has one bit for each branch that there is, big endian. */
export function shardNode(links: readonly NamedLink[], bits: Uint8Array): NodeBlock {
  const fanout = BigInt(SHARD_FANOUT);
  const type = "hamt-sharded-directory";
  return nodeBlock({ type, data: bits, fanout, hashType: SHARD_HASH }, links);
}

/** A symlink; the target was checked. */
export function symlinkNode(target: Uint8Array): NodeBlock {
  return nodeBlock({ type: "symlink", data: target }, []);
}

function nodeBlock(unixfs: UnixFSOptions, links: readonly NamedLink[]): NodeBlock {
  const pbLinks = links.map(({ id, name, treeBytes }) => {
    return { Hash: toCid(id), Name: name, Tsize: treeBytes };
  });
  const data = encode({ Data: new UnixFS(unixfs).marshal(), Links: pbLinks });
  const below = links.reduce((sum, link) => sum + link.treeBytes, 0);
  const id: ContentId = { codec: "dag-pb", block: hash("sha256", data, "hex") };
  return { id, treeBytes: data.length + below, data };
}

/**
 * Reads a node; `cid` is for the error only: whoever calls has checked the hash.
 * @throws {JobxError} `FS_NODE_MALFORMED` for what is no UnixFS node in canonical dag-pb, for sizes
 * that do not add up, and for kinds that no tree has; `FS_CAR_UNSUPPORTED` for directories that are
 * spread in another way.
 */
export function readNode(cid: Cid, block: Uint8Array): ReadNode {
  const { unixfs, links } = decodeNode(cid, block);
  switch (unixfs.type) {
    case "file":
    case "raw":
      return readFile(cid, unixfs, links);
    case "directory":
      return { kind: "directory", links };
    case "hamt-sharded-directory":
      return readShard(unixfs, links);
    case "symlink":
      if (links.length > 0) throw nodeMalformed(cid, "a symlink with links");
      return { kind: "symlink", target: unixfs.data ?? NOTHING };
    default:
      throw nodeMalformed(cid, `the kind ${unixfs.type}`);
  }
}

interface Decoded {
  readonly unixfs: UnixFS;
  readonly links: readonly ReadLink[];
}

function decodeNode(cid: Cid, block: Uint8Array): Decoded {
  try {
    const node = decode(block);
    const fieldOrder = block[0] === DATA_FIELD ? "data-first" : "links-first";
    if (node.Data === undefined) throw nodeMalformed(cid, "no data");
    // Also throws where links are not in the order of names.
    if (!equalBytes(encode(node, { fieldOrder }), block)) throw nodeMalformed(cid, "not canonical");
    return { unixfs: UnixFS.unmarshal(node.Data), links: node.Links.map(linkRead) };
  } catch (cause) {
    if (cause instanceof ContentError && cause.code === "FS_NODE_MALFORMED") throw cause;
    throw nodeMalformed(cid, cause instanceof Error ? cause.message : "unreadable", cause);
  }
}

/** The first byte of a node whose data come before its links: field 1, with a length. */
const DATA_FIELD = 0x0a;

function linkRead(link: PBLink): ReadLink {
  return { target: readLink(link.Hash), name: link.Name ?? "" };
}

function readFile(cid: Cid, unixfs: UnixFS, links: readonly ReadLink[]): ReadNode {
  const data = unixfs.data ?? NOTHING;
  if (unixfs.blockSizes.length !== links.length) throw nodeMalformed(cid, "links without sizes");
  const parts = links.map(({ target }, at) => ({ target, bytes: Number(unixfs.blockSizes[at]) }));
  // A part of nothing would be work without end to look at, and no writer makes one.
  if (parts.some((part) => part.bytes === 0)) throw nodeMalformed(cid, "an empty part");
  const bytes = parts.reduce((sum, part) => sum + part.bytes, data.length);
  if (!Number.isSafeInteger(bytes)) throw nodeMalformed(cid, "a size beyond all bounds");
  return { kind: "file", bytes, data, parts };
}

function readShard(unixfs: UnixFS, links: readonly ReadLink[]): ReadNode {
  if (unixfs.fanout !== BigInt(SHARD_FANOUT)) {
    const reason = `a directory spread ${unixfs.fanout ?? 0} ways, not ${SHARD_FANOUT}`;
    throw new ContentError({ code: "FS_CAR_UNSUPPORTED", reason }, reason);
  }
  return { kind: "shard", links };
}
