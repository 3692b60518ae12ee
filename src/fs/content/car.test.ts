import { CarReader, CarWriter } from "@ipld/car";
import * as dagPb from "@ipld/dag-pb";
import { CID } from "multiformats/cid";
import { create as createDigest } from "multiformats/hashes/digest";
import { expect, test } from "vitest";
import {
  gather,
  imported,
  inPieces,
  loadedCar,
  type MemoryNode,
  MemoryTree,
  randomBytes,
  sha256,
  streamOf,
  treeNode,
  walked,
} from "../../../test/lib/content-kit.ts";
import { CAR_BLOCK_BYTES_MAX, encodeHeader, sectionHead } from "./car-format.ts";
import { readCar } from "./car-reader.ts";
import { type Codec, formatContentId } from "./content-id.ts";
import { exportCar, treeLink } from "./tree-export.ts";

const MIB = 1024 * 1024;

const text = (content: string): MemoryNode => {
  const parts = content === "" ? [] : [new TextEncoder().encode(content)];
  return { kind: "file", parts };
};

const TREE: MemoryNode = {
  kind: "directory",
  entries: {
    "two chunks": { kind: "file", parts: [randomBytes(MIB), randomBytes(77, 2)] },
    "many chunks": {
      kind: "file",
      parts: [...inPieces(randomBytes(30_000), 20)].filter((p) => p.length > 0),
    },
    empty: text(""),
    link: { kind: "symlink", target: "../elsewhere" },
    same: text("same"),
    sub: {
      kind: "directory",
      entries: { same: text("same"), none: { kind: "directory", entries: {} } },
    },
    spread: {
      kind: "directory",
      entries: Object.fromEntries(
        Array.from({ length: 6000 }, (_, at) => [`n${at}`, text(`${at}`)]),
      ),
    },
  },
};

async function carOf(node: MemoryNode): Promise<readonly Uint8Array[]> {
  return gather(exportCar(treeNode(node), new MemoryTree()));
}

/** What `walked` should find below a directory. */
function wanted(node: MemoryNode, path = ""): Readonly<Record<string, string>> {
  const here = path === "" ? "/" : path;
  if (node.kind === "symlink") return { [here]: `-> ${node.target}` };
  if (node.kind === "file") {
    const count = node.parts.length;
    return {
      [here]: `${count} of ${count} are chunks, ${sha256(Buffer.concat(node.parts)).slice(0, 8)}`,
    };
  }
  const below = Object.entries(node.entries).map(([name, child]) =>
    wanted(child, `${path}/${name}`),
  );
  return Object.fromEntries([[here, "directory"], ...below.flatMap((b) => Object.entries(b))]);
}

async function readAll(buffers: Iterable<Uint8Array>): Promise<number> {
  return (await gather(readCar(streamOf(buffers)))).length;
}

function section(codec: Codec, data: Uint8Array, cid = sha256(data)): Uint8Array {
  const block = { id: { codec, block: cid }, data };
  return Buffer.concat([sectionHead(block), data]);
}

const ROOT = { codec: "raw", block: sha256(new Uint8Array(0)) } as const;
const HEADER = encodeHeader(ROOT);

test("a tree that was written is read back, in whatever buffers the archive comes", async () => {
  const car = Buffer.concat(await carOf(TREE));
  for (const pieceBytesMax of [1000, 3 * MIB, 70_000]) {
    const { root, source } = await loadedCar(inPieces(car, pieceBytesMax));
    expect(await walked(root, source)).toEqual(wanted(TREE));
  }
});

test("the root is that of the tree, and the importer's for the same files", async () => {
  const tree = new MemoryTree();
  const link = await treeLink(treeNode(TREE), tree);
  const car = await CarReader.fromBytes(Buffer.concat(await carOf(TREE)));
  expect((await car.getRoots()).map(String)).toEqual([formatContentId(link.id)]);
  const small: MemoryNode = {
    kind: "directory",
    entries: { a: text("a"), sub: { kind: "directory", entries: { b: text("b") } } },
  };
  const { root } = await imported([
    { path: "dir/a", content: [new TextEncoder().encode("a")] },
    { path: "dir/sub/b", content: [new TextEncoder().encode("b")] },
  ]);
  expect(formatContentId((await treeLink(treeNode(small), tree)).id)).toBe(root);
});

