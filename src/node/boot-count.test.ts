import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { nextBoot } from "./boot-count.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "jobx-boot-"));
});
afterEach(() => rm(directory, { recursive: true }));

test("starts are counted from one, and the count is on disk before it is used", async () => {
  expect(await nextBoot(directory, true)).toBe(1);
  expect(await nextBoot(directory, false)).toBe(2);
  // A first start that was broken off has counted already.
  expect(await nextBoot(directory, true)).toBe(3);
  expect(await readFile(join(directory, "boot"), "utf8")).toBe("3\n");
});

test("a count that is gone after the first start is refused, and so is one that cannot be read", async () => {
  await expect(nextBoot(directory, false)).rejects.toThrow(/boot, which counts .* is gone/u);
  for (const text of ["", "\n", "0\n", "-1", "1.5", "1e3", "x", "9007199254740991", "7\0"]) {
    await writeFile(join(directory, "boot"), text);
    for (const isFirst of [true, false]) {
      await expect(nextBoot(directory, isFirst)).rejects.toMatchObject({
        details: { code: "CLUSTER_FILE_DAMAGED" },
      });
    }
    expect(await readFile(join(directory, "boot"), "utf8")).toBe(text);
  }
});

test("a count that was written by hand is gone on from", async () => {
  await writeFile(join(directory, "boot"), "1800000000");
  expect(await nextBoot(directory, false)).toBe(1_800_000_001);
});
