import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { HandlerKit, handlerOf, type Pair } from "../../test/lib/handler-kit.ts";

const JS = {
  words: handlerOf(
    "javascript",
    "mapper",
    `export async function* map(args, ctx) {
      yield ctx.toReturn();
      for await (const [key, text] of args) for (const word of text.split(" ")) yield [word, 1];
    }`,
  ),
  sum: handlerOf(
    "javascript",
    "reducer",
    `export function* reduce(results) {
      for (const [key, values] of results) yield [key, values.reduce((a, b) => a + b, 0)];
    }`,
    { argumentType: "list" },
  ),
};
const PY = {
  words: handlerOf(
    "python",
    "mapper",
    `def map(args, ctx):
    yield ctx.to_return()
    for key, text in args:
        for word in text.split(" "):
            yield word, 1
`,
  ),
  sum: handlerOf(
    "python",
    "reducer",
    `def reduce(results):
    for key, values in results:
        yield key, sum(values)
`,
    { argumentType: "list" },
  ),
};
const TEXT: Pair[] = [
  [0, "b a b"],
  [1, "a b"],
];

let kit: HandlerKit;
beforeAll(async () => {
  kit = await HandlerKit.open({ slots: 2 });
});
afterAll(() => kit.close());

describe.each([
  ["javascript", JS],
  ["python", PY],
] as const)("%s", (_language, { words, sum }) => {
  test("a leaf is mapped, sorted and reduced in one attempt", async () => {
    const outcome = await kit.map({ mapper: words, reducer: sum }, TEXT);
    expect(outcome).toMatchObject({ kind: "reduced", warnings: [], session: [] });
    if (outcome.kind !== "reduced") return;
    expect(await kit.pairsOf(outcome.parts[0] ?? [])).toEqual([
      ["a", 2],
      ["b", 3],
    ]);
  });
});
