import { expect, test } from "vitest";
import { type Granted, SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, textData, textsOf } from "../../test/lib/scheduler-values.ts";
import { resultsOf } from "./block-row.ts";
import type { Dataset, RunPiece } from "./dataset.ts";
import { keys, prefixes } from "./keys.ts";
import { REMAKES_MAX, STARVED_WAIT_MS } from "./remake.ts";
import type { UnitRef } from "./unit.ts";
import type { LostRun, Outcome } from "./work.ts";

/** A run of pairs by a letter. */
function run(letter: string, holder: string, count = 1): RunPiece {
  const cid = letter.repeat(64);
  return { kind: "run", cid, bytes: 9000, count, order: "key", holders: [holder] };
}

/** What an executor says that could find no copy of these. */
function lacking(...lost: readonly LostRun[]): Outcome {
  const error = { code: "RUN_LOST", message: "gone", traceback: "", stdout: "", stderr: "" };
  return { kind: "lacking", lost, error };
}

function lostRun(letter: string, child?: number, unit = 0): LostRun {
  return { cid: letter.repeat(64), child, unit };
}

/** The one unit that is ready. */
function ready(kit: SchedulerKit): readonly (UnitRef | undefined)[] {
  return kit.queue().map(([, row]) => (row.kind === "queue-unit" ? row.unit : undefined));
}

/** Has what is due now become ready. */
function due(kit: SchedulerKit): void {
  for (const [key, row] of kit.scan(prefixes.delayed)) {
    if (row.kind === "delayed" && dueMs(kit, key) <= kit.stampMs)
      kit.run({ kind: "due", delayedKey: key });
  }
}

function dueMs(kit: SchedulerKit, key: string): number {
  const told = kit.effects.findLast((one) => one.kind === "delayed" && one.key === key);
  return told?.kind === "delayed" ? told.dueMs : 0;
}

/** The results of the root's children, as its reduction reads them. */
function results(kit: SchedulerKit): readonly (Dataset | undefined)[] {
  const block = kit.scan(prefixes.blocksOfInvocation(1, []))[0]?.[1];
  return block?.kind === "block" ? resultsOf(block).map(({ data }) => data) : [];
}

/** A request whose root has mapped two leaves that made the runs a and b; its reduction is granted. */
function reducing(seed = 1): { kit: SchedulerKit; request: number; reduction: Granted } {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }], seed);
  const request = kit.submit();
  kit.next(mapped("low", 2));
  kit.next(reduced([run("a", "one")]));
  kit.next(reduced([run("b", "one")]));
  return { kit, request, reduction: kit.grant() };
}

test("leaves whose results are lost run again, and then the reduction that lacked them, uncounted", () => {
  for (const seed of [1, 2, 3, 4]) {
    const { kit, request, reduction } = reducing(seed);
    kit.end(reduction.token, lacking(lostRun("a", 0), lostRun("b", 1)));
    expect(ready(kit)).toEqual([
      { kind: "map", request, path: [0] },
      { kind: "map", request, path: [1] },
    ]);
    kit.next(reduced([run("a", "two")]));
    due(kit);
    // One of the two is still on its way.
    expect(ready(kit)).toHaveLength(1);
    kit.next(reduced([run("c", "two")]));
    due(kit);
    expect(ready(kit)).toEqual([{ kind: "reduce", request, path: [], part: 0 }]);
    expect(results(kit)).toEqual([[run("a", "two")], [run("c", "two")]]);
    kit.next(reduced(textData("end")));
    const row = kit.request(request);
    expect(row).toMatchObject({ state: "succeeded" });
    expect(textsOf(row.result ?? [])).toEqual(["end"]);
    expect(row.steps).toEqual([
      { step: "top", total: 1, done: 1, failed: 0 },
      { step: "low", total: 2, done: 2, failed: 0 },
    ]);
    expect(row.warnings).toEqual([
      "every copy of what flow-7-1.r.0 and 1 more had made is lost: made again by running the handlers again",
    ]);
  }
});

