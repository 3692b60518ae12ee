import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { countFolder, countText } from "./count-words.ts";
import { asList, asRecord } from "./lib/json.ts";

type Pairs = AsyncIterable<unknown> | Iterable<unknown>;
type Mapper = (args: readonly unknown[], ctx: object) => Pairs;

const isMapper = (value: unknown): value is Mapper => typeof value === "function";

/** A handler of the example, loaded as a worker would. */
async function mapper(name: string): Promise<Mapper> {
  const module: unknown = await import(`../examples/wordcount/handlers/${name}.js`);
  const map = asRecord(module, name)["map"];
  if (!isMapper(map)) throw new Error(`${name} has no map`);
  return map;
}

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "count-words-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const words = (text: string): Record<string, number> => {
  const counts = new Map<string, number>();
  countText(text, counts);
  return Object.fromEntries(counts);
};

test("apostrophes belong to a word only singly and between letters", () => {
  expect(words("Don't 'quote' o’clock rock''n'roll' l’été")).toEqual({
    "don't": 1,
    quote: 1,
    "o'clock": 1,
    rock: 1,
    "n'roll": 1,
    "l'été": 1,
  });
});

test("digits, marks and other signs end a word, and case does not matter", () => {
  expect(words("A1a A_B Ünder ÜNDER straße 42")).toEqual({ a: 3, b: 1, ünder: 2, straße: 1 });
});

test("the example's handlers count the same words as the plain count, however the chunks fall", async () => {
  const handlers = await Promise.all(
    ["split_documents", "split_chunks", "count_words"].map((name) => mapper(name)),
  );
  const ctx = { mapTo: () => undefined, toReturn: () => undefined };
  /** All that the rest of the handlers make of one argument; the first thing yielded is the direction. */
  const follow = async (argument: unknown, level: number, counts: Map<unknown, number>) => {
    const map = handlers[level];
    if (map === undefined) {
      const [word, count] = asList(argument, "a pair");
      counts.set(word, (counts.get(word) ?? 0) + Number(count));
      return;
    }
    for await (const pair of map(level === 0 ? asList(argument, "arguments") : [argument], ctx)) {
      if (pair !== undefined) await follow(pair, level + 1, counts);
    }
  };
  const letter = fc.constantFrom(
    "a",
    "B",
    "é",
    "Σ",
    "ß",
    "𝒳",
    "'",
    "’",
    " ",
    "\n",
    "\t",
    "-",
    "7",
    "́",
    "\u00a0",
  );
  const text = fc.string({ unit: letter, maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { maxLength: 3 }),
      fc.integer({ min: 1, max: 20 }),
      async (texts, chunkBytes) => {
        rmSync(folder, { recursive: true });
        folder = mkdtempSync(join(tmpdir(), "count-words-"));
        texts.forEach((one, index) => {
          writeFileSync(join(folder, `${index}.txt`), one);
        });
        const counts = new Map<unknown, number>();
        await follow(
          [
            ["folder", folder],
            ["chunkBytes", chunkBytes],
          ],
          0,
          counts,
        );
        expect(Object.fromEntries(counts)).toEqual(Object.fromEntries(countFolder(folder).counts));
      },
    ),
  );
});
