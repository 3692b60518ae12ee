/** What the demo concludes from attempts and pairs. */
import type { DemoAttempt, DemoNode } from "./demo-cluster.ts";
import { asList } from "./json.ts";

/** Completed units of one node, before and after the kill. */
export interface NodeWork {
  readonly name: string;
  readonly before: number;
  readonly after: number;
}

/** Completed units by node. What ended in the very millisecond of the kill counts as before. */
export function workByNode(
  nodes: readonly DemoNode[],
  attempts: readonly DemoAttempt[],
  killedAtMs: number,
): readonly NodeWork[] {
  const done = attempts.filter(({ state }) => state === "done");
  return nodes.map(({ id, name }) => {
    const ends = done.filter(({ node }) => node === id).map(({ endedAtMs }) => endedAtMs ?? 0);
    const after = ends.filter((endedAtMs) => endedAtMs > killedAtMs).length;
    return { name, before: ends.length - after, after };
  });
}

/** Why the work does not count as shared and survived; empty when it does. */
export function workProblems(work: readonly NodeWork[], afterRatioMin: number): readonly string[] {
  const problems: string[] = [];
  const sum = (pick: (one: NodeWork) => number): number =>
    work.reduce((s, one) => s + pick(one), 0);
  const after = sum((one) => one.after);
  const total = after + sum((one) => one.before);
  const workers = work.filter((one) => one.before + one.after > 0).length;
  if (workers < 2) problems.push(`only ${workers} of ${work.length} nodes completed a unit`);
  if (after < total * afterRatioMin) {
    problems.push(`only ${after} of ${total} units ended after the kill`);
  }
  return problems;
}

/** The result's pairs as counts. @throws {Error} when one is not [text, number] or a word comes twice. */
export function countsOf(pairs: readonly unknown[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const pair of pairs) {
    const [word, count] = asList(pair, "a pair");
    if (typeof word !== "string" || typeof count !== "number") {
      throw new Error(`the result has a pair that is no count: ${JSON.stringify(pair)}`);
    }
    if (counts.has(word)) throw new Error(`the result has '${word}' twice`);
    counts.set(word, count);
  }
  return counts;
}

/** The words whose counts differ, as sentences. */
export function differences(
  cluster: ReadonlyMap<string, number>,
  alone: ReadonlyMap<string, number>,
): readonly string[] {
  const words = new Set([...cluster.keys(), ...alone.keys()]);
  return [...words]
    .filter((word) => cluster.get(word) !== alone.get(word))
    .map((word) => `${word}: cluster ${cluster.get(word) ?? 0}, alone ${alone.get(word) ?? 0}`);
}

/** The most frequent words, ties by word. */
export function topWords(
  counts: ReadonlyMap<string, number>,
  length: number,
): readonly (readonly [string, number])[] {
  return [...counts]
    .sort(([wordA, a], [wordB, b]) => b - a || (wordA < wordB ? -1 : 1))
    .slice(0, length);
}
