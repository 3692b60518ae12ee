/**
 * The log store against a plain array per group, on a disk that loses what disks lose: nothing
 * that was acknowledged is missing after a crash, and what was under way is there whole or not.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeDisk } from "../../test/lib/fake-disk.ts";
import {
  CONFIGURATION,
  fresh,
  normal,
  open,
  START,
  withGroup,
} from "../../test/lib/log-store-kit.ts";
import type { Entry, HardState } from "../raft/types.ts";
import { seededRandom } from "../std/random.ts";
import { openLogStore } from "./log-open.ts";
import type { LogStore } from "./log-store.ts";
import type { LogReport } from "./log-store-types.ts";

/** A group's log as a person would write it down. */
interface Model {
  hardState: HardState;
  start: { index: number; term: number };
  entries: { index: number; term: number; text: string }[];
}

type Models = Record<string, Model>;

function modelsOf(report: LogReport): Models {
  const models: Models = {};
  for (const group of report.groups)
    models[group.group] = {
      hardState: group.hardState,
      start: group.compacted,
      entries: group.entries.map((entry) => ({
        index: entry.index,
        term: entry.term,
        text: entry.kind === "normal" ? new TextDecoder().decode(entry.data) : entry.kind,
      })),
    };
  return models;
}

interface AppendPart {
  readonly group: string;
  /** How far back from the end the append begins. */
  readonly back: number;
  readonly count: number;
  readonly termRise: number;
  readonly large: boolean;
}

type Step =
  | { readonly kind: "append"; readonly parts: readonly AppendPart[] }
  | { readonly kind: "truncate"; readonly group: string; readonly keep: number }
  | { readonly kind: "restart"; readonly group: string; readonly ahead: number }
  | { readonly kind: "checkpoint" };

const GROUPS = ["a", "b"];
const group = fc.constantFrom(...GROUPS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      parts: fc.array(
        fc.record({
          group,
          back: fc.nat(6),
          count: fc.nat(5),
          termRise: fc.nat(2),
          large: fc.boolean(),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("truncate" as const), group, keep: fc.nat(5) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("restart" as const), group, ahead: fc.nat(5) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("checkpoint" as const) }) },
);
const crash = fc.record({
  kind: fc.constantFrom("power" as const, "process" as const),
  /** Turns of the promise queue that the step under way gets before the crash. */
  turns: fc.nat(12),
});

/** Does the step to the models and says what to ask of the store. */
function plan(models: Models, step: Step): (store: LogStore) => Promise<void> {
  switch (step.kind) {
    case "append": {
      const tasks = step.parts.map((part) => appendTask(models, part));
      return (store) => store.append(tasks);
    }
    case "truncate": {
      const model = models[step.group];
      if (model === undefined) throw new Error("no such group");
      const index = model.start.index + Math.max(0, model.entries.length - step.keep);
      const entry = model.entries.find((one) => one.index === index);
      if (entry !== undefined) {
        model.start = { index, term: entry.term };
        model.entries = model.entries.filter((one) => one.index > index);
      }
      return (store) => store.truncate([{ group: step.group, index }]);
    }
    case "restart": {
      const model = models[step.group];
      if (model === undefined) throw new Error("no such group");
      const last = model.entries.at(-1) ?? model.start;
      const index = last.index + step.ahead;
      const term = model.hardState.term;
      model.start = { index, term };
      model.entries = [];
      const restart = { index, term, configuration: CONFIGURATION, note: new Uint8Array() };
      const task = { group: step.group, replica: 1, restart, entries: [] };
      return (store) => store.append([task]);
    }
    case "checkpoint":
      return (store) => store.checkpoint();
  }
}

function appendTask(models: Models, part: AppendPart): Parameters<LogStore["append"]>[0][number] {
  const model = models[part.group];
  if (model === undefined) throw new Error("no such group");
  const last = model.entries.at(-1) ?? model.start;
  const first = Math.max(model.start.index, last.index - part.back) + 1;
  const term = model.hardState.term + part.termRise;
  model.hardState = { term, vote: term === 0 ? undefined : 1, commit: model.start.index };
  const entries: Entry[] = [];
  for (let index = first; index < first + part.count; index++)
    entries.push(normal(index, term, `${index}.${term}${part.large ? "x".repeat(300) : ""}`));
  if (entries.length > 0) model.entries = model.entries.filter((one) => one.index < first);
  for (const { index } of entries)
    model.entries.push({
      index,
      term,
      text: `${index}.${term}${part.large ? "x".repeat(300) : ""}`,
    });
  return { group: part.group, replica: 1, hardState: model.hardState, entries };
}

