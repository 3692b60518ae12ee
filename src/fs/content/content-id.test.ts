import fc from "fast-check";
import { base32 } from "multiformats/bases/base32";
import { CID } from "multiformats/cid";
import { create as createDigest } from "multiformats/hashes/digest";
import { expect, test } from "vitest";
import { fromHex } from "../../std/bytes.ts";
import {
  type ContentId,
  formatContentId,
  parseContentId,
  readCid,
  readLink,
} from "./content-id.ts";
import { ContentError } from "./errors.ts";

const anyId: fc.Arbitrary<ContentId> = fc.record({
  codec: fc.constantFrom("raw", "dag-pb"),
  block: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b).toString("hex")),
});

const EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ContentError) return error.code;
    throw error;
  }
  return "no error";
}

test("the text of the empty block is the one that IPFS knows", () => {
  expect(formatContentId({ codec: "raw", block: EMPTY })).toBe(
    "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
  );
});

test("every id is read back from its text", () => {
  const property = fc.property(anyId, (id) => {
    expect(parseContentId(formatContentId(id))).toEqual(id);
  });
  fc.assert(property);
});

test("a text with one character changed is refused or is another id", () => {
  const letters = [..."abcdefghijklmnopqrstuvwxyz234567ABZ0189=+ é"];
  const property = fc.property(anyId, fc.nat(58), fc.constantFrom(...letters), (id, at, letter) => {
    const text = formatContentId(id);
    const changed = text.slice(0, at) + letter + text.slice(at + 1);
    fc.pre(changed !== text);
    const code = codeOf(() => expect(parseContentId(changed)).not.toEqual(id));
    expect(["FS_CID_MALFORMED", "no error"]).toContain(code);
  });
  fc.assert(property, { numRuns: 500 });
});

test("any text is an id in its only form, or refused with a code", () => {
  const property = fc.property(fc.string({ unit: "binary" }), (text) => {
    expect(codeOf(() => parseContentId(text))).toBe("FS_CID_MALFORMED");
  });
  fc.assert(property, { numRuns: 300 });
});

test("ids of other versions, bases, codecs, hashes and with bits left over are refused", () => {
  const bytes = fromHex(EMPTY) ?? new Uint8Array(0);
  const sha256 = createDigest(0x12, bytes);
  const good = formatContentId({ codec: "raw", block: EMPTY });
  const texts = [
    CID.createV0(sha256).toString(),
    good.toUpperCase(),
    `${good}=`,
    ` ${good}`,
    CID.createV1(0x71, sha256).toString(),
    CID.createV1(0x55, createDigest(0x1b, bytes)).toString(),
    CID.createV1(0x55, createDigest(0x00, bytes)).toString(),
    CID.createV1(0x55, createDigest(0x12, bytes.subarray(1))).toString(),
    // 36 bytes leave two bits of the last character unused.
    `${good.slice(0, -1)}v`,
    base32.encode(new Uint8Array(36)),
    "",
    "b",
  ];
  for (const text of texts)
    expect(
      codeOf(() => parseContentId(text)),
      text,
    ).toBe("FS_CID_MALFORMED");
});

test("links of version 0, and those that carry their bytes, are read; larger ones are refused", () => {
  const bytes = fromHex(EMPTY) ?? new Uint8Array(0);
  expect(readLink(CID.createV0(createDigest(0x12, bytes)))).toEqual({
    kind: "block",
    id: { codec: "dag-pb", block: EMPTY },
  });
  const inline = CID.createV1(0x55, createDigest(0x00, Uint8Array.of(1, 2)));
  expect(readLink(inline)).toEqual({ kind: "inline", codec: "raw", data: Uint8Array.of(1, 2) });
  const large = CID.createV1(0x55, createDigest(0x00, new Uint8Array(129)));
  expect(codeOf(() => readLink(large))).toBe("FS_CID_MALFORMED");
});

test("bytes that are no id are refused with a code", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    expect(["FS_CID_MALFORMED", "no error"]).toContain(codeOf(() => readLink(readCid(bytes).cid)));
  });
  fc.assert(property, { numRuns: 500 });
});
