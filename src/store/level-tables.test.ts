import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { levelDisk } from "./level-disk.ts";
import { tableDamage } from "./level-table.ts";
import { checkTables } from "./level-tables.ts";
import type { DatabaseName } from "./ports.ts";
import { unsnap } from "./unsnap.ts";

const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : new TextDecoder().decode(bytes);

async function withTable(
  name: DatabaseName,
  run: (bytes: Uint8Array, place: string, table: string) => Promise<void> | void,
): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), "jobx-tables-"));
  try {
    const kv = await levelDisk(path).createKv(name);
    // Long, regular keys, so that index blocks are worth compressing.
    const operations = Array.from({ length: 2000 }, (_, at) => ({
      kind: "put" as const,
      key: `a/long/and/regular/key/${at}`,
      value: new Uint8Array(200).fill(at & 0xff),
    }));
    await kv.write(operations, { sync: false });
    await kv.flush();
    await kv.close();
    const place = join(path, name);
    const table = (await readdir(place)).find((file) => file.endsWith(".ldb")) ?? "none";
    await run(await readFile(join(place, table)), place, table);
  } finally {
    await rm(path, { recursive: true });
  }
}

for (const name of ["log", "state"] as const) {
  test(`a table of ${name}/ is whole, and no flipped bit of its blocks goes unseen`, async () => {
    await withTable(name, async (bytes, place) => {
      await checkTables(place);
      expect(tableDamage(bytes)).toBeUndefined();
      // The footer has padding that means nothing.
      const blocksEnd = bytes.length - 48;
      for (let trial = 0; trial < 200; trial++) {
        const at = Math.floor((trial / 200) * blocksEnd);
        const flipped = bytes.slice();
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (trial % 8));
        expect([at, tableDamage(flipped) === undefined]).toEqual([at, false]);
      }
      for (const length of [0, 47, 48, 1000, bytes.length - 1])
        expect(tableDamage(bytes.subarray(0, length))).toBeDefined();
    });
  });
}

for (const name of ["log", "state"] as const) {
  test(`a table of ${name}/ that was being written when the process was killed is no damage`, async () => {
    await withTable(name, async (bytes, place) => {
      await writeFile(join(place, "999999.ldb"), bytes.subarray(0, bytes.length / 2));
      await checkTables(place);
      const kv = await levelDisk(dirname(place)).openKv(name);
      const [value] = await kv.getMany(["a/long/and/regular/key/7"]);
      expect(Array.from(value ?? [])).toEqual(Array.from({ length: 200 }, () => 7));
      await kv.close();
    });
  });

  test(`a table of ${name}/ that is cut off is damage when the manifest names it`, async () => {
    await withTable(name, async (bytes, place, table) => {
      await writeFile(join(place, table), bytes.subarray(0, bytes.length / 2));
      await expect(checkTables(place)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    });
  });
}

test("where the manifest cannot be read every table is looked at", async () => {
  await withTable("state", async (bytes, place) => {
    await writeFile(join(place, "999999.ldb"), bytes.subarray(0, bytes.length / 2));
    await writeFile(join(place, "CURRENT"), "MANIFEST-none\n");
    await expect(checkTables(place)).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  });
});

test("literals, near and far copies come out, and what overlaps repeats", () => {
  expect(text(unsnap(Uint8Array.of(3, 2 << 2, 0x61, 0x62, 0x63)))).toBe("abc");
  const repeated = Uint8Array.of(9, 2 << 2, 0x61, 0x62, 0x63, ((6 - 4) << 2) | 1, 3);
  expect(text(unsnap(repeated))).toBe("abcabcabc");
  const far = Uint8Array.of(6, 2 << 2, 0x61, 0x62, 0x63, ((3 - 1) << 2) | 2, 3, 0);
  expect(text(unsnap(far))).toBe("abcabc");
});

test("what snappy does not write is refused", () => {
  const wrong = [
    [],
    [3],
    [3, 2 << 2, 0x61],
    [9, 0, 0x61, ((6 - 4) << 2) | 1, 2],
    [0xff, 0xff, 0xff, 0xff, 0xff, 1],
  ];
  for (const bytes of wrong) expect(unsnap(Uint8Array.from(bytes))).toBeUndefined();
});