async function createAll(store: LogStore): Promise<Models> {
  const models: Models = {};
  for (const name of GROUPS) {
    await store.createReplica({
      group: name,
      replica: 1,
      configuration: { index: 0, configuration: CONFIGURATION, note: new Uint8Array() },
      start: START,
    });
    const hardState = { term: 0, vote: undefined, commit: 0 };
    models[name] = { hardState, start: START, entries: [] };
  }
  return models;
}

async function readAll(store: LogStore, models: Models, bytesMax: number): Promise<void> {
  for (const [name, model] of Object.entries(models)) {
    const terms = [model.start, ...model.entries].map(({ index }) => store.termAt(name, index));
    expect(terms).toEqual([model.start, ...model.entries].map(({ term }) => term));
    const [first] = model.entries;
    const last = model.entries.at(-1);
    if (first === undefined || last === undefined) continue;
    const found: string[] = [];
    for (let firstIndex = first.index; firstIndex <= last.index; ) {
      const range = { firstIndex, lastIndex: last.index, bytesMax };
      const read = await store.readEntries(name, range);
      if (read.kind === "compacted") throw new Error("entries are gone");
      for (const entry of read.entries)
        found.push(entry.kind === "normal" ? new TextDecoder().decode(entry.data) : entry.kind);
      firstIndex += read.entries.length;
    }
    expect(found).toEqual(model.entries.map((entry) => entry.text));
  }
}

test("after any steps and crashes the log is what was acknowledged, or that and the step under way", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(step, fc.option(crash, { nil: undefined, freq: 3 })), { maxLength: 25 }),
      fc.nat(),
      fc.integer({ min: 1, max: 2000 }),
      async (steps, seed, bytesMax) => {
        const made = await fresh(seed);
        let { store } = made;
        let models = await createAll(store);
        for (const [one, end] of steps) {
          const before = structuredClone(models);
          const run = plan(models, one);
          if (end === undefined) {
            await run(store);
            await readAll(store, models, bytesMax);
            continue;
          }
          void run(store);
          for (let turn = 0; turn < end.turns; turn++) await Promise.resolve();
          made.disk.crash(end.kind);
          const reopened = await open(made.disk);
          expect(reopened.report.damaged).toEqual([]);
          expect(reopened.report.damagedAll).toBeUndefined();
          const found = modelsOf(reopened.report);
          expect([before, models]).toContainEqual(found);
          store = reopened.store;
          models = found;
          await readAll(store, models, bytesMax);
        }
        await store.close();
        const { report } = await open(made.disk);
        expect(modelsOf(report)).toEqual(models);
      },
    ),
    { numRuns: 150 },
  );
});

describe("batches", () => {
  test("several tasks of a group in one batch are carried out in their order", async () => {
    const { disk, store } = await withGroup();
    const task = { group: "a", replica: 1 };
    await store.append([
      { ...task, entries: [normal(1, 1), normal(2, 1), normal(3, 1)] },
      { ...task, hardState: { term: 2, vote: undefined, commit: 0 }, entries: [normal(2, 2)] },
    ]);
    disk.crash();
    const { report } = await open(disk);
    expect(modelsOf(report)["a"]?.entries.map(({ text }) => text)).toEqual(["1.1", "2.2"]);
    expect(report.groups[0]?.terms).toEqual([
      { firstIndex: 1, term: 1 },
      { firstIndex: 2, term: 2 },
    ]);
  });

  test("a second append while one is under way is a mistake", async () => {
    const { store } = await withGroup();
    const task = { group: "a", replica: 1, entries: [normal(1, 1)] };
    const first = store.append([task]);
    await expect(store.append([task])).rejects.toThrow("one append is under way");
    await first;
  });

  test("entries that leave a gap are a mistake, and nothing is written after one", async () => {
    const { disk, store } = await withGroup();
    const gap = { group: "a", replica: 1, entries: [normal(2, 1)] };
    await expect(store.append([gap])).rejects.toThrow("leaves a gap");
    const good = { group: "a", replica: 1, entries: [normal(1, 1)] };
    await expect(store.append([good])).rejects.toMatchObject({ code: "STORE_CLOSED" });
    disk.crash();
    expect(modelsOf((await open(disk)).report)["a"]?.entries).toEqual([]);
  });

  test("after a full disk nothing is written until the store is opened again", async () => {
    let full = false;
    const disk = new FakeDisk({
      random: seededRandom(1),
      delay: async (at) => {
        if (full && at.kind === "sync") {
          const { StoreError } = await import("./errors.ts");
          throw new StoreError({ code: "STORE_DISK_FULL", what: "log" }, "no space");
        }
      },
    });
    const { store } = await open(disk, true);
    const configuration = { index: 0, configuration: CONFIGURATION, note: new Uint8Array() };
    await store.createReplica({ group: "a", replica: 1, configuration, start: START });
    full = true;
    const task = { group: "a", replica: 1, entries: [normal(1, 1)] };
    await expect(store.append([task])).rejects.toMatchObject({ code: "STORE_DISK_FULL" });
    full = false;
    await expect(store.append([task])).rejects.toMatchObject({ code: "STORE_DISK_FULL" });
    await store.close();
    const again = await open(disk);
    await again.store.append([task]);
    await again.store.close();
  });

  test("a closed store refuses with STORE_CLOSED", async () => {
    const { store } = await withGroup();
    await store.close();
    await store.close();
    const task = { group: "a", replica: 1, entries: [normal(1, 1)] };
    await expect(store.append([task])).rejects.toMatchObject({ code: "STORE_CLOSED" });
    await expect(store.checkpoint()).rejects.toMatchObject({ code: "STORE_CLOSED" });
  });
});

