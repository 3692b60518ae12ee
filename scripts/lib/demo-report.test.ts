import { expect, test } from "vitest";
import { countsOf, differences, topWords, workByNode, workProblems } from "./demo-report.ts";

const nodes = ["a", "b"].map((id) => ({ id, name: `node-${id}`, api: "", state: "up" }));
const attempt = (node: string, state: string, endedAtMs: number | null) => ({
  node,
  step: "words",
  state,
  endedAtMs,
});

test("only completed units count, and what ended in the millisecond of the kill counts as before", () => {
  const attempts = [
    attempt("a", "done", 10),
    attempt("a", "done", 11),
    attempt("a", "lost", 12),
    attempt("b", "running", null),
    attempt("b", "done", 9),
  ];
  expect(workByNode(nodes, attempts, 10)).toEqual([
    { name: "node-a", before: 1, after: 1 },
    { name: "node-b", before: 1, after: 0 },
  ]);
});

test("work by one node alone, or nearly done before the kill, is a problem", () => {
  const alone = [
    { name: "a", before: 5, after: 5 },
    { name: "b", before: 0, after: 0 },
  ];
  expect(workProblems(alone, 0.3)).toEqual(["only 1 of 2 nodes completed a unit"]);
  const late = [
    { name: "a", before: 8, after: 1 },
    { name: "b", before: 0, after: 1 },
  ];
  expect(workProblems(late, 0.3)).toEqual(["only 2 of 10 units ended after the kill"]);
  const good = [
    { name: "a", before: 7, after: 0 },
    { name: "b", before: 0, after: 3 },
  ];
  expect(workProblems(good, 0.3)).toEqual([]);
});

test("a word that one side lacks or counts differently is a difference", () => {
  const cluster = new Map([
    ["same", 1],
    ["more", 3],
    ["extra", 1],
  ]);
  const alone = new Map([
    ["same", 1],
    ["more", 2],
    ["missing", 4],
  ]);
  expect(differences(cluster, alone)).toEqual([
    "more: cluster 3, alone 2",
    "extra: cluster 1, alone 0",
    "missing: cluster 0, alone 4",
  ]);
});

test("a result with a word twice or with something that is no count is refused", () => {
  expect(() =>
    countsOf([
      ["a", 1],
      ["a", 2],
    ]),
  ).toThrow("'a' twice");
  expect(() => countsOf([["a", "1"]])).toThrow("no count");
});

test("the top words are by count, then by word", () => {
  const counts = new Map([
    ["b", 2],
    ["a", 2],
    ["c", 3],
    ["d", 1],
  ]);
  expect(topWords(counts, 3)).toEqual([
    ["c", 3],
    ["a", 2],
    ["b", 2],
  ]);
});
