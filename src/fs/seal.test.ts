import { createSecretKey, hash, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { cidOf } from "./cid.ts";
import { gcmOpen, gcmSeal } from "./gcm.ts";
import { plainChunk, seal, sealChunk, storedBytes, unseal } from "./seal.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const keyOf = (byte: number): KeyObject => createSecretKey(Buffer.alloc(32, byte));
const sha256 = (data: Uint8Array): string => hash("sha256", data, "hex");

test("gcmSeal makes what the specification of GCM gives for 256-bit keys (test cases 13 and 14)", () => {
  const key = new Uint8Array(32);
  const tag13 = "530f8afbc74536b9a963b4f1c4cb738b";
  expect(Buffer.from(gcmSeal(key, new Uint8Array(0))).toString("hex")).toBe(tag13);
  const sealed14 = "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919";
  expect(Buffer.from(gcmSeal(key, new Uint8Array(16))).toString("hex")).toBe(sealed14);
  expect(gcmOpen(key, hex(sealed14))).toEqual(Buffer.alloc(16));
});

// Also computed by another implementation: Python, hmac and AESGCM of the package cryptography.
test("a sealed block is, for ever, what this key and content make", () => {
  const data = Buffer.from("sealed blocks keep their form");
  const sealed = seal(data, { plain: sha256(data), key: keyOf(7) });
  expect(Buffer.from(sealed).toString("hex")).toBe(
    "7df0c34cb18ebcd1798dcf3fa8b0b40dd1976b265c96d10956ad4451706d01065af7cac50232e179144219cc85",
  );
});

test("equal content is sealed alike under one key, and otherwise under another", () => {
  const data = Buffer.from("the same again");
  const plain = sha256(data);
  expect(seal(data, { plain, key: keyOf(1) })).toEqual(seal(data, { plain, key: keyOf(1) }));
  expect(seal(data, { plain, key: keyOf(1) })).not.toEqual(seal(data, { plain, key: keyOf(2) }));
});

test("a block is opened to its content, and with each bit flipped it is refused", () => {
  const data = Buffer.from("twenty-four bytes of it.");
  const how = { plain: sha256(data), key: keyOf(1) };
  const sealed = seal(data, how);
  expect(Buffer.from(unseal(sealed, how))).toEqual(data);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const damaged = Uint8Array.from(sealed);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(() => unseal(damaged, how), `bit ${bit}`).toThrow(/cannot be opened/u);
  }
  for (const short of [sealed.subarray(0, 15), sealed.subarray(1), new Uint8Array(0)])
    expect(() => unseal(short, how)).toThrow(/cannot be opened/u);
});

test("a block that somebody with the key sealed under another content's hash is refused", () => {
  const data = Buffer.from("what it is");
  const other = sha256(Buffer.from("what it is said to be"));
  const sealed = seal(data, { plain: other, key: keyOf(1) });
  expect(() => unseal(sealed, { plain: other, key: keyOf(1) })).toThrow(
    expect.objectContaining({ code: "FS_BLOCK_UNSEALED" }),
  );
});

test("sealChunk names the block by what is stored, and keeps the name and size of the content", () => {
  const data = Buffer.from("some content");
  const chunk = { cid: sha256(data), bytes: data.length };
  const sealed = sealChunk({ chunk, data }, keyOf(1));
  expect(sealed.chunk).toEqual({ cid: cidOf(sealed.data), bytes: 12, plain: chunk.cid });
  expect(storedBytes(sealed.chunk)).toBe(sealed.data.length);
  expect(plainChunk(sealed.chunk)).toEqual(chunk);
  expect(sealChunk({ chunk, data }, undefined)).toEqual({ chunk, data });
  expect(storedBytes(chunk)).toBe(12);
});
