import { expect, test } from "vitest";
import { isUnder, keys, META_KEY, prefixes, RETAINED_KEY } from "./keys.ts";

const AT = { index: 7, ordinal: 1 };

const EXAMPLES: readonly string[] = [
  META_KEY,
  RETAINED_KEY,
  keys.source("v"),
  keys.plan(1),
  keys.request(1),
  keys.invocation(1, [2]),
  keys.block(1, [2], 3),
  keys.result(1, [2], { part: 0, child: 3, unit: 0 }),
  keys.output(1, 2),
  keys.queue("gpu", 1, AT, 0),
  keys.delayed(5, AT),
  keys.parked(1, keys.queue("gpu", 1, AT, 0)),
  keys.attempt(AT),
  keys.history(1, AT),
  keys.badEnd(1, 2),
  keys.printed(1, 2),
  keys.answerWindow("node"),
  keys.keyed("client"),
  keys.expiry(5, keys.keyed("client")),
  keys.ended(5, 1),
  keys.kept("name"),
  keys.removal(1),
  keys.planPins(1),
  keys.sourcePins("v"),
];

test("each kind of row has a small letter of its own, so that capitals are free for named units", () => {
  const letters = EXAMPLES.map((key) => key.slice(0, 2));
  expect(letters.every((letter) => /^[a-z]\/$/u.test(letter))).toBe(true);
  expect(new Set(letters).size).toBe(EXAMPLES.length);
  // An answer block lies in its node's window, and what voids results among them.
  const kinds = Object.keys(keys).filter((kind) => kind !== "answerBlock" && kind !== "void");
  expect(EXAMPLES).toHaveLength(kinds.length + 2);
});

test("a scan of requests or blocks meets no request whose number only begins alike", () => {
  expect(keys.request(12).startsWith(keys.request(1))).toBe(false);
  expect(keys.block(12, [0], 0).startsWith(prefixes.blocksOf(1))).toBe(false);
  expect(keys.block(1, [0], 0).startsWith(prefixes.blocksOf(1))).toBe(true);
  expect(keys.block(1, [12], 0).startsWith(prefixes.blocksOfInvocation(1, [1]))).toBe(false);
});

test("what attempts left goes with their request", () => {
  for (const key of [keys.history(1, AT), keys.badEnd(1, 2), keys.printed(1, 2)]) {
    expect(isUnder(key, 1)).toBe(true);
    expect(isUnder(key, 12)).toBe(false);
  }
});