describe("replicas", () => {
  test("a destroyed replica leaves a tombstone and no entries, and its id is not used again", async () => {
    const { disk, store } = await withGroup();
    await store.append([{ group: "a", replica: 1, entries: [normal(1, 1), normal(2, 1)] }]);
    await store.destroyReplica("a", 4);
    await store.close();
    const { store: again, report } = await open(disk);
    expect([report.groups, report.destroyed]).toEqual([[], [{ group: "a", replica: 4 }]]);
    const rows = disk.database("log").rows;
    expect(rows.keyAt(rows.position("e/"))?.startsWith("e/")).toBe(false);
    const configuration = { index: 0, configuration: CONFIGURATION, note: new Uint8Array() };
    const made = { group: "a", configuration, start: { index: 7, term: 2 } };
    await again.createReplica({ ...made, replica: 5 });
    await again.append([{ group: "a", replica: 5, entries: [normal(8, 2)] }]);
    await again.close();
    const last = await open(disk);
    expect(modelsOf(last.report)["a"]?.entries.map(({ index }) => index)).toEqual([8]);
    await expect(last.store.createReplica({ ...made, group: "b", replica: 0 })).rejects.toThrow(
      "never used again",
    );
  });

  test("a destruction that was interrupted is finished at opening", async () => {
    const { disk, store } = await withGroup();
    for (let index = 1; index <= 20; index++)
      await store.append([{ group: "a", replica: 1, entries: [normal(index, 1)] }]);
    const end = store.destroyReplica("a", 1);
    void end;
    let turns = 0;
    const headIsTombstone = async (): Promise<boolean> => {
      const copy = disk.database("log").rows.get("g/a/h");
      return copy !== undefined && copy[5] === 0;
    };
    while (!(await headIsTombstone()) && turns < 100) {
      turns++;
      await Promise.resolve();
    }
    disk.crash("process");
    expect(disk.database("log").rows.position("f")).toBeGreaterThan(
      disk.database("log").rows.position("e"),
    );
    await open(disk);
    const { rows } = disk.database("log");
    expect(rows.position("f")).toBe(rows.position("e"));
  });

  test("a truncation of many records takes several batches, each of them whole", async () => {
    const { disk, store } = await withGroup();
    for (let index = 1; index <= 5000; index++)
      await store.append([{ group: "a", replica: 1, entries: [normal(index, 1)] }]);
    const before = store.stats.batches;
    await store.truncate([{ group: "a", index: 4998 }]);
    expect(store.stats.batches - before).toBe(2);
    disk.crash();
    const { report } = await open(disk);
    expect(modelsOf(report)["a"]?.entries.map(({ index }) => index)).toEqual([4999, 5000]);
  });

  test("what is handed out at opening is bounded in bytes, and the terms reach back further", async () => {
    const { disk, store } = await withGroup();
    for (let index = 1; index <= 50; index++)
      await store.append([{ group: "a", replica: 1, entries: [normal(index, index)] }]);
    await store.close();
    const { report } = await openLogStore({
      disk,
      storeId: "s1",
      create: false,
      tailBytesMax: 100,
    });
    const [found] = report.groups;
    expect(found?.entries.length).toBeGreaterThan(0);
    expect(found?.entries.length).toBeLessThan(10);
    expect(found?.entries.at(-1)?.index).toBe(50);
    expect(found?.terms.length).toBe(50);
  });
});

describe("sequence numbers", () => {
  test("a checkpoint forgets them, and what comes after is still counted", async () => {
    const { disk, store } = await withGroup();
    const count = (): number => {
      const { rows } = disk.database("log");
      return rows.position("r") - rows.position("q");
    };
    for (let index = 1; index <= 10; index++)
      await store.append([{ group: "a", replica: 1, entries: [normal(index, 1)] }]);
    expect(count()).toBe(12);
    await store.checkpoint();
    expect(count()).toBe(1);
    await store.append([{ group: "a", replica: 1, entries: [normal(11, 1)] }]);
    disk.crash();
    expect((await open(disk)).report.damagedAll).toBeUndefined();
  });
});
