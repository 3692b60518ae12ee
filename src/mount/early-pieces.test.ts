import { expect, test } from "vitest";
import { EarlyPieces, type EarlySource, PIECES_AT_ONCE } from "./early-pieces.ts";
import type { EarlyContent } from "./ports.ts";
import { PIECE_BYTES as MIB } from "./staging.ts";

const SOURCE: EarlySource = { inPieces: false, give: () => ({ kind: "file", path: "path" }) };

/** A file in memory and a volume that takes pieces of it when it is let. */
class Rig {
  file = new Uint8Array(0);
  begun = 0;
  ended = 0;
  readonly puts: string[] = [];
  readonly pieces: EarlyPieces;
  readonly #stored = new Map<number, Uint8Array>();
  readonly #waiting: (() => void)[] = [];
  #isHeld = false;
  #fails = false;
  isOver = false;

  constructor() {
    this.pieces = new EarlyPieces(SOURCE, async () => {
      this.begun += 1;
      this.#stored.clear();
      return this.#content();
    });
  }

  write(at: number, length: number, value: number): void {
    const before = this.file.length;
    const grown = new Uint8Array(Math.max(before, at + length));
    grown.set(this.file);
    grown.fill(value, at, at + length);
    this.file = grown;
    this.pieces.wrote({ at, length, before });
  }

  cut(bytes: number): void {
    const before = this.file.length;
    const cut = new Uint8Array(bytes);
    cut.set(this.file.subarray(0, bytes));
    this.file = cut;
    this.pieces.cut({ bytes, before });
  }

  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  fail(fails: boolean): void {
    this.#fails = fails;
  }

  /** Whether the volume has what is in the file. */
  isWhole(): boolean {
    for (let at = 0; at < this.file.length; at += MIB) {
      const piece = this.#stored.get(at / MIB);
      if (piece === undefined) return false;
      if (Buffer.compare(piece, this.file.subarray(at, at + MIB)) !== 0) return false;
    }
    return true;
  }

