import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { openSealedValue, pointOfKey, sealValue } from "./sealed-value.ts";

const { privateKey } = generateKeyPairSync("x25519");
const point = pointOfKey(createPublicKey(privateKey));

test("who has the private half opens what was sealed, and nobody else does", () => {
  const sealed = sealValue(point, "hunter2 ü");
  expect(openSealedValue(privateKey, sealed)).toBe("hunter2 ü");
  expect(openSealedValue(generateKeyPairSync("x25519").privateKey, sealed)).toBe(undefined);
  expect(openSealedValue(privateKey, sealValue(point, ""))).toBe("");
  expect(sealValue(point, "hunter2 ü")).not.toBe(sealed);
});

test("a sealed value with any bit flipped, or of another length, is none", () => {
  const sealed = Buffer.from(sealValue(point, "hunter2"), "base64url");
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const damaged = Buffer.from(sealed);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    // The highest bit of a point counts for nothing to X25519, but does to the key.
    expect(openSealedValue(privateKey, damaged.toString("base64url")), `bit ${bit}`).toBe(
      undefined,
    );
  }
  for (let length = 0; length < sealed.length; length += 1) {
    const cut = sealed.subarray(0, length).toString("base64url");
    expect(openSealedValue(privateKey, cut)).toBe(undefined);
  }
  const zeros = Buffer.concat([Buffer.of(1), Buffer.alloc(32), randomBytes(40)]);
  expect(openSealedValue(privateKey, zeros.toString("base64url"))).toBe(undefined);
});
