/** The workflow `words` of `test/e2e`: a corpus, its count, and what must hold at a request's end. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { JobxClient } from "../../src/api/client.ts";
import type { RequestView } from "../../src/api/ports.ts";
import { attemptsOf } from "./e2e-cluster.ts";
import { eventually } from "./e2e-eventually.ts";
import type { ClusterNodes } from "./e2e-nodes.ts";

/** Reducers of the root write so many runs: as in `words.yaml`. */
const ROOT_PARTITIONS = 2;
/** More than one node does at once, so that every one has some. */
const WORDS_PER_LINE = 20;

/** A folder of texts, and how often each word is in it by the count of whoever wrote it. */
export interface Corpus {
  readonly folder: string;
  readonly documents: number;
  readonly lines: number;
  readonly counts: ReadonlyMap<string, number>;
}

/** Writes `documents` files of `linesEach` lines, the same for the same numbers. */
export async function writeCorpus(
  cluster: Pick<ClusterNodes, "folder">,
  size: { readonly documents: number; readonly linesEach: number },
): Promise<Corpus> {
  const { documents, linesEach } = size;
  const folder = join(cluster.folder, `corpus-${documents}-${linesEach}`);
  await mkdir(folder, { recursive: true });
  const counts = new Map<string, number>();
  let state = documents * 1000 + linesEach;
  const nextWord = (): string => {
    // A linear congruential step: which words come does not matter, that they differ in number does.
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    const word = `word${Math.floor(Math.sqrt(state % 10_000))}`;
    counts.set(word, (counts.get(word) ?? 0) + 1);
    return word;
  };
  for (let document = 0; document < documents; document++) {
    const lines = Array.from({ length: linesEach }, () =>
      Array.from({ length: WORDS_PER_LINE }, nextWord).join(" "),
    );
    await writeFile(join(folder, `${document}.txt`), lines.join("\n"));
  }
  return { folder, documents, lines: documents * linesEach, counts };
}

/** Submits a count of the corpus and returns the request's id once it is acknowledged. */
export async function submitCount(
  client: JobxClient,
  corpus: Corpus,
  how: {
    /** Each line takes so long. */
    readonly pauseMs?: number;
    /** Lines from this number on in each document wait for the file `gate`. */
    readonly gatedFrom?: number;
    readonly gate?: string;
  } = {},
): Promise<string> {
  const { pauseMs = 0, gatedFrom = 0, gate = null } = how;
  const { request } = await client.submit({
    workflow: "words",
    job: "count",
    arguments: [["how", { folder: corpus.folder, pauseMs, gatedFrom, gate }]],
    idempotencyKey: undefined,
  });
  return request;
}

/** Waits until so many lines are done. */
export async function linesDone(client: JobxClient, id: string, count: number): Promise<void> {
  await eventually(`${count} lines of ${id} are done`, 60_000, async () => {
    const { steps } = await client.request(id, { waitMs: 0, withResult: false });
    return (steps["lines"]?.done ?? 0) >= count;
  });
}

/**
 * What must hold for a request that counted `corpus`, whatever happened meanwhile: the right result,
 * every unit done, none of them twice.
 */
export async function expectCounted(
  client: JobxClient,
  view: RequestView,
  corpus: Corpus,
): Promise<void> {
  expect(view).toMatchObject({ state: "succeeded", error: null });
  const sorted = (pairs: Iterable<readonly [unknown, unknown]>): string[] =>
    Array.from(pairs, ([word, count]) => `${word} ${count}`).sort();
  expect(sorted(view.result?.pairs ?? [])).toEqual(sorted(corpus.counts));
  expect(view.steps).toEqual({
    folder: { total: 1, done: 1, failed: 0 },
    files: { total: corpus.documents, done: corpus.documents, failed: 0 },
    lines: { total: corpus.lines, done: corpus.lines, failed: 0 },
  });
  const done = (await attemptsOf(client, view.request)).filter(({ state }) => state === "done");
  const mapped = done.filter(({ phase }) => phase === "map").map(({ invocation }) => invocation);
  expect(mapped).toHaveLength(1 + corpus.documents + corpus.lines);
  expect(new Set(mapped).size).toBe(mapped.length);
  const reduced = new Map<string, number>();
  for (const { phase, invocation } of done) {
    if (phase === "reduce") reduced.set(invocation, (reduced.get(invocation) ?? 0) + 1);
  }
  const root = `${view.request}.r`;
  expect(reduced.get(root)).toBe(ROOT_PARTITIONS);
  reduced.delete(root);
  expect([...reduced.values()]).toEqual(Array.from({ length: corpus.documents }, () => 1));
}