test("what a unit that runs again lacks is made again before it, as far down as it takes", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
  const request = kit.submit();
  const children = { kind: "mapped", step: "low", session: [], warnings: [] } as const;
  kit.next({ ...children, children: [run("p", "one", 2)] });
  kit.next(reduced([run("a", "one")]));
  kit.next(reduced([run("b", "one")]));
  kit.next(lacking(lostRun("b", 1)));
  // The leaf's own input, which its parent's mapper made, is lost too.
  kit.next(lacking(lostRun("p")));
  expect(ready(kit)).toEqual([{ kind: "map", request, path: [] }]);
  kit.next({ ...children, children: [run("p", "two", 2)] });
  due(kit);
  const leaf = kit.grant();
  expect(leaf.work).toMatchObject({ input: [{ piece: { holders: ["two"] }, first: 1 }] });
  kit.end(leaf.token, reduced([run("b", "two")]));
  due(kit);
  kit.next(reduced(textData("end")));
  expect(kit.request(request)).toMatchObject({ state: "succeeded" });
  expect(kit.queue()).toEqual([]);
});

test("only the unit that made a lost part runs again, and its other parts stay", () => {
  const kit = SchedulerKit.withSteps([
    { name: "top", partitions: 2 },
    { name: "mid", partitions: 2 },
    { name: "low" },
  ]);
  const request = kit.submit();
  kit.next(mapped("mid", 1));
  kit.next(mapped("low", 0));
  // Two units reduce the middle, and each cuts what it made into the two parts of the top.
  kit.next(reduced([run("a", "one")], [run("b", "one")]));
  kit.next(reduced([run("c", "one")], [run("d", "one")]));
  const first = kit.grant();
  const second = kit.grant();
  kit.end(second.token, lacking(lostRun("d", 0, 1)));
  expect(ready(kit)).toEqual([{ kind: "reduce", request, path: [0], part: 1 }]);
  const again = kit.grant();
  expect(again.work).toMatchObject({ kind: "reduce" });
  kit.end(again.token, reduced([run("c", "two")], [run("d", "two")]));
  const parts = [0, 1].map((part) => {
    const found = [0, 1].map((unit) =>
      kit.rows.get(keys.result(request, [], { part, child: 0, unit })),
    );
    return found.map((row) => (row?.kind === "result" ? row.data : undefined));
  });
  expect(parts).toEqual([
    [[run("a", "one")], [run("c", "two")]],
    [[run("b", "one")], [run("d", "two")]],
  ]);
  kit.end(first.token, reduced([]));
  due(kit);
  kit.next(reduced([]));
  expect(kit.request(request)).toMatchObject({ state: "succeeded" });
});

test("a leaf that was reduced elsewhere is mapped again alone, and reduced again by itself", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low", reducerCapability: "gpu" }]);
  const request = kit.submit();
  const combined = { kind: "combined", session: [], warnings: [] } as const;
  kit.next(mapped("low", 2));
  kit.next({ ...combined, pairs: [run("x", "one")] });
  kit.next(reduced([run("a", "one")]));
  // Another one was reduced where it was mapped.
  kit.next(reduced([run("b", "one")]));
  kit.next(lacking(lostRun("a", 0), lostRun("b", 1)));
  const reduction = { kind: "reduce", request, path: [0], part: 0 } as const;
  expect(ready(kit)).toContainEqual(reduction);
  const own = kit
    .queue()
    .find(([, row]) => row.kind === "queue-unit" && row.unit.kind === "reduce");
  kit.end(kit.grant(own?.[0]).token, lacking(lostRun("x")));
  // The second leaf finds no executor that reduces: its reduction is a unit of its own now.
  const leaf = kit.queue().find(([, row]) => row.kind === "queue-unit" && row.unit.path[0] === 1);
  kit.end(kit.grant(leaf?.[0]).token, { ...combined, pairs: [run("y", "two")] });
  const mapper = kit
    .queue()
    .find(([, row]) => row.kind === "queue-unit" && row.unit.kind === "map");
  const mapping = kit.grant(mapper?.[0]);
  expect(mapping.work).toMatchObject({ kind: "map", reducer: undefined });
  kit.end(mapping.token, { ...combined, pairs: [run("x", "two")] });
  due(kit);
  expect(ready(kit)).toHaveLength(2);
  kit.next(reduced([run("b", "two")]));
  kit.next(reduced([run("a", "two")]));
  due(kit);
  expect(
    results(kit)
      .flat()
      .map((piece) => piece?.kind === "run" && piece.holders),
  ).toEqual([["two"], ["two"]]);
  kit.next(reduced(textData("end")));
  expect(kit.request(request)).toMatchObject({ state: "succeeded" });
  expect(kit.queue()).toEqual([]);
});