test("another reader reads what was written, each block once and after one that names it", async () => {
  const car = await CarReader.fromBytes(Buffer.concat(await carOf(TREE)));
  const seen = new Set<string>();
  const named = new Set((await car.getRoots()).map(String));
  for await (const { cid, bytes } of car.blocks()) {
    expect(seen.has(cid.toString())).toBe(false);
    expect(named.has(cid.toString())).toBe(true);
    const links = cid.code === dagPb.code ? dagPb.decode(bytes).Links : [];
    for (const { Hash } of links) named.add(Hash.toString());
    seen.add(cid.toString());
    expect(Buffer.from(cid.multihash.digest).toString("hex")).toBe(sha256(bytes));
  }
  expect(seen.size).toBe(named.size);
});

test("what another writer wrote is read: smaller chunks, 174 links, version 0, content in nodes, spread directories", async () => {
  const files: Record<string, Uint8Array> = { big: randomBytes(3 * MIB), empty: new Uint8Array(0) };
  for (let at = 0; at < 300; at++) files[`n${at}`] = randomBytes(10, at);
  const candidates = Object.entries(files).map(([name, bytes]) => {
    return { path: `dir/${name}`, content: [bytes] };
  });
  const whole = async (options: Parameters<typeof imported>[1]): Promise<void> => {
    const { root, blocks } = await imported(candidates, options);
    const rootCid = CID.parse(root);
    const { writer, out } = CarWriter.create([rootCid]);
    const bytes = gather(out);
    for (const [cid, data] of blocks) await writer.put({ cid: CID.parse(cid), bytes: data });
    await writer.close();
    const read = await loadedCar(await bytes);
    const found = await walked(read.root, read.source);
    expect(Object.keys(found).length).toBe(303);
    for (const [name, content] of Object.entries(files)) {
      expect(found[`/${name}`]?.slice(-8), name).toBe(sha256(content).slice(0, 8));
    }
  };
  await whole({ profile: "unixfs-v0-2015" });
  await whole({ profile: "unixfs-v1-2025" });
  await whole({ profile: "unixfs-v1-2025", shardSplitThresholdBytes: 1000 });
  await whole({ cidVersion: 1, rawLeaves: false, leafType: "raw", fieldOrder: "data-first" });
  await whole({ cidVersion: 1, reduceSingleLeafToSelf: false });
});

test("a block that is larger than chunks may be is read as bytes, to be cut anew", async () => {
  const data = randomBytes(MIB + 1);
  const car = [encodeHeader({ codec: "raw", block: sha256(data) }), section("raw", data)];
  const { root, source } = await loadedCar(car);
  expect(await walked(root, source)).toEqual({
    "/": `0 of 1 are chunks, ${sha256(data).slice(0, 8)}`,
  });
});

test("an id that is its own content is read, and a block under it need not be stored", async () => {
  const own = CID.createV1(0x55, createDigest(0x00, new TextEncoder().encode("hi")));
  const { writer, out } = CarWriter.create([own]);
  const bytes = gather(out);
  await writer.put({ cid: own, bytes: new TextEncoder().encode("hi") });
  await writer.close();
  const { root, source } = await loadedCar(await bytes);
  expect(source.blocks.size).toBe(0);
  const hi = sha256(new TextEncoder().encode("hi")).slice(0, 8);
  expect(await walked(root, source)).toEqual({ "/": `0 of 1 are chunks, ${hi}` });
});

test("an archive is written no faster than it is taken", async () => {
  const tree = new MemoryTree();
  const parts = Array.from({ length: 50 }, (_, at) => randomBytes(100, at));
  const car = exportCar(treeNode({ kind: "file", parts }), tree);
  // The header, the root's node, and three chunks, all but the header in two slices.
  for (let slices = 0; slices < 9; slices++) await car.next();
  expect(tree.reads).toBe(3);
  await car.return(undefined);
  expect(tree.reads).toBe(3);
});

test("a source is closed when the reader of an archive stops early, and when the archive is bad", async () => {
  let closed = 0;
  async function* source(...buffers: Uint8Array[]): AsyncGenerator<Uint8Array> {
    try {
      yield* buffers;
    } finally {
      closed++;
    }
  }
  const reading = readCar(source(HEADER, section("raw", randomBytes(5))));
  await reading.next();
  await reading.return(undefined);
  expect(closed).toBe(1);
  const bad = gather(readCar(source(Uint8Array.of(0), HEADER)));
  await expect(bad).rejects.toMatchObject({ code: "FS_CAR_MALFORMED" });
  expect(closed).toBe(2);
});

