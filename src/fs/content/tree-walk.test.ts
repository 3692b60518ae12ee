import { encode } from "@ipld/dag-pb";
import fc from "fast-check";
import { UnixFS, type UnixFSOptions } from "ipfs-unixfs";
import type { CID } from "multiformats/cid";
import { expect, test } from "vitest";
import {
  gather,
  inPieces,
  loadedCar,
  MemoryBlocks,
  type MemoryNode,
  MemoryTree,
  randomBytes,
  treeNode,
  walked,
} from "../../../test/lib/content-kit.ts";
import { equalBytes } from "../../std/bytes.ts";
import { type LinkTarget, toCid } from "./content-id.ts";
import { ContentError } from "./errors.ts";
import { nameHash } from "./name-hash.ts";
import { exportCar } from "./tree-export.ts";

interface NodeLink {
  readonly to: LinkTarget;
  readonly name?: string;
}

/** Blocks that nobody but a test would make. */
class Forge extends MemoryBlocks {
  raw(data: Uint8Array): LinkTarget {
    return { kind: "block", id: { codec: "raw", block: this.add(data) } };
  }

  pb(data: Uint8Array): LinkTarget {
    return { kind: "block", id: { codec: "dag-pb", block: this.add(data) } };
  }

  node(unixfs: UnixFSOptions, links: readonly NodeLink[] = []): LinkTarget {
    const Links = links.map(({ to, name = "" }) => ({ Hash: cidOf(to), Name: name, Tsize: 1 }));
    return this.pb(encode({ Data: new UnixFS(unixfs).marshal(), Links }));
  }

  file(blockSizes: readonly number[], links: readonly LinkTarget[]): LinkTarget {
    return this.node(
      { type: "file", blockSizes: blockSizes.map(BigInt) },
      links.map((to) => ({ to })),
    );
  }

  shard(links: readonly NodeLink[], fanout = 256n): LinkTarget {
    const data = Uint8Array.of(1);
    return this.node({ type: "hamt-sharded-directory", data, fanout, hashType: 0x22n }, links);
  }
}

function cidOf(target: LinkTarget): CID {
  if (target.kind === "inline") throw new Error("not used here");
  return toCid(target.id);
}

