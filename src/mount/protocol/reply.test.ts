import { expect, test } from "vitest";
import type { Attributes } from "../ports.ts";
import { DirectoryReply } from "./directory-reply.ts";
import { agree, READ_AHEAD_BYTES } from "./init.ts";
import { entryChanged, inodeChanged } from "./notification.ts";
import { attributesReply, entryReply, initReply, inodeOf, nodeIdOf, replyHeader } from "./reply.ts";

const attributes: Attributes = {
  inode: 41,
  kind: "file",
  mode: 0o640,
  uid: 1,
  gid: 2,
  links: 3,
  bytes: 2 ** 40 + 1,
  mtimeNs: -1n,
  ctimeNs: 1_500_000_000n,
  content: "c",
};
const timeouts = { entryMs: 1_500, attributesMs: 250 };

test("a header has the length of all, and the error below zero", () => {
  const header = Buffer.from(replyHeader(2 ** 33, 2, 8));
  expect([header.readUInt32LE(0), header.readInt32LE(4), header.readBigUInt64LE(8)]).toEqual([
    24,
    -2,
    2n ** 33n,
  ]);
});

test("an entry has node, timeouts and attributes where the kernel looks for them", () => {
  const bytes = Buffer.from(entryReply(attributes, 1, timeouts));
  expect(bytes.length).toBe(128);
  expect([bytes.readBigUInt64LE(0), bytes.readBigUInt64LE(8)]).toEqual([42n, 0n]);
  expect([bytes.readBigUInt64LE(16), bytes.readUInt32LE(32)]).toEqual([1n, 500_000_000]);
  expect([bytes.readBigUInt64LE(24), bytes.readUInt32LE(36)]).toEqual([0n, 250_000_000]);
  expect([bytes.readBigUInt64LE(40), bytes.readBigUInt64LE(48)]).toEqual([41n, 2n ** 40n + 1n]);
  expect([bytes.readBigInt64LE(72), bytes.readUInt32LE(92)]).toEqual([-1n, 999_999_999]);
  expect([bytes.readBigInt64LE(80), bytes.readUInt32LE(96)]).toEqual([1n, 500_000_000]);
  expect(bytes.readUInt32LE(100).toString(8)).toBe("100640");
  expect([104, 108, 112].map((at) => bytes.readUInt32LE(at))).toEqual([3, 1, 2]);
  expect(attributesReply(attributes, timeouts).length).toBe(104);
});

test("the root is node 1 whatever its inode is, and no other inode is", () => {
  for (const root of [1, 77]) {
    for (const inode of [1, 2, 76, 77, 78]) {
      const nodeId = nodeIdOf(inode, root);
      expect(nodeId === 1).toBe(inode === root);
      expect(inodeOf(nodeId, root)).toBe(inode);
    }
  }
});

test("a listing has as many entries as fit, aligned, and none that is cut", () => {
  const reply = new DirectoryReply({ length: 110, plus: false, root: 1 });
  const add = (name: string, next: number): boolean =>
    reply.add({ name, attributes, timeouts }, next);
  expect([".", "name", "third"].map((name, at) => add(name, at + 1))).toEqual([true, true, true]);
  expect(add("no room", 4)).toBe(false);
  const bytes = Buffer.from(reply.bytes());
  expect(bytes.length).toBe(96);
  expect([bytes.readBigUInt64LE(40), bytes.readUInt32LE(48), bytes.readUInt32LE(52)]).toEqual([
    2n,
    4,
    8,
  ]);
  expect(bytes.toString("utf8", 56, 60)).toBe("name");
});

test("of the kernel's offer only what is known is taken, and not more than the newest version", () => {
  const offer = { kind: "init", major: 7, minor: 45, readaheadBytes: 2 ** 30, flags: -1 } as const;
  const agreement = agree(offer);
  expect(agreement).toMatchObject({ minor: 40, readaheadBytes: READ_AHEAD_BYTES, pagesMax: 256 });
  expect(agreement.flags & (1 << 16)).toBe(0);
  expect(agree({ ...offer, minor: 31, flags: 1 })).toMatchObject({ minor: 31, flags: 1 });
  expect(initReply(agreement).length).toBe(64);
  expect(() => agree({ ...offer, minor: 30 })).toThrow("7.30");
});

test("a notification has no request, and pages are dropped only where they are wrong", () => {
  const changed = Buffer.from(inodeChanged(9, false));
  expect([changed.readInt32LE(4), changed.readBigUInt64LE(8)]).toEqual([2, 0n]);
  expect([changed.readBigUInt64LE(16), changed.readBigInt64LE(24)]).toEqual([9n, 0n]);
  expect(Buffer.from(inodeChanged(9, true)).readBigInt64LE(24)).toBe(-1n);
  const entry = Buffer.from(entryChanged(9, "ä"));
  expect([entry.readUInt32LE(0), entry.readInt32LE(4), entry.readUInt32LE(24)]).toEqual([35, 3, 2]);
});