  #content(): EarlyContent {
    const isOver = (): boolean => this.isOver;
    return {
      get isOver() {
        return isOver();
      },
      put: async ({ at, length }) => {
        this.puts.push(`${at / MIB}+${length / MIB}`);
        // Like a node that reads the file while it is written.
        const read = this.file.slice(at, at + length);
        if (this.#isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        if (this.#fails) throw new Error("not taken");
        for (let from = 0; from < length; from += MIB) {
          this.#stored.set((at + from) / MIB, read.slice(from, from + MIB));
        }
      },
      end: () => {
        this.ended += 1;
      },
    };
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
const CLOSES = { begins: false };
const SYNCS = { begins: true };

test("who writes in order has given all but the last pieces before the file is closed", async () => {
  const rig = new Rig();
  for (let at = 0; at < 20; at += 1) rig.write(at * MIB, MIB, at + 1);
  rig.write(20 * MIB, 5, 99);
  await turn();
  expect(rig.puts).toEqual(["0+8", "8+8"]);
  expect(await rig.pieces.all(rig.file.length, CLOSES)).toBeDefined();
  expect(rig.puts.slice(2)).toEqual([`16+${4 + 5 / MIB}`]);
  expect(rig.isWhole()).toBe(true);
});

test("a file of less than what is given at once, and one that is written in no order, is given whole", async () => {
  const short = new Rig();
  short.write(0, PIECES_AT_ONCE * MIB - 1, 1);
  expect(await short.pieces.all(short.file.length, CLOSES)).toBeUndefined();
  const random = new Rig();
  for (let at = 30; at > 0; at -= 1) random.write(at * MIB, MIB, at);
  expect(await random.pieces.all(random.file.length, CLOSES)).toBeUndefined();
  expect([short.begun, random.begun]).toEqual([0, 0]);
});

test("what was given and is written to again is given again, also while it was on its way", async () => {
  const rig = new Rig();
  rig.hold();
  for (let at = 0; at < 16; at += 1) rig.write(at * MIB, MIB, at + 1);
  await turn();
  rig.write(3 * MIB - 1, 2, 77);
  rig.release();
  await turn();
  expect(await rig.pieces.all(rig.file.length, CLOSES)).toBeDefined();
  expect(rig.puts).toEqual(["0+8", "8+8", "2+2"]);
  expect(rig.isWhole()).toBe(true);
});

test("a cut takes back what it changes, and what is written behind it counts", async () => {
  const rig = new Rig();
  rig.hold();
  for (let at = 0; at < 16; at += 1) rig.write(at * MIB, MIB, at + 1);
  rig.cut(2.5 * MIB);
  for (let at = 0; at < 16; at += 1) rig.write((at + 2.5) * MIB, MIB, at + 40);
  await turn();
  rig.release();
  await turn();
  rig.cut(40 * MIB);
  rig.write(45 * MIB, MIB, 7);
  expect(await rig.pieces.all(rig.file.length, CLOSES)).toBeDefined();
  expect(rig.isWhole()).toBe(true);
});

test("each fsync after the first gives only what changed", async () => {
  const rig = new Rig();
  rig.write(0, 0, 0);
  for (const at of [20, 3, 11]) rig.write(at * MIB, MIB, at);
  expect(await rig.pieces.all(rig.file.length, SYNCS)).toBeDefined();
  expect(rig.puts).toEqual(["0+8", "8+8", "16+5"]);
  rig.write(5 * MIB + 7, 10, 1);
  rig.write(21 * MIB, 100, 2);
  expect(await rig.pieces.all(rig.file.length, SYNCS)).toBeDefined();
  expect(rig.puts.slice(3)).toEqual(["5+1", `21+${100 / MIB}`]);
  expect(rig.isWhole()).toBe(true);
  expect(rig.begun).toBe(1);
});

test("what the volume does not take, or has lost, makes it be given whole, and begun anew by the next fsync", async () => {
  const rig = new Rig();
  rig.fail(true);
  for (let at = 0; at < 20; at += 1) rig.write(at * MIB, MIB, at + 1);
  await turn();
  expect(await rig.pieces.all(rig.file.length, CLOSES)).toBeUndefined();
  rig.fail(false);
  expect(await rig.pieces.all(rig.file.length, SYNCS)).toBeDefined();
  expect(rig.isWhole()).toBe(true);
  rig.isOver = true;
  expect(await rig.pieces.all(rig.file.length, SYNCS)).toBeUndefined();
  rig.isOver = false;
  expect(await rig.pieces.all(rig.file.length, SYNCS)).toBeDefined();
  expect(rig.isWhole()).toBe(true);
});

test("content that was there before is not given ahead, only what is written behind it", async () => {
  const rig = new Rig();
  rig.file = new Uint8Array(30 * MIB);
  rig.pieces.holds(30 * MIB);
  rig.write(0, MIB, 5);
  await turn();
  expect(rig.puts).toEqual([]);
  for (let at = 30; at < 39; at += 1) rig.write(at * MIB, MIB, at);
  await turn();
  expect(rig.puts).toEqual(["30+8"]);
  expect(await rig.pieces.all(rig.file.length, CLOSES)).toBeDefined();
  expect(rig.isWhole()).toBe(true);
});

test("any order of writes, cuts and fsyncs leaves what is in the file", async () => {
  for (let seed = 1; seed < 4; seed += 1) {
    const rig = new Rig();
    let state = seed;
    const random = (below: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % below;
    };
    for (let step = 0; step < 40; step += 1) {
      const what = random(20);
      if (what === 0) rig.cut(random(30) * (MIB / 2));
      else if (what === 1) rig.hold();
      else if (what === 2) rig.release();
      else if (what === 3) await turn();
      else if (what < 8) rig.write(random(20 * MIB), 1 + random(2 * MIB), random(256));
      else rig.write(rig.file.length, 1 + random(2 * MIB), random(256));
      if (what !== 19) continue;
      rig.release();
      const isTaken = (await rig.pieces.all(rig.file.length, SYNCS)) !== undefined;
      expect([seed, step, isTaken && !rig.isWhole()]).toEqual([seed, step, false]);
    }
    rig.release();
    expect(await rig.pieces.all(rig.file.length, SYNCS)).toBeDefined();
    expect([seed, rig.isWhole()]).toEqual([seed, true]);
    rig.pieces.end();
    await turn();
    expect(rig.ended).toBeGreaterThan(0);
  }
});