test("an argument that is lost cannot be made again: the request fails and names it", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }]);
  const request = kit.submit([run("a", "one")]);
  kit.next(lacking(lostRun("a")));
  expect(kit.request(request)).toMatchObject({
    state: "failed",
    failure: { error: { code: "RUN_LOST" } },
  });
});

test("one unit runs again a few times, and then the request fails", () => {
  const { kit, request, reduction } = reducing();
  kit.end(reduction.token, lacking(lostRun("a", 0)));
  for (let tries = 1; tries < REMAKES_MAX; tries++) {
    kit.next(reduced([run("a", "two")]));
    due(kit);
    kit.stampMs += 1;
    kit.next(lacking(lostRun("a", 0)));
  }
  kit.next(reduced([run("a", "two")]));
  due(kit);
  kit.stampMs += 1;
  expect(kit.request(request).state).toBe("running");
  kit.next(lacking(lostRun("a", 0)));
  expect(kit.request(request)).toMatchObject({
    state: "failed",
    failure: { error: { code: "RUN_LOST" } },
  });
});

test("what was made again since the grant is looked for once more, and not made a third time", () => {
  const { kit, reduction } = reducing();
  kit.end(reduction.token, lacking(lostRun("a", 0)));
  kit.next(reduced([run("a", "two")]));
  due(kit);
  // Granted under the same stamp as the end of what it waited for.
  kit.next(lacking(lostRun("a", 0)));
  expect(kit.queue()).toEqual([]);
  kit.stampMs += STARVED_WAIT_MS;
  due(kit);
  kit.next(reduced([]));
  expect(kit.request(1)).toMatchObject({ state: "succeeded" });
});

test("an executor that names a run which no row has is only heard again", () => {
  const { kit, reduction } = reducing();
  kit.end(
    reduction.token,
    lacking(lostRun("f", 0), lostRun("a", 999), lostRun("a", 0, 7), lostRun("a")),
  );
  expect(kit.queue()).toEqual([]);
  expect(kit.scan(prefixes.delayed)).toHaveLength(1);
});

test("handlers that come to something else the second time fail the request", () => {
  const { kit, request, reduction } = reducing();
  kit.end(reduction.token, lacking(lostRun("a", 0)));
  kit.next(mapped("low", 3));
  expect(kit.request(request)).toMatchObject({
    state: "failed",
    failure: { error: { code: "HANDLER_NOT_PURE" } },
  });
});

test("a unit that runs again and fails for good fails the request, whatever its step would skip", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low", onFailure: "skip" }]);
  const request = kit.submit();
  kit.next(mapped("low", 1));
  kit.next(reduced([run("a", "one")]));
  kit.next(lacking(lostRun("a", 0)));
  kit.next(failed("not again"));
  expect(kit.request(request)).toMatchObject({
    state: "failed",
    failure: { error: { message: "not again" } },
    steps: [{ step: "top" }, { step: "low", done: 1, failed: 0 }],
  });
});

test("a late end of a unit that ran again changes nothing, and a lost executor has it run once more", () => {
  const { kit, request, reduction } = reducing();
  kit.end(reduction.token, lacking(lostRun("a", 0)));
  const first = kit.grant();
  kit.run({ kind: "take-back", token: first.token, how: "lost" });
  const second = kit.grant();
  expect(second.attempt.unit).toEqual({ kind: "map", request, path: [0] });
  kit.end(second.token, reduced([run("a", "two")]));
  const before = results(kit);
  kit.end(first.token, reduced([run("a", "late")]));
  expect(results(kit)).toEqual(before);
  // Its request ends meanwhile: what waits goes.
  kit.run({ kind: "cancel", request });
  due(kit);
  expect(kit.queue()).toEqual([]);
});
