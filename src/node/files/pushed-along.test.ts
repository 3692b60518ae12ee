import { createSecretKey, hash } from "node:crypto";
import { expect, test } from "vitest";
import type { Call, CallAnswer } from "../../actors/ports.ts";
import { PUSHED_BLOCK_BYTES_MAX } from "../../wire/bounds.ts";
import { type ContentToPush, pushedAlong } from "./pushed-along.ts";

/** Two other nodes, and what they are asked; the first of them may have no room. */
function nodes(answer: (call: number) => CallAnswer = () => ({ kind: "done" })) {
  const asked: { readonly node: string; readonly call: Call }[] = [];
  const ask = (node: string, call: Call): Promise<CallAnswer> => {
    asked.push({ node, call });
    return Promise.resolve(answer(asked.length));
  };
  const deps = { caller: { ask }, others: () => ["a", "b"], sleep: () => Promise.resolve() };
  return { asked, deps };
}

async function* slices(...parts: readonly Uint8Array[]) {
  for (const part of parts) yield await Promise.resolve(part);
}

function content(bytes: Uint8Array, how: Partial<ContentToPush> = {}): ContentToPush {
  return {
    ...{ bytes: slices(bytes.subarray(0, 3), bytes.subarray(3)), bytesSaid: bytes.length },
    ...{ copies: 2, key: undefined, erasure: undefined, signal: new AbortController().signal },
    ...how,
  };
}

async function whole(source: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of source) text += Buffer.from(part).toString();
  return text;
}

const HELLO = Buffer.from("hello, world");

test("small content goes to its other node before anybody has stored it here", async () => {
  const { asked, deps } = nodes();
  const pushed = await pushedAlong(deps, content(HELLO));
  expect(asked.map(({ call }) => call)).toEqual([
    { kind: "store-blocks", blocks: [Uint8Array.from(HELLO)] },
  ]);
  expect(await whole(pushed.content)).toBe("hello, world");
  expect(await pushed.pushed).toBe(2);
});

test("what is stored here may be given away while it is on its way to others", async () => {
  const { asked, deps } = nodes();
  const { content: source } = await pushedAlong(deps, content(HELLO));
  for await (const part of source) part.fill(0);
  const [first] = asked;
  const blocks = first?.call.kind === "store-blocks" ? first.call.blocks : [];
  expect(blocks.map((block) => hash("sha256", block, "hex"))).toEqual([
    hash("sha256", HELLO, "hex"),
  ]);
});

test("where a node has no room the content goes to another one, and fewer copies are told where none has", async () => {
  const full = { kind: "error", code: "FS_DISK_FULL", message: "", details: {} } as const;
  const one = nodes((call) => (call === 1 ? full : { kind: "done" }));
  expect(await (await pushedAlong(one.deps, content(HELLO))).pushed).toBe(2);
  expect(new Set(one.asked.map(({ node }) => node))).toEqual(new Set(["a", "b"]));
  const none = nodes(() => full);
  expect(await (await pushedAlong(none.deps, content(HELLO))).pushed).toBe(1);
});

test("what is large, sealed, coded, empty or wanted once is left to be copied when it is stored", async () => {
  const { asked, deps } = nodes();
  const large = Buffer.alloc(PUSHED_BLOCK_BYTES_MAX + 1, "x");
  const key = createSecretKey(Buffer.alloc(32));
  const cases: readonly ContentToPush[] = [
    content(large),
    content(HELLO, { bytesSaid: undefined }),
    content(HELLO, { key }),
    content(HELLO, { erasure: { data: 2, parity: 1 } }),
    content(HELLO, { copies: 1 }),
    content(Buffer.alloc(0)),
  ];
  for (const one of cases) {
    const { pushed } = await pushedAlong(deps, one);
    expect(pushed).toBeUndefined();
  }
  expect(asked).toEqual([]);
});
