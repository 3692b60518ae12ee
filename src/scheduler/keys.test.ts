import { expect, test } from "vitest";
import { prefixEnd } from "../std/ordered-text.ts";
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
  keys.history({ kind: "map", request: 1, path: [2] }, AT),
  keys.badEnd(1, "final", 2),
  keys.printed(1, 2),
  keys.remake({ kind: "map", request: 1, path: [2] }),
  keys.answerWindow("node"),
  keys.keyed("client"),
  keys.expiry(5, keys.keyed("client")),
  keys.ended(5, 1),
  keys.kept("name"),
  keys.removal(1),
  keys.planPins(1),
  keys.sourcePins("v"),
  keys.segment(1, 2),
];

test("each kind of row has a letter of its own, which no named unit or file has", () => {
  const letters = EXAMPLES.map((key) => key.slice(0, 2));
  // Named units have other capitals, and files F.
  expect(letters.every((letter) => /^[a-zL]\/$/u.test(letter))).toBe(true);
  expect(new Set(letters).size).toBe(EXAMPLES.length);
  // An answer block lies in its node's window, what voids results among them, and who waits for what is
  // made again beside that.
  const beside = new Set(["answerBlock", "void", "starved"]);
  const kinds = Object.keys(keys).filter((kind) => !beside.has(kind));
  expect(EXAMPLES).toHaveLength(kinds.length + 2);
});

test("a scan of requests or blocks meets no request whose number only begins alike", () => {
  expect(keys.request(12).startsWith(keys.request(1))).toBe(false);
  expect(keys.block(12, [0], 0).startsWith(prefixes.blocksOf(1))).toBe(false);
  expect(keys.block(1, [0], 0).startsWith(prefixes.blocksOf(1))).toBe(true);
  expect(keys.block(1, [12], 0).startsWith(prefixes.blocksOfInvocation(1, [1]))).toBe(false);
});

test("what attempts left goes with their request", () => {
  for (const key of [
    keys.history({ kind: "map", request: 1, path: [2] }, AT),
    keys.badEnd(1, "final", 2),
    keys.printed(1, 2),
    keys.remake({ kind: "reduce", request: 1, path: [2], part: 0 }),
    keys.starved(1, AT),
  ]) {
    expect(isUnder(key, 1)).toBe(true);
    expect(isUnder(key, 12)).toBe(false);
  }
});

test("ended attempts of the units of one parent lie side by side, and no other's among them", () => {
  const map = (...path: number[]) => ({ kind: "map", request: 1, path }) as const;
  const reduce = (part: number, ...path: number[]) =>
    ({ kind: "reduce", request: 1, path, part }) as const;
  const units = [
    ...[map(), map(0), map(1), map(35), map(36), reduce(0), reduce(12), map(1, 0), reduce(0, 1)],
    ...[map(1, 1, 3), { ...map(), request: 12 }],
  ];
  const found = units.map((unit) => keys.history(unit, AT));
  expect(new Set(found).size).toBe(units.length);
  const children = {
    gte: prefixes.historyOfUnit(map(0)),
    lt: prefixEnd(prefixes.historyOfUnit(map(36))),
  };
  const between = found.filter((key) => key >= children.gte && key < children.lt).sort();
  expect(between).toEqual([map(0), map(1), map(35), map(36)].map((unit) => keys.history(unit, AT)));
  expect(found.filter((key) => key.startsWith(prefixes.historyOfUnit(map(1))))).toHaveLength(1);
  expect(found.filter((key) => key.startsWith(prefixes.historyOf(1)))).toHaveLength(10);
  expect(found.every((key) => isUnder(key, key === found.at(-1) ? 12 : 1))).toBe(true);
});
