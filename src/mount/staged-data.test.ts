import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { STAGED_BYTES_MAX, StagedData, StagingMemory } from "./staged-data.ts";
import { StagedPieces } from "./staged-pieces.ts";
import { StagingFile } from "./staging-file.ts";

let directory: string;
let memory: StagingMemory;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "staging-"));
  memory = new StagingMemory();
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

const staging = (memoryBytesMax = 10_000, inPieces = false): StagedData =>
  new StagedData({
    ...{ memory, memoryBytesMax, inPieces },
    onDisk: () => (inPieces ? new StagedPieces(directory) : new StagingFile(directory)),
  });
const onDisk = (file: StagedData): string => {
  const content = file.whole();
  const paths = content.kind === "file" ? [content.path] : content.paths;
  return paths.map((path) => readFileSync(path, "latin1")).join("");
};
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString("latin1");
const bytesOf = (said: string): Uint8Array => Buffer.from(said, "latin1");
const whole = (file: StagedData): string => text(file.read({ at: 0, length: 1 << 20 }));

test("small content touches no disk", () => {
  const file = staging();
  file.write(bytesOf("hello"), 0);
  expect([text(file.data()), whole(file), file.bytes]).toEqual(["hello", "hello", 5]);
  expect(readdirSync(directory)).toEqual([]);
});

test.each([
  { max: 10_000, inPieces: false },
  { max: 10_000, inPieces: true },
  { max: 0, inPieces: false },
  { max: 0, inPieces: true },
])(
  "is the same in memory and on disk, with holes, cut and filled ($max bytes in memory, in pieces: $inPieces)",
  async ({ max, inPieces }) => {
    const file = staging(max, inPieces);
    file.write(bytesOf("abcdef"), 2);
    file.truncate(4);
    file.truncate(6);
    file.write(bytesOf("z"), 7);
    expect(whole(file)).toBe("\0\0ab\0\0\0z");
    expect(text(file.read({ at: 3, length: 2 }))).toBe("b\0");
    expect(text(file.read({ at: 9, length: 2 }))).toBe("");
    expect(onDisk(file)).toBe("\0\0ab\0\0\0z");
    expect(file.data()).toBeUndefined();
    file.remove();
    await vi.waitFor(() => expect(readdirSync(directory)).toEqual([]));
  },
);

test("content that grows beyond its room goes to the disk with what was written", () => {
  const file = staging(6_000);
  file.write(bytesOf("a".repeat(6_000)), 0);
  expect(readdirSync(directory)).toEqual([]);
  file.write(bytesOf("b"), 6_000);
  expect(readdirSync(directory)).toHaveLength(1);
  file.write(bytesOf("c"), 1);
  expect(whole(file)).toBe(`ac${"a".repeat(5_998)}b`);
});

test("a copy stays as it was while more is written", () => {
  const file = staging();
  file.write(bytesOf("old"), 0);
  const copy = file.data();
  file.write(bytesOf("new"), 0);
  expect(text(copy)).toBe("old");
});

test("all contents together take no more memory than there is, and give it back", () => {
  const large = STAGED_BYTES_MAX / 2;
  const files = [1, 2, 3].map(() => staging(large));
  for (const file of files) file.truncate(large);
  expect(files.map((file) => file.data() !== undefined)).toEqual([true, true, false]);
  files[0]?.remove();
  files[1]?.whole();
  const [more, other] = [staging(large), staging(large)];
  more.truncate(large);
  other.truncate(large);
  expect([more.data(), other.data()]).not.toContain(undefined);
});
