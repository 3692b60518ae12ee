/** Content of files from elsewhere: ids, nodes of trees, and archives. */
import { hash } from "node:crypto";
import { decode, encode, prepare } from "@ipld/dag-pb";
import { UnixFS } from "ipfs-unixfs";
import { CID } from "multiformats/cid";
import { create as createDigest } from "multiformats/hashes/digest";
import {
  decodeHeader,
  encodeHeader,
  readCarId,
  sectionHead,
} from "../../../src/fs/content/car-format.ts";
import { readCar } from "../../../src/fs/content/car-reader.ts";
import { CHUNK_BYTES_MAX } from "../../../src/fs/content/chunk.ts";
import {
  contentIdBytes,
  formatContentId,
  INLINE_BYTES_MAX,
  type LinkTarget,
  parseContentId,
  toCid,
} from "../../../src/fs/content/content-id.ts";
import { type DirectoryTree, directoryTree } from "../../../src/fs/content/directory.ts";
import {
  fileNode,
  type NodeBlock,
  readNode,
  shardNode,
  symlinkNode,
} from "../../../src/fs/content/node.ts";
import type { NodeSource } from "../../../src/fs/content/ports.ts";
import { type WalkedFile, walkedContent, walkTree } from "../../../src/fs/content/tree-walk.ts";
import { concatBytes } from "../../../src/std/bytes.ts";
import { isJobxError } from "../../../src/std/errors.ts";
import type { Chance } from "../../sim/chance.ts";
import { mutateBytes } from "../mutate-bytes.ts";
import { mutateText } from "../mutate-text.ts";
import type { Reach, Target } from "../target.ts";

/** Nodes and content that one walk of an input may look at. */
const WALK_NODES_MAX = 300;

const sha256 = (data: Uint8Array): string => hash("sha256", data, "hex");

function rawBlock(data: Uint8Array): NodeBlock {
  return { id: { codec: "raw", block: sha256(data) }, treeBytes: data.length, data };
}

const CHUNKS = [1, 40, 700].map((length) => rawBlock(new Uint8Array(length).fill(length)));

function fileOf(parts: readonly NodeBlock[]): NodeBlock {
  return fileNode(parts.map((part) => ({ ...part, contentBytes: part.data.length })));
}

const FILE = fileOf(CHUNKS);
const SYMLINK = symlinkNode(new TextEncoder().encode("../up"));

/** All nodes of a directory. */
function nodesOf({ node, children }: DirectoryTree): readonly NodeBlock[] {
  const below = children.flatMap((child) => (child.kind === "shard" ? nodesOf(child.tree) : []));
  return [node, ...below];
}

/** So many names of 255 bytes, all for the same file, that their directory is spread. */
const LONG_NAMES = Array.from({ length: 1_000 }, (_, at) => `${at}`.padStart(255, "n"));

const LEAVES = [...CHUNKS, FILE, SYMLINK];
const SMALL = directoryTree(
  ["a", "b.txt", "ü", "x".repeat(255)].map((name, at) => ({ name, link: LEAVES[at + 1] ?? FILE })),
);
const LARGE = directoryTree(LONG_NAMES.map((name) => ({ name, link: FILE })));
const NODES = [FILE, SYMLINK, SMALL.node, ...nodesOf(LARGE).slice(0, 3)];

/** An id that is its own content: codec and length as they come. */
function inlineId(chance: Chance): CID {
  const data = chance.hits(0.3) ? chance.pick(NODES).data.subarray(0, 130) : SYMLINK.data;
  const length = chance.pick([data.length, data.length, INLINE_BYTES_MAX + 1]);
  const digest = createDigest(0x00, new Uint8Array(length).fill(7, data.length));
  digest.digest.set(data.subarray(0, length));
  return CID.createV1(chance.pick([0x55, 0x70, 0x70, 0x71]), digest);
}

/** What a decoder makes of an input; refusals have a code of this area. */
async function answered(take: () => Reach | Promise<Reach>): Promise<Reach> {
  try {
    return await take();
  } catch (error) {
    if (!isJobxError(error) || !error.code.startsWith("FS_")) throw error;
    return error.code === "FS_CAR_MALFORMED" ? "cut" : "refused";
  }
}