test("a tree that changes while it is written is not written to the end", async () => {
  let asked = 0;
  class Changing extends MemoryTree {
    override async *chunks(): ReturnType<MemoryTree["chunks"]> {
      asked++;
      yield { cid: sha256(Uint8Array.of(asked)), bytes: 1 };
    }
  }
  const node: MemoryNode = { kind: "directory", entries: { a: text("a") } };
  const writing = gather(exportCar(treeNode(node), new Changing()));
  await expect(writing).rejects.toMatchObject({ code: "FS_TREE_CHANGED" });
});

test("directories too deep inside each other are refused before anything is written", async () => {
  let node: MemoryNode = { kind: "directory", entries: {} };
  for (let depth = 1; depth < 128; depth++) node = { kind: "directory", entries: { d: node } };
  expect((await carOf(node)).length).toBe(1 + 2 * 128);
  const deeper: MemoryNode = { kind: "directory", entries: { d: node } };
  await expect(carOf(deeper)).rejects.toMatchObject({ code: "FS_TREE_TOO_LARGE" });
});

test("what is no archive of version 1 with one root is refused with a code", async () => {
  const cid = CID.createV1(0x55, createDigest(0x12, new Uint8Array(32)));
  const withRoots = async (roots: CID[]): Promise<Uint8Array> => {
    const { writer, out } = CarWriter.create(roots);
    const bytes = gather(out);
    await writer.close();
    return Buffer.concat(await bytes);
  };
  const badCodec = CID.createV1(0x71, createDigest(0x12, Buffer.from(ROOT.block, "hex")));
  const badHash = CID.createV1(0x55, createDigest(0x1b, Buffer.from(ROOT.block, "hex")));
  const own = CID.createV1(0x55, createDigest(0x00, Uint8Array.of(7)));
  const changed = (bytes: Uint8Array, at: number, value: number): Uint8Array =>
    bytes.with(at, value);
  const data = randomBytes(10);
  const cases: readonly (readonly [string, readonly Uint8Array[]])[] = [
    ["FS_CAR_MALFORMED", []],
    ["FS_CAR_MALFORMED", [Uint8Array.of(0x8a)]],
    ["FS_CAR_MALFORMED", [HEADER.subarray(0, 20)]],
    ["FS_CAR_MALFORMED", [HEADER, section("raw", data).subarray(0, 30)]],
    ["FS_CAR_MALFORMED", [HEADER, section("raw", data).subarray(0, -1)]],
    ["FS_CAR_MALFORMED", [Uint8Array.of(0x3b), HEADER.subarray(1), Uint8Array.of(1)]],
    ["FS_CAR_MALFORMED", [changed(HEADER, 13, 1)]],
    ["FS_CAR_MALFORMED", [HEADER, Uint8Array.of(6), own.bytes, Uint8Array.of(8)]],
    ["FS_CAR_MALFORMED", [HEADER, Uint8Array.of(0x8a)]],
    ["FS_CAR_MALFORMED", [HEADER, Uint8Array.of(0)]],
    ["FS_CAR_MALFORMED", [HEADER, Uint8Array.of(0x81, 0x00)]],
    ["FS_CAR_MALFORMED", [new TextEncoder().encode("no archive at all, just a text that goes on")]],
    // The head of version 2: {"version": 2}.
    ["FS_CAR_UNSUPPORTED", [Buffer.from("0aa16776657273696f6e02", "hex")]],
    ["FS_CAR_UNSUPPORTED", [await withRoots([])]],
    ["FS_CAR_UNSUPPORTED", [await withRoots([cid, cid])]],
    ["FS_CAR_UNSUPPORTED", [await withRoots([badCodec])]],
    ["FS_CAR_UNSUPPORTED", [HEADER, Uint8Array.of(36), badCodec.bytes]],
    ["FS_CAR_UNSUPPORTED", [HEADER, Uint8Array.of(36), badHash.bytes]],
    ["FS_CAR_TOO_LARGE", [Uint8Array.of(0x81, 0x08)]],
    ["FS_CAR_TOO_LARGE", [HEADER, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f)]],
    ["FS_CAR_TOO_LARGE", [HEADER, Uint8Array.of(0x80, 0x80, 0x80, 0x02)]],
    ["FS_CAR_TOO_LARGE", [HEADER, section("raw", new Uint8Array(CAR_BLOCK_BYTES_MAX + 1))]],
    ["FS_CAR_DAMAGED", [HEADER, section("raw", data, ROOT.block)]],
  ];
  for (const [code, buffers] of cases) {
    await expect(
      readAll(buffers),
      Buffer.concat(buffers).toString("hex").slice(0, 200),
    ).rejects.toMatchObject({
      code,
    });
  }
  expect(await readAll([HEADER, section("raw", new Uint8Array(CAR_BLOCK_BYTES_MAX))])).toBe(2);
});
