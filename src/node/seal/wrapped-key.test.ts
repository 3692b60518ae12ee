import { createSecretKey, randomBytes } from "node:crypto";
import { generateKeyPair, privateKeyToProtobuf } from "@libp2p/crypto/keys";
import { expect, test } from "vitest";
import { peerIdOf } from "../../mesh/keys.ts";
import { KeyUnwrapper, keyIdOf, wrapKey } from "./wrapped-key.ts";

async function newNode(): Promise<{ readonly id: string; readonly unwrapper: KeyUnwrapper }> {
  const key = privateKeyToProtobuf(await generateKeyPair("Ed25519"));
  const id = peerIdOf(key);
  return { id, unwrapper: new KeyUnwrapper(id, key) };
}

test("the node that a key was wrapped for takes it out, and no other node does", async () => {
  const [own, other] = [await newNode(), await newNode()];
  const key = createSecretKey(randomBytes(32));
  const wrapped = wrapKey(key, own.id);
  expect(own.unwrapper.unwrap(wrapped, keyIdOf(key))?.equals(key)).toBe(true);
  expect(other.unwrapper.unwrap(wrapped, keyIdOf(key))).toBe(undefined);
});

test("each wrap is another, and none has anything of the key in it", async () => {
  const { id } = await newNode();
  const key = createSecretKey(randomBytes(32));
  const [one, two] = [wrapKey(key, id), wrapKey(key, id)].map((wrap) => Buffer.from(wrap));
  expect(one?.equals(two ?? Buffer.alloc(0))).toBe(false);
  expect(one?.includes(key.export().subarray(0, 8))).toBe(false);
});

test("a wrap with any bit flipped, of another length or with another key in it is none", async () => {
  const { id, unwrapper } = await newNode();
  const key = createSecretKey(randomBytes(32));
  const wrapped = wrapKey(key, id);
  for (let bit = 0; bit < wrapped.length * 8; bit += 1) {
    const damaged = Uint8Array.from(wrapped);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    // The highest bit of a point on the curve counts for nothing to X25519, but does to the wrapping key.
    expect(unwrapper.unwrap(damaged, keyIdOf(key)), `bit ${bit}`).toBe(undefined);
  }
  for (const other of [wrapped.subarray(1), new Uint8Array(0), new Uint8Array(81).fill(1)])
    expect(unwrapper.unwrap(other, keyIdOf(key))).toBe(undefined);
  const zeros = Uint8Array.from(wrapped).fill(0, 1, 33);
  expect(unwrapper.unwrap(zeros, keyIdOf(key))).toBe(undefined);
  const passedOff = wrapKey(createSecretKey(randomBytes(32)), id);
  expect(unwrapper.unwrap(passedOff, keyIdOf(key))).toBe(undefined);
});
