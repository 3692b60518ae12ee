import { expect, test } from "vitest";
import type { Command } from "../scheduler/commands.ts";
import { tellAgain, tellLost } from "./lost-units.ts";

test("each node whose units are lost is told once, and what was given back is not told", () => {
  const told: unknown[] = [];
  const commands: readonly Command[] = [
    { kind: "take-back", token: { index: 1, ordinal: 0 }, how: "lost" },
    { kind: "take-back", token: { index: 2, ordinal: 0 }, how: "released" },
    { kind: "take-back", token: { index: 3, ordinal: 0 }, how: "lost" },
    { kind: "set-aside", key: "a key" },
    { kind: "take-back", token: { index: 11, ordinal: 0 }, how: "lost" },
    // Its end was applied meanwhile.
    { kind: "take-back", token: { index: 99, ordinal: 0 }, how: "lost" },
  ];
  tellLost(commands, {
    dispatcher: {
      holderOf: ({ index }) => (index === 99 ? undefined : index > 10 ? "far" : "near"),
      whyLost: ({ index }) => (index > 10 ? "its node is gone" : "its node says nothing"),
    },
    workflow: "words",
    log: { warn: (message, fields) => told.push([message, fields]) },
  });
  const message = "units were lost with their executor";
  expect(told).toEqual([
    [message, { workflow: "words", node: "near", units: 2, why: "its node says nothing" }],
    [message, { workflow: "words", node: "far", units: 1, why: "its node is gone" }],
  ]);
});

test("units that run again are told once for all that were applied together, and counted", () => {
  const told: unknown[] = [];
  const counted: number[] = [];
  const about = {
    name: "words",
    log: { warn: (message: string, fields?: unknown) => told.push([message, fields]) },
    onRunAgain: (units: number) => counted.push(units),
  };
  const again = (child: number) =>
    ({ kind: "run-again", unit: { kind: "map", request: 7, path: [child] }, step: "low" }) as const;
  tellAgain([{ kind: "undelayed", key: "d/" }], about);
  expect([told, counted]).toEqual([[], []]);
  tellAgain([again(3), { kind: "undelayed", key: "d/" }, again(4)], about);
  expect(told).toEqual([[expect.any(String), { workflow: "words", units: 2, first: "m7.3" }]]);
  expect(counted).toEqual([2]);
});