/** A node with other data or links, as dag-pb writes it. */
function mutateNode(data: Uint8Array, chance: Chance): Uint8Array {
  if (chance.hits(0.3)) return mutateBytes(data, chance);
  const node = decode(data);
  const links = [...node.Links];
  const at = chance.whole(0, Math.max(0, links.length - 1));
  const link = links[at];
  if (link !== undefined && chance.hits(0.6)) {
    const name = chance.hits(0.5) ? mutateText(link.Name ?? "", chance) : link.Name;
    const Tsize = chance.pick([0, 1, 2 ** 40, link.Tsize ?? 0]);
    const other = chance.pick(NODES).id;
    const Hash = chance.hits(0.3) ? toCid(other) : chance.hits(0.2) ? inlineId(chance) : link.Hash;
    if (chance.hits(0.3)) links.splice(at, chance.whole(0, 2), ...(chance.hits(0.5) ? [link] : []));
    else links[at] = { ...(name === undefined ? {} : { Name: name }), Tsize, Hash };
  }
  const Data = chance.hits(0.5) && node.Data ? mutateBytes(node.Data, chance) : node.Data;
  return encode(prepare({ ...(Data === undefined ? {} : { Data }), Links: links }));
}

const nodeTarget: Target = {
  name: "content-node",
  reads: ["fs/content/node.ts"],
  make: (chance) => mutateNode(chance.pick(NODES).data, chance),
  take: (bytes) =>
    answered(() => {
      readNode(sha256(bytes), bytes);
      return "accepted";
    }),
};

const idTarget: Target = {
  name: "content-id",
  reads: ["fs/content/content-id.ts"],
  make(chance) {
    const { id } = chance.pick(LEAVES);
    const text = chance.hits(0.3) ? inlineId(chance).toString() : formatContentId(id);
    // Capitals and the last letter's spare bits name the same bytes.
    if (chance.hits(0.2)) return Buffer.from(`${text.slice(0, -1)}${chance.pick([..."abcdqrs7"])}`);
    if (chance.hits(0.1)) return Buffer.from(`b${text.slice(1).toUpperCase()}`);
    return Buffer.from(mutateText(text, chance));
  },
  take: (bytes) =>
    answered(() => {
      const text = Buffer.from(bytes).toString("utf8");
      if (formatContentId(parseContentId(text)) !== text) throw new Error("an id has two texts");
      return "accepted";
    }),
};

const HEADER = encodeHeader(FILE.id).subarray(1);

/** Headers that others might write: numbers in longer forms, other counts, another order. */
function header(chance: Chance): Uint8Array {
  const id = contentIdBytes(chance.pick(NODES).id);
  const bytesHead = chance.pick([
    [0x58, id.length + 1],
    [0x59, 0, id.length + 1],
    [0x5a, 0, 0, 0, 1],
  ]);
  const link = [0xd8, 42, ...bytesHead, chance.pick([0, 0, 0, 1]), ...id];
  const count = chance.pick([0, 1, 1, 1, 2]);
  const list = count === 1 ? [0x98, 1] : [0x80 + count];
  const roots = [...list, ...Array.from({ length: count }, () => link).flat()];
  const fields = [
    [0x65, ...Buffer.from("roots"), ...roots],
    [0x67, ...Buffer.from("version"), ...chance.pick([[1], [0x18, 1], [2], [0x19, 0, 1]])],
  ];
  if (chance.hits(0.3)) fields.reverse();
  if (chance.hits(0.2)) fields.pop();
  return Uint8Array.of(0xa0 + fields.length, ...fields.flat(), ...(chance.hits(0.1) ? [0] : []));
}

const headerTarget: Target = {
  name: "car-header",
  reads: ["fs/content/car-format.ts"],
  make: (chance) => (chance.hits(0.5) ? header(chance) : mutateBytes(HEADER, chance)),
  take: (bytes) =>
    answered(() => {
      decodeHeader(bytes);
      readCarId(bytes.subarray(-36), 0);
      return "accepted";
    }),
};

/** Directories, or nodes of files, one in the other, deeper than a walk goes. */
function deepBlocks(chance: Chance): readonly NodeBlock[] {
  const isFile = chance.hits(0.5);
  const blocks: NodeBlock[] = [FILE];
  for (let left = chance.pick([30, 40, 140]); left > 0; left--) {
    const link = blocks.at(-1) ?? FILE;
    const node = isFile
      ? fileNode([{ ...link, contentBytes: 741 }])
      : directoryTree([{ name: "d", link }]).node;
    blocks.push(node);
  }
  return blocks;
}

/** A spread directory whose branch leads to a file, or to more branches than a hash has bytes. */
function misledBlocks(chance: Chance): readonly NodeBlock[] {
  const blocks: NodeBlock[] = [FILE];
  for (let left = chance.pick([1, 9, 10]); left > 0; left--) {
    const link = blocks.at(-1) ?? FILE;
    blocks.push(shardNode([{ ...link, name: "00" }], Uint8Array.of(1)));
  }
  return blocks;
}

/** A small file whose content is in its node, as others write it. */
const WITHIN = nodeOf(
  encode(prepare({ Data: new UnixFS({ type: "file", data: new Uint8Array(40) }).marshal() })),
);