async function codeOf(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return "no error";
  } catch (error) {
    if (error instanceof ContentError) return error.code;
    throw error;
  }
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The two characters before a name at a depth of a spread directory. */
function labelOf(name: string, depth = 0): string {
  const byte = nameHash(bytesOf(name))[depth] ?? 0;
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

async function refusal(make: (forge: Forge) => LinkTarget): Promise<string> {
  const forge = new Forge();
  return codeOf(walked(make(forge), forge));
}

test("a file whose parts have other sizes than were said is refused", async () => {
  const part = (forge: Forge): LinkTarget => forge.raw(Uint8Array.of(1, 2, 3));
  expect(await refusal((forge) => forge.file([3, 3], [part(forge), part(forge)]))).toBe("no error");
  const wrong = [
    (forge: Forge) => forge.file([4], [part(forge)]),
    (forge: Forge) => forge.file([3], [part(forge), part(forge)]),
    (forge: Forge) => forge.file([3, 3], [part(forge)]),
    (forge: Forge) => forge.file([0], [forge.raw(new Uint8Array(0))]),
    (forge: Forge) => forge.file([4], [forge.file([3], [part(forge)])]),
    (forge: Forge) => forge.file([2 ** 53, 1], [part(forge), part(forge)]),
    (forge: Forge) => forge.file([3], [forge.node({ type: "directory" })]),
    (forge: Forge) => forge.file([3], [forge.node({ type: "symlink", data: Uint8Array.of(97) })]),
  ];
  for (const make of wrong) expect(await refusal(make), String(make)).toBe("FS_NODE_MALFORMED");
});

test("content in a node comes before that of its links", async () => {
  const forge = new Forge();
  const part = forge.raw(bytesOf("cd"));
  const root = forge.node({ type: "file", data: bytesOf("ab"), blockSizes: [2n] }, [{ to: part }]);
  const whole = forge.raw(bytesOf("abcd"));
  const hashOf = (found: Readonly<Record<string, string>>): string => (found["/"] ?? "").slice(-8);
  expect(hashOf(await walked(root, forge))).toBe(hashOf(await walked(whole, forge)));
});

test("a name that is a path, leads up or is there twice is refused", async () => {
  for (const name of ["a/b", "..", ".", "", "/", "a\0b", "n".repeat(256)]) {
    const flat = (forge: Forge): LinkTarget =>
      forge.node({ type: "directory" }, [{ to: forge.raw(Uint8Array.of(1)), name }]);
    expect(await refusal(flat), name).toBe("FS_NAME_REFUSED");
    const spread = (forge: Forge): LinkTarget =>
      forge.shard([{ to: forge.raw(Uint8Array.of(1)), name: labelOf(name) + name }]);
    expect(await refusal(spread), name).toBe(name === "" ? "FS_NODE_MALFORMED" : "FS_NAME_REFUSED");
  }
  const twice = (forge: Forge): LinkTarget => {
    const to = forge.raw(Uint8Array.of(1));
    return forge.node({ type: "directory" }, [
      { to, name: "a" },
      { to, name: "a" },
    ]);
  };
  expect(await refusal(twice)).toBe("FS_NODE_MALFORMED");
});

test("a name that is no UTF-8, which would be read as another, is refused", async () => {
  const forge = new Forge();
  forge.node({ type: "directory" }, [{ to: forge.raw(Uint8Array.of(1)), name: "abc" }]);
  const good = [...forge.blocks.values()].at(-1) ?? new Uint8Array(0);
  const at = Buffer.from(good).indexOf("abc");
  // As long as the character that stands for what cannot be read; a mark that decoders leave out; half of one.
  for (const bytes of [
    [0xf0, 0x9f, 0x98],
    [0xef, 0xbb, 0xbf],
    [0x61, 0xc3, 0x62],
  ]) {
    const bad = Uint8Array.from(good);
    bad.set(bytes, at);
    const code = await codeOf(walked(forge.pb(bad), forge));
    expect(code, bytes.join()).toBe("FS_NODE_MALFORMED");
  }
});

test("a spread directory with a name in the wrong place, or branches out of order, is refused", async () => {
  const one = (forge: Forge): LinkTarget => forge.raw(Uint8Array.of(1));
  const right = (forge: Forge): LinkTarget =>
    forge.shard([{ to: one(forge), name: `${labelOf("a")}a` }]);
  expect(await refusal(right)).toBe("no error");
  const deep = (forge: Forge): LinkTarget =>
    forge.shard([
      { to: forge.shard([{ to: one(forge), name: `${labelOf("a", 1)}a` }]), name: labelOf("a") },
    ]);
  expect(await refusal(deep)).toBe("no error");
  const other = labelOf("a") === "00" ? "01" : "00";
  const wrong = [
    (forge: Forge) => forge.shard([{ to: one(forge), name: `${other}a` }]),
    (forge: Forge) => forge.shard([{ to: one(forge), name: `${labelOf("a").toLowerCase()}z` }]),
    (forge: Forge) => forge.shard([{ to: one(forge), name: "zza" }]),
    (forge: Forge) => forge.shard([{ to: one(forge), name: "0" }]),
    (forge: Forge) => forge.shard([{ to: one(forge), name: "00" }]),
    (forge: Forge) => forge.shard([{ to: forge.node({ type: "directory" }), name: "00" }]),
    (forge: Forge) => {
      const name = `${labelOf("a")}a`;
      return forge.shard([
        { to: one(forge), name },
        { to: one(forge), name },
      ]);
    },
    (forge: Forge) => {
      let node = forge.shard([]);
      for (let depth = 0; depth < 8; depth++) node = forge.shard([{ to: node, name: "00" }]);
      return node;
    },
  ];
  for (const make of wrong) expect(await refusal(make), String(make)).toBe("FS_NODE_MALFORMED");
  expect(await refusal((forge) => forge.shard([], 16n))).toBe("FS_CAR_UNSUPPORTED");
});

test("symlinks with targets that no file system takes are refused, and lead wherever they want otherwise", async () => {
  const link = (data: Uint8Array) => (forge: Forge) => forge.node({ type: "symlink", data });
  for (const data of [
    new Uint8Array(0),
    bytesOf("a\0b"),
    Uint8Array.of(0xff),
    new Uint8Array(5000).fill(97),
  ]) {
    expect(await refusal(link(data))).toBe("FS_SYMLINK_REFUSED");
  }
  const forge = new Forge();
  expect(await walked(link(bytesOf("/etc/passwd"))(forge), forge)).toEqual({
    "/": "-> /etc/passwd",
  });
});

test("a block that is not there is said to be missing", async () => {
  for (const codec of ["raw", "dag-pb"] as const) {
    const id = { codec, block: "00".repeat(32) };
    expect(await codeOf(walked({ kind: "block", id }, new Forge()))).toBe("FS_NODE_MISSING");
  }
});

test("a few blocks that name each other's content without end are given up", async () => {
  const forge = new Forge();
  let size = 1;
  let file = forge.raw(Uint8Array.of(1));
  let directory: LinkTarget = file;
  for (let level = 0; level < 10; level++) {
    const below = file;
    const inside = directory;
    file = forge.file(
      Array.from({ length: 30 }, () => size),
      Array.from({ length: 30 }, () => below),
    );
    size *= 30;
    directory = forge.node(
      { type: "directory" },
      Array.from({ length: 9 }, (_, at) => ({ to: inside, name: `${at}` })),
    );
  }
  for (const root of [file, directory]) {
    expect(await codeOf(walked(root, forge, { nodesMax: 5000 }))).toBe("FS_TREE_TOO_LARGE");
  }
});

test("files and directories too deep are given up", async () => {
  const forge = new Forge();
  let file = forge.raw(Uint8Array.of(1));
  let directory = forge.node({ type: "directory" });
  for (let level = 0; level < 33; level++) file = forge.file([1], [file]);
  expect(await codeOf(walked(file, forge))).toBe("FS_TREE_TOO_LARGE");
  for (let level = 0; level < 127; level++) {
    directory = forge.node({ type: "directory" }, [{ to: directory, name: "d" }]);
  }
  expect(await codeOf(walked(directory, forge))).toBe("no error");
  directory = forge.node({ type: "directory" }, [{ to: directory, name: "d" }]);
  expect(await codeOf(walked(directory, forge))).toBe("FS_TREE_TOO_LARGE");
});

const SMALL: MemoryNode = {
  kind: "directory",
  entries: {
    file: { kind: "file", parts: [randomBytes(40), randomBytes(50, 2)] },
    link: { kind: "symlink", target: "file" },
    sub: { kind: "directory", entries: { a: { kind: "file", parts: [randomBytes(9)] } } },
  },
};

/** Bytes flipped, cut out, repeated or put in, at a few places. */
const damage: fc.Arbitrary<(bytes: Uint8Array) => Uint8Array> = fc
  .array(
    fc.record({
      kind: fc.constantFrom("flip", "cut", "repeat", "insert", "end"),
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.nat(40),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((steps) => (bytes) => {
    let now = Buffer.from(bytes);
    for (const { kind, place, length, bytes: others } of steps) {
      const at = Math.floor(place * now.length);
      const [before, part, after] = [
        now.subarray(0, at),
        now.subarray(at, at + length),
        now.subarray(at + length),
      ];
      if (kind === "flip") now = Buffer.concat([before, others, now.subarray(at + others.length)]);
      if (kind === "cut") now = Buffer.concat([before, after]);
      if (kind === "repeat") now = Buffer.concat([before, part, part, after]);
      if (kind === "insert") now = Buffer.concat([before, others, now.subarray(at)]);
      if (kind === "end") now = before;
    }
    return now;
  });

test("a damaged archive gives the tree that it had, or an error with a code", async () => {
  const car = Buffer.concat(await gather(exportCar(treeNode(SMALL), new MemoryTree())));
  const { root, source } = await loadedCar([car]);
  const good = await walked(root, source);
  const property = fc.asyncProperty(damage, fc.integer(), async (change, seed) => {
    const changed = change(car);
    const code = await codeOf(
      loadedCar(inPieces(changed, 50, seed)).then(async (read) => {
        // Another root is another tree; the same root is the same, since hashes cannot be made up.
        const found = await walked(read.root, read.source);
        const sameRoot = equalBytes(changed.subarray(0, 59), car.subarray(0, 59));
        if (sameRoot) expect(found).toEqual(good);
      }),
    );
    expect(code).toMatch(/^no error$|^FS_(CAR|NODE)_/);
  });
  await fc.assert(property, { numRuns: 2000 });
});

test("damaged nodes with the right hash are read, or give an error with a code, and never run on", async () => {
  const forge = new Forge();
  const part = forge.raw(Uint8Array.of(1, 2, 3));
  forge.file([3, 3], [part, part]);
  forge.shard([{ to: part, name: `${labelOf("a")}a` }]);
  forge.node({ type: "symlink", data: bytesOf("target") });
  forge.node({ type: "directory" }, [
    { to: part, name: "a" },
    { to: part, name: "b" },
  ]);
  const nodes = [...forge.blocks.values()].slice(1);
  const property = fc.asyncProperty(damage, fc.constantFrom(...nodes), async (change, node) => {
    const root = forge.pb(change(node));
    const code = await codeOf(walked(root, forge, { nodesMax: 1000 }));
    expect(code).toMatch(/^no error$|^FS_[A-Z_]+$/);
  });
  await fc.assert(property, { numRuns: 5000 });
});
