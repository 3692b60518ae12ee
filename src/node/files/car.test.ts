/** Archives out of and into a volume, against what the IPFS importer computes. */
import { hash } from "node:crypto";
import { CarReader } from "@ipld/car";
import { expect, test } from "vitest";
import { imported as importerMade, randomBytes } from "../../../test/lib/content-kit.ts";
import { joined, OPTIONS, slices, VolumeKit } from "../../../test/lib/volume-kit.ts";
import { JobxError } from "../../std/errors.ts";

const MIB = 1024 * 1024;

async function exported(kit: VolumeKit, path: string): Promise<{ cid: string; car: Buffer }> {
  const { cid, archive } = await kit.volumes.openCar({ workflow: "flow", path }, OPTIONS);
  return { cid, car: await joined(archive) };
}

function imported(
  kit: VolumeKit,
  path: string,
  car: Uint8Array,
): ReturnType<VolumeKit["volumes"]["importCar"]> {
  const parts = [car.subarray(0, 100), car.subarray(100)];
  return kit.volumes.importCar({ workflow: "flow", path }, slices(parts), OPTIONS);
}

/** The id that the importer gives the same files below a folder. */
async function importerRoot(files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  const candidates = [...files].map(([path, content]) => ({ path: `x/${path}`, content }));
  return (await importerMade(candidates)).root;
}

const FILES = new Map<string, Uint8Array>([
  ["a", Buffer.from("some")],
  ["b/c", Buffer.alloc(0)],
  ["b/d/large", randomBytes(3 * MIB + 5)],
  ["b/d/many", randomBytes(19 * MIB, 2)],
]);

async function filled(): Promise<VolumeKit> {
  const kit = new VolumeKit();
  for (const [path, content] of FILES) await kit.put(`/t/${path}`, content);
  return kit;
}

test("a folder's archive has the root that the importer computes, and other readers find it whole", async () => {
  const kit = await filled();
  const { cid, car } = await exported(kit, "/t");
  expect(cid).toBe(await importerRoot(FILES));
  const reader = await CarReader.fromBytes(car);
  expect((await reader.getRoots()).map(String)).toEqual([cid]);
  const file = await exported(kit, "/t/b/d/large");
  expect(file.cid).toBe(await kit.put("/same", FILES.get("b/d/large") ?? ""));
});

test("an archive that is taken in is the same tree, with the same ids, elsewhere", async () => {
  const from = await filled();
  await from.files.symlink({ workflow: "flow", path: "/t/link", target: "../a" }, OPTIONS);
  const { cid, car } = await exported(from, "/t");
  const kit = new VolumeKit();
  const answer = await imported(kit, "/in/t", car);
  expect(answer).toMatchObject({
    cid,
    files: 4,
    directories: 2,
    links: 1,
    copies: 1,
    copiesWanted: 2,
  });
  for (const [path, content] of FILES) {
    expect([path, (await kit.get(`/in/t/${path}`)).equals(content)]).toEqual([path, true]);
  }
  expect((await exported(kit, "/in/t")).cid).toBe(cid);
  const { path, ...stated } = await from.files.stat(
    { workflow: "flow", path: "/t/b/d/many", follow: false },
    OPTIONS,
  );
  expect(path).toBe("/t/b/d/many");
  expect(
    await kit.files.stat({ workflow: "flow", path: "/in/t/b/d/many", follow: false }, OPTIONS),
  ).toMatchObject({ cid: stated.cid, bytes: stated.bytes });
  const alone = await exported(from, "/t/b/d/many");
  expect(await imported(kit, "/alone", alone.car)).toMatchObject({
    files: 1,
    directories: 0,
    cid: alone.cid,
  });
  expect((await kit.get("/alone")).equals(FILES.get("b/d/many") ?? Buffer.alloc(0))).toBe(true);
  expect(kit.paths().filter((one) => one.startsWith(".uploads"))).toEqual([]);
  kit.tree.checkCounts();
});

test("bad archives are refused by their code, whatever is wrong with them, and leave nothing behind", async () => {
  const { car } = await exported(await filled(), "/t");
  const kit = new VolumeKit();
  await kit.put("/full/f", "x");
  const flipped = Buffer.from(car);
  flipped[car.length - 1] = (flipped[car.length - 1] ?? 0) ^ 1;
  const { car: small } = await exported(await filled(), "/t/b/d/large");
  const last = Buffer.from(small.subarray(0, small.length - (MIB + 40)));
  const cases = [
    [Buffer.alloc(0), "/x", /FS_CAR_MALFORMED$/u],
    [Buffer.from("no archive at all, but some text"), "/x", /FS_CAR_/u],
    [car.subarray(0, car.length - 1), "/x", /FS_CAR_MALFORMED$/u],
    [flipped, "/x", /FS_CAR_DAMAGED$/u],
    [car.subarray(0, 59), "/x", /FS_NODE_MISSING$/u],
    [last, "/x", /FS_(?:NODE_MISSING|CAR_MALFORMED)$/u],
    [car, "/full", /FS_NOT_EMPTY$/u],
    [car, "/full/f", /FS_NOT_DIRECTORY$/u],
    [car, "/", /FS_EXISTS$/u],
    [car, "/a/../b", /FS_NAME_INVALID$/u],
  ] as const;
  const before = kit.paths();
  for (const [bytes, path, code] of cases) {
    const error: unknown = await imported(kit, path, bytes).catch((one: unknown) => one);
    expect(`${path} ${error instanceof JobxError ? error.code : ""}`).toMatch(code);
  }
  expect(kit.paths()).toEqual(before);
  expect(kit.tree.use()).toMatchObject({ pins: 0 });
  kit.tree.checkCounts();
});

test("an archive whose root it does not bring reads nothing that others have stored", async () => {
  const kit = new VolumeKit();
  const cid = await kit.put("/secret", "a secret of this volume");
  const { car } = await exported(kit, "/secret");
  // The header alone: the block is on the node, but not in the archive.
  const error: unknown = await imported(kit, "/mine", car.subarray(0, 59)).catch(
    (one: unknown) => one,
  );
  expect([cid.startsWith("baf"), error]).toMatchObject([true, { code: "FS_NODE_MISSING" }]);
  expect(kit.blocks.has(hash("sha256", "a secret of this volume", "hex"))).toBe(true);
});