const LARGE_CHUNK = rawBlock(new Uint8Array(CHUNK_BYTES_MAX + 1));

/** What a tree's blocks are, its root last. */
function treeBlocks(chance: Chance): readonly NodeBlock[] {
  if (chance.hits(0.1)) return deepBlocks(chance);
  if (chance.hits(0.05)) return misledBlocks(chance);
  if (chance.hits(0.05)) return [WITHIN];
  if (chance.hits(0.1)) return [...CHUNKS, FILE, SYMLINK, SMALL.node];
  if (chance.hits(0.1))
    return [...nodesOf(LARGE).slice(1, 9), FILE, LARGE.node, mutated(LARGE.node, chance)];
  if (chance.hits(0.02)) return [...CHUNKS, FILE, ...nodesOf(LARGE).toReversed()];
  if (chance.hits(0.01)) return [LARGE_CHUNK, fileOf([LARGE_CHUNK])];
  if (chance.hits(0.2)) {
    const link = { Hash: inlineId(chance), Name: "i", Tsize: 1 };
    const empty = directoryTree([]).node;
    const data = encode(prepare({ ...decode(chance.pick([empty, SYMLINK]).data), Links: [link] }));
    return [{ ...nodeOf(data) }];
  }
  const nodes = NODES.map(({ data }) => (chance.hits(0.3) ? mutateNode(data, chance) : data));
  return [...nodes.map(nodeOf), chance.pick(LEAVES), directoryOf(chance, nodes.map(nodeOf))];
}

function mutated(node: NodeBlock, chance: Chance): NodeBlock {
  return nodeOf(mutateNode(node.data, chance));
}

function nodeOf(data: Uint8Array): NodeBlock {
  return { id: { codec: "dag-pb", block: sha256(data) }, treeBytes: data.length, data };
}

/** A root that has all of them, and a file that says other sizes than its parts have. */
function directoryOf(chance: Chance, nodes: readonly NodeBlock[]): NodeBlock {
  const file = fileNode(
    [...CHUNKS, ...nodes].map((node) => ({
      ...node,
      contentBytes: chance.pick([1, 40, 700, 741]),
    })),
  );
  return chance.hits(0.4)
    ? file
    : directoryTree(nodes.map((link, at) => ({ name: `${at}`, link }))).node;
}

/** An archive whose blocks have their hashes, also those that were mutated. */
function archive(chance: Chance): Uint8Array {
  const tree = treeBlocks(chance);
  const root = tree.at(-1) ?? FILE;
  // Half of them is whole but for what the tree itself says.
  const ratio = chance.pick([0, 0.03]);
  const blocks = [...CHUNKS, ...tree].filter(() => !chance.hits(ratio));
  const worse = (bytes: Uint8Array): Uint8Array => {
    return chance.hits(ratio) ? mutateBytes(bytes, chance) : bytes;
  };
  return concatBytes([
    worse(encodeHeader(root.id)),
    ...blocks.flatMap((block) => [worse(sectionHead(block)), worse(block.data)]),
  ]);
}

async function* inTwo(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const middle = bytes.length >> 1;
  yield bytes.slice(0, middle);
  yield bytes.slice(middle);
}

async function readFile(file: WalkedFile, source: NodeSource): Promise<void> {
  let read = 0;
  for await (const piece of walkedContent(file, source)) read += piece.length;
  if (read !== file.bytes) throw new Error("content of another size than was said");
}

const carTarget: Target = {
  name: "car",
  reads: [...["car-reader", "byte-reader", "tree-walk"].map((name) => `fs/content/${name}.ts`)],
  cost: 4,
  make(chance) {
    const whole = archive(chance);
    if (chance.hits(0.5)) return whole;
    if (chance.hits(0.02)) return whole.subarray(0, chance.whole(0, 3));
    return mutateBytes(whole, chance);
  },
  take: (bytes) =>
    answered(async (): Promise<Reach> => {
      const blocks = new Map<string, Uint8Array>();
      let root: LinkTarget | undefined;
      for await (const part of readCar(inTwo(bytes))) {
        if (part.kind === "root") root = part.root;
        else blocks.set(part.block.id.block, part.block.data);
      }
      if (root === undefined) throw new Error("an archive is read that has no root");
      const source = {
        get: async (cid: string) => blocks.get(cid),
        bytesOf: async (cid: string) => blocks.get(cid)?.length,
      };
      for await (const entry of walkTree(root, source, { nodesMax: WALK_NODES_MAX })) {
        if (entry.kind === "file") await readFile(entry, source);
      }
      return "accepted";
    }),
};

export const contentTargets: readonly Target[] = [nodeTarget, idTarget, headerTarget, carTarget];
