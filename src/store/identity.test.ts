import { expect, test } from "vitest";
import { FakeDisk } from "../../test/lib/fake-disk.ts";
import { isJobxError } from "../std/errors.ts";
import { hash64, hash64Text } from "../std/hash64.ts";
import { seededRandom } from "../std/random.ts";
import { completeIdentity, isUnused, openIdentity, readIdentity } from "./identity.ts";
import { IDENTITY_NAME } from "./identity-file.ts";

const disk = (): FakeDisk => new FakeDisk({ random: seededRandom(1) });
const who = (seed = 1): Parameters<typeof openIdentity>[1] => ({
  clusterId: "c",
  nodeId: "n",
  random: seededRandom(seed),
});
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("the store id is made once, and databases are made only until the identity is complete", async () => {
  const at = disk();
  expect(await readIdentity(at)).toBeUndefined();
  const first = await openIdentity(at, who(1));
  expect(first.create).toBe(true);
  expect(first.identity.storeId).toMatch(/^[0-9a-f]{32}$/);
  const again = await openIdentity(at, who(2));
  expect(again).toEqual(first);
  await completeIdentity(at, first.identity);
  expect(await openIdentity(at, who(3))).toEqual({ ...first, create: false });
  expect(await readIdentity(at)).toEqual({ identity: first.identity, complete: true });
});

test("another cluster's or node's directory is refused, with what was found", async () => {
  const at = disk();
  await openIdentity(at, who());
  await expect(openIdentity(at, { ...who(), nodeId: "m" })).rejects.toMatchObject({
    details: { code: "STORE_IDENTITY_MISMATCH", field: "nodeId", expected: "m", found: "n" },
  });
  await expect(openIdentity(at, { ...who(), clusterId: "d" })).rejects.toMatchObject({
    details: { code: "STORE_IDENTITY_MISMATCH", field: "clusterId", expected: "d", found: "c" },
  });
});

test("databases without an identity file are not taken for a new directory", async () => {
  const at = disk();
  await (await at.createKv("state")).close();
  await expect(openIdentity(at, who())).rejects.toMatchObject({ code: "STORE_DAMAGED" });
});

test("only a directory without a store that was complete is unused, and damage does not make it so", async () => {
  const at = disk();
  expect(await isUnused(at)).toBe(true);
  const { identity } = await openIdentity(at, who());
  expect(await isUnused(at)).toBe(true);
  await (await at.createKv("log")).close();
  await completeIdentity(at, identity);
  expect(await isUnused(at)).toBe(false);
  await at.writeSmall(IDENTITY_NAME, bytes("{}"));
  expect(await isUnused(at)).toBe(false);
  await at.writeSmall(IDENTITY_NAME, bytes('{"format": 1}'));
  await expect(isUnused(at)).rejects.toMatchObject({ code: "STORE_VERSION_UNKNOWN" });
  const lost = disk();
  await (await lost.createKv("state")).close();
  expect(await isUnused(lost)).toBe(false);
});

test("a format of later, and one of before the first release, is refused as such, and nonsense as damage", async () => {
  const at = disk();
  const sealed = (fields: object): Uint8Array =>
    bytes(
      JSON.stringify({
        ...fields,
        check: hash64Text(hash64(IDENTITY_NAME, bytes(JSON.stringify(fields)))),
      }),
    );
  for (const [format, file] of [
    [3, sealed({ format: 3 })],
    [1, sealed({ format: 1, clusterId: "c" })],
    [1, bytes('{"format": 1}')],
  ] as const) {
    await at.writeSmall(IDENTITY_NAME, file);
    await expect(openIdentity(at, who())).rejects.toMatchObject({
      details: { code: "STORE_VERSION_UNKNOWN", version: format },
    });
  }
  for (const text of ["", "[1", "null", "{}", '{"format": 2, "clusterId": "c"}', '{"format": 3}']) {
    await at.writeSmall(IDENTITY_NAME, bytes(text));
    await expect(openIdentity(at, who())).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  }
});

test("no flipped bit makes another identity of it, or another format: it is damage, or changes nothing", async () => {
  const at = disk();
  await completeIdentity(at, (await openIdentity(at, who())).identity);
  const sound = await readIdentity(at);
  const written = (await at.readSmall(IDENTITY_NAME)) ?? new Uint8Array();
  let damaged = 0;
  for (let bit = 0; bit < written.length * 8; bit++) {
    const flipped = written.slice();
    flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
    await at.writeSmall(IDENTITY_NAME, flipped);
    const read = await readIdentity(at).catch((error: unknown) => error);
    if (isJobxError(read)) {
      expect(read.code).toBe("STORE_DAMAGED");
      damaged += 1;
    } else expect(read).toEqual(sound);
  }
  expect(damaged).toBeGreaterThan(written.length * 4);
});
