import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { errnoOf, isUnforeseen } from "../errno.ts";
import { OPCODE } from "./opcode.ts";
import { decodeBody, decodeHeader, type RequestBody } from "./request.ts";

/** A part of a request: a number of 4 or 8 bytes, or a text with its zero byte, or bytes. */
type Part = number | bigint | string | Uint8Array;

const bytesOf = (part: Part): Uint8Array => {
  if (typeof part === "string") return Buffer.from(`${part}\0`);
  if (typeof part === "object") return part;
  const bytes = Buffer.alloc(typeof part === "bigint" ? 8 : 4);
  if (typeof part === "bigint") bytes.writeBigUInt64LE(part);
  else bytes.writeUInt32LE(part);
  return bytes;
};

/** A request as the kernel makes it: of user 1000 and group 100, about node 7. */
const request = (opcode: number, ...parts: readonly Part[]): Uint8Array => {
  const body = Buffer.concat(parts.map(bytesOf));
  const header = [40 + body.length, opcode, 12n, 7n, 1000, 100, 4242, 0].map(bytesOf);
  return Buffer.concat([...header, body]);
};

const decode = (bytes: Uint8Array): RequestBody => decodeBody(decodeHeader(bytes), bytes);

const codeOf = (bytes: Uint8Array): unknown => {
  try {
    decode(bytes);
    return undefined;
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
};

const { LOOKUP, SETATTR, RENAME2, WRITE, CREATE, SETXATTR, BATCH_FORGET, GETATTR, SYMLINK } =
  OPCODE;

describe("what the kernel asks", () => {
  test("a header says who asks about which node", () => {
    expect(decodeHeader(request(LOOKUP, "f"))).toEqual({
      opcode: LOOKUP,
      unique: 12,
      nodeId: 7,
      uid: 1000,
      gid: 100,
      pid: 4242,
    });
  });

  test("names, numbers and data are where the protocol has them", () => {
    expect(decode(request(LOOKUP, "ä b"))).toEqual({ kind: "lookup", name: "ä b" });
    expect(decode(request(RENAME2, 9n, 1, 0, "old", "new"))).toEqual({
      kind: "rename",
      newParent: 9,
      flags: 1,
      name: "old",
      newName: "new",
    });
    expect(decode(request(CREATE, 0o102, 0o100644, 0o22, 0, "f"))).toEqual({
      kind: "create",
      name: "f",
      flags: 0o102,
      mode: 0o100644,
    });
    expect(decode(request(SYMLINK, "s", "../to"))).toEqual({
      kind: "symlink",
      name: "s",
      target: "../to",
    });
    expect(decode(request(WRITE, 3n, 1n << 40n, 2, 4, 0n, 0, 0, Buffer.from("hi")))).toEqual({
      kind: "write",
      handle: 3,
      at: 2 ** 40,
      data: Buffer.from("hi"),
      killPrivileges: true,
    });
    expect(decode(request(SETXATTR, 2, 1, "user.a", Buffer.from("hi")))).toEqual({
      kind: "setxattr",
      name: "user.a",
      mode: "create",
      value: Buffer.from("hi"),
    });
  });

  test("of SETATTR only what a flag says is meant, with times before 1970 and nanoseconds", () => {
    const body = (valid: number, mtimeS: bigint): Uint8Array =>
      request(
        ...([SETATTR, valid, 0, 5n, 6n, 0n, 0n, mtimeS, 0n, 0, 250_000_000, 0] as const),
        ...([0o600, 0, 1, 2, 0] as const),
      );
    expect(decode(body(1 | 2 | 4 | 8 | 32 | 64, 0xffff_ffff_ffff_ffffn))).toEqual({
      kind: "setattr",
      handle: 5,
      bytes: 6,
      mode: 0o600,
      uid: 1,
      gid: 2,
      mtimeNs: -750_000_000n,
      killPrivileges: false,
    });
    const nothing = { handle: undefined, bytes: undefined, uid: undefined, gid: undefined };
    expect(decode(body(256 | 2048, 9n))).toEqual({
      ...{ kind: "setattr", ...nothing, mode: undefined, mtimeNs: "now" },
      killPrivileges: true,
    });
  });

  test("a number that is not meant may be anything", () => {
    expect(decode(request(GETATTR, 0, 0, 0xffff_ffff_ffff_ffffn))).toEqual({
      kind: "getattr",
      handle: undefined,
    });
  });

  test("names that are too long, no UTF-8, empty or endless have their own errors", () => {
    expect(codeOf(request(LOOKUP, "n".repeat(255)))).toBeUndefined();
    expect(codeOf(request(LOOKUP, "n".repeat(256)))).toBe("VOLUME_NAME_TOO_LONG");
    expect(codeOf(request(LOOKUP, Buffer.from([0xff, 0])))).toBe("MOUNT_NAME_NOT_UTF8");
    expect(codeOf(request(LOOKUP, ""))).toBe("MOUNT_REQUEST_MALFORMED");
    expect(codeOf(request(LOOKUP, Buffer.from("endless")))).toBe("MOUNT_REQUEST_MALFORMED");
    expect(codeOf(request(SYMLINK, "s", "t".repeat(4096)))).toBe("VOLUME_NAME_TOO_LONG");
  });

  test("operations that nobody knows are told apart from damaged requests", () => {
    expect(codeOf(request(4711))).toBe("MOUNT_OPERATION_UNKNOWN");
    expect(codeOf(request(BATCH_FORGET, 1_000_000, 0))).toBe("MOUNT_REQUEST_MALFORMED");
    expect(codeOf(request(WRITE, 3n, 0n, 9, 0, 0n, 0, 0, Buffer.from("hi")))).toBe(
      "MOUNT_REQUEST_MALFORMED",
    );
    expect(codeOf(request(LOOKUP, "f").subarray(0, 41))).toBe("MOUNT_REQUEST_MALFORMED");
  });

  test("whatever the bytes are, they are read whole or refused with a coded error", () => {
    const opcode = fc.oneof(fc.constantFrom(...Object.values(OPCODE)), fc.nat(60));
    const part = fc.oneof(
      fc.nat(0xffff),
      fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
      fc.string(),
      fc.uint8Array({ maxLength: 40 }),
    );
    let read = 0;
    fc.assert(
      fc.property(opcode, fc.array(part, { maxLength: 14 }), (number, parts) => {
        try {
          decode(request(number, ...parts));
          read += 1;
        } catch (error) {
          expect(isUnforeseen(error)).toBe(false);
          expect(errnoOf(error)).toBeGreaterThan(0);
        }
      }),
      { numRuns: 5_000 },
    );
    expect(read).toBeGreaterThan(50);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(codeOf(bytes)).toMatch(/^(MOUNT|VOLUME)_/);
      }),
    );
  });
});
