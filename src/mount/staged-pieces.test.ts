import { randomBytes } from "node:crypto";
import { copyFileSync, linkSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StagedPieces } from "./staged-pieces.ts";
import { PIECE_BYTES as MIB } from "./staging.ts";

let directory = "";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "jobx-staged-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The bytes of what was given. */
function bytesOf(given: ReturnType<StagedPieces["give"]>): Buffer {
  return Buffer.concat(
    (given.kind === "pieces" ? given.paths : [given.path]).map((path) => readFileSync(path)),
  );
}

test("what is written anywhere is read and given as it is, with zeros between", () => {
  const staged = new StagedPieces(directory);
  const data = randomBytes(2 * MIB);
  staged.write(data, MIB / 2);
  staged.write(data.subarray(0, 10), 5 * MIB - 5);
  const whole = Buffer.alloc(5 * MIB + 5);
  data.copy(whole, MIB / 2);
  data.copy(whole, 5 * MIB - 5, 0, 10);
  expect(staged.bytes).toBe(whole.length);
  expect(whole.equals(staged.read({ at: 0, length: 10 * MIB }))).toBe(true);
  expect(whole.equals(bytesOf(staged.give(0, whole.length)))).toBe(true);
  expect(whole.equals(bytesOf(staged.whole()))).toBe(true);
});

test("a file that was given stays as it was, however its piece is written to or cut", () => {
  const staged = new StagedPieces(directory);
  const data = randomBytes(3 * MIB);
  staged.write(data, 0);
  const given = staged.give(0, 3 * MIB);
  const paths = given.kind === "pieces" ? given.paths : [];
  for (const [at, path] of paths.entries()) linkSync(path, join(directory, `block${at}`));
  staged.write(randomBytes(10), 7);
  staged.write(randomBytes(MIB), MIB);
  staged.truncate(2 * MIB + 5);
  staged.settled();
  for (const at of [0, 1, 2]) {
    const block = readFileSync(join(directory, `block${at}`));
    expect(block.equals(data.subarray(at * MIB, (at + 1) * MIB))).toBe(true);
  }
});

test("nothing of it is left when it is removed", async () => {
  const staged = new StagedPieces(directory);
  staged.write(randomBytes(3 * MIB), 0);
  staged.give(0, MIB);
  staged.write(randomBytes(5), 3);
  staged.remove();
  await expect.poll(() => readdirSync(directory)).toEqual([]);
});

test("any order of writes, cuts and giving is that of one file", () => {
  const staged = new StagedPieces(directory);
  let model = Buffer.alloc(0);
  let state = 7;
  const random = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
  const kept: { readonly path: string; readonly copy: string }[] = [];
  for (let step = 0; step < 400; step += 1) {
    const what = random(10);
    if (what < 6) {
      const at = random(2) === 0 ? model.length : random(4 * MIB);
      const data = Buffer.alloc(1 + random(random(5) === 0 ? 2 * MIB : 5000), step % 256);
      if (at + data.length > 6 * MIB) continue;
      staged.write(data, at);
      const grown = Buffer.alloc(Math.max(model.length, at + data.length));
      model.copy(grown);
      data.copy(grown, at);
      model = grown;
    } else if (what < 8) {
      const bytes = random(6 * MIB);
      staged.truncate(bytes);
      const cut = Buffer.alloc(bytes);
      model.copy(cut);
      model = cut;
    } else if (model.length > 0) {
      const first = random(Math.ceil(model.length / MIB));
      const length = Math.min(2 * MIB, model.length - first * MIB);
      const given = staged.give(first * MIB, length);
      expect(bytesOf(given).equals(model.subarray(first * MIB, first * MIB + length))).toBe(true);
      const path = given.kind === "pieces" ? (given.paths[0] ?? "") : "";
      const copy = join(directory, `copy${step}`);
      linkSync(path, join(directory, `link${step}`));
      copyFileSync(path, copy);
      kept.push({ path: join(directory, `link${step}`), copy });
    }
    const [at, length] = [random(6 * MIB), random(MIB)];
    expect(model.subarray(at, at + length).equals(staged.read({ at, length }))).toBe(true);
  }
  expect(model.equals(staged.read({ at: 0, length: 7 * MIB }))).toBe(true);
  for (const { path, copy } of kept)
    expect(readFileSync(path).equals(readFileSync(copy))).toBe(true);
});
