import { createSecretKey, hash } from "node:crypto";
import { CID } from "multiformats/cid";
import { create as createDigest } from "multiformats/hashes/digest";
import { expect, test } from "vitest";
import type { Call, CallAnswer } from "../../actors/ports.ts";
import { PUSHED_BLOCK_BYTES_MAX } from "../../wire/bounds.ts";
import { type ContentToStore, storeOneBlock } from "./one-block.ts";

/** This node and two others, and what they are asked. */
function nodes(answer: (node: string, call: number) => CallAnswer = () => DONE) {
  const asked: { readonly node: string; readonly call: Call }[] = [];
  const ask = (node: string, call: Call): Promise<CallAnswer> => {
    asked.push({ node, call });
    return Promise.resolve(answer(node, asked.length));
  };
  const others = (): readonly string[] => ["a", "b"];
  const deps = { self: "here", caller: { ask }, others, sleep: () => Promise.resolve() };
  return { asked, deps };
}

const DONE = { kind: "done" } as const;
const FULL = { kind: "error", code: "FS_DISK_FULL", message: "full", details: {} } as const;

async function* slices(...parts: readonly Uint8Array[]) {
  for (const part of parts) yield await Promise.resolve(part);
}

function content(bytes: Uint8Array, how: Partial<ContentToStore> = {}): ContentToStore {
  return {
    ...{ bytes: slices(bytes.subarray(0, 3), bytes.subarray(3)), bytesSaid: bytes.length },
    ...{ copies: 2, key: undefined, erasure: undefined, sha256: undefined },
    signal: new AbortController().signal,
    ...how,
  };
}

async function whole(source: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of source) text += Buffer.from(part).toString();
  return text;
}

const HELLO = Buffer.from("hello, world");

test("content of one small block goes to all nodes that are to have it, and is told as what it is", async () => {
  const { asked, deps } = nodes();
  const cid = hash("sha256", HELLO, "hex");
  const root = CID.createV1(0x55, createDigest(0x12, Buffer.from(cid, "hex"))).toString();
  expect(await storeOneBlock(deps, content(HELLO))).toEqual({
    ...{ kind: "stored", chunk: { cid, bytes: 12 }, cid: root, copies: 2 },
  });
  expect(asked.map(({ node }) => node === "here")).toContain(true);
  expect(asked.map(({ call }) => call)).toEqual(
    [0, 1].map(() => ({ kind: "store-blocks", blocks: [Uint8Array.from(HELLO)] })),
  );
});

test("where a node has no room the content goes to another one, and fewer copies are told where none has", async () => {
  let full = 1;
  const one = nodes((node) => (node !== "here" && full-- > 0 ? FULL : DONE));
  expect(await storeOneBlock(one.deps, content(HELLO))).toMatchObject({ copies: 2 });
  expect(new Set(one.asked.map(({ node }) => node))).toEqual(new Set(["here", "a", "b"]));
  const none = nodes((node) => (node === "here" ? DONE : FULL));
  expect(await storeOneBlock(none.deps, content(HELLO))).toMatchObject({ copies: 1 });
});

test("what is wrong with this node's disk is told, whoever else has the content", async () => {
  const { deps } = nodes((node) => (node === "here" ? FULL : DONE));
  await expect(storeOneBlock(deps, content(HELLO))).rejects.toMatchObject({ code: "FS_DISK_FULL" });
});

test("what is large, sealed, coded, empty or to be compared is left as it came", async () => {
  const { asked, deps } = nodes();
  const large = Buffer.alloc(PUSHED_BLOCK_BYTES_MAX + 1, "x");
  const cases: readonly (readonly [Buffer, Partial<ContentToStore>])[] = [
    [large, {}],
    [HELLO, { bytesSaid: undefined }],
    [HELLO, { key: createSecretKey(Buffer.alloc(32)) }],
    [HELLO, { erasure: { data: 2, parity: 1 } }],
    [HELLO, { sha256: hash("sha256", HELLO, "hex") }],
    [Buffer.alloc(0), {}],
  ];
  for (const [bytes, how] of cases) {
    const left = await storeOneBlock(deps, content(bytes, how));
    expect(left.kind === "left" && (await whole(left.bytes))).toBe(bytes.toString());
  }
  expect(asked).toEqual([]);
});
