import { createSecretKey, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { openSecret, sealSecret } from "./secret-seal.ts";

const key = createSecretKey(randomBytes(32));
const at = { group: 3, name: "token" };
const value = Buffer.from("hunter2 and more");

test("a secret comes back under its own name in its own workflow only, with the same key only", () => {
  const sealed = sealSecret(key, at, value);
  expect(Buffer.from(openSecret(key, at, sealed) ?? [])).toEqual(value);
  expect(openSecret(key, { ...at, name: "other" }, sealed)).toBe(undefined);
  expect(openSecret(key, { ...at, group: 4 }, sealed)).toBe(undefined);
  expect(openSecret(createSecretKey(randomBytes(32)), at, sealed)).toBe(undefined);
});

test("the same value is sealed otherwise each time, and nothing of it is seen", () => {
  const [one, two] = [sealSecret(key, at, value), sealSecret(key, at, value)].map((sealed) =>
    Buffer.from(sealed),
  );
  expect(one?.equals(two ?? Buffer.alloc(0))).toBe(false);
  expect(one?.includes("hunter2")).toBe(false);
});

test("a secret with any bit flipped, or cut, is none", () => {
  const sealed = sealSecret(key, at, value);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const damaged = Uint8Array.from(sealed);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(openSecret(key, at, damaged), `bit ${bit}`).toBe(undefined);
  }
  for (let length = 0; length < sealed.length; length += 1)
    expect(openSecret(key, at, sealed.subarray(0, length))).toBe(undefined);
  expect(openSecret(key, at, sealSecret(key, at, new Uint8Array(0)))).toHaveLength(0);
});
