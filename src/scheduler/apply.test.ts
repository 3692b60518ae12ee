import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { childData, mapped, reduced, textData, textsOf } from "../../test/lib/scheduler-values.ts";
import { resultsOf } from "./block-row.ts";
import { RESULT_INLINE_BYTES_MAX } from "./dataset.ts";
import { keys, prefixes } from "./keys.ts";
import { unitText } from "./unit.ts";

const ONE = [{ name: "top" }];
const TWO = [{ name: "top" }, { name: "low" }];
const THREE = [{ name: "top" }, { name: "mid", partitions: 2 }, { name: "low" }];

function counts(kit: SchedulerKit, request: number) {
  return Object.fromEntries(
    kit
      .request(request)
      .steps.map(({ step, total, done, failed }) => [step, [total, done, failed]]),
  );
}

describe("a request's flow", () => {
  test("a root that returns pairs is a leaf: its reduced pairs are the result", () => {
    const kit = SchedulerKit.withSteps(ONE);
    const request = kit.submit(textData("arguments"));
    expect(kit.request(request).state).toBe("queued");
    const { token, work } = kit.grant();
    expect(kit.request(request).state).toBe("running");
    expect(work).toMatchObject({ kind: "map", parts: 1, keepYieldOrder: true });
    kit.end(token, reduced(textData("result")));
    const row = kit.request(request);
    expect(row.state).toBe("succeeded");
    expect(textsOf(row.result ?? [])).toEqual(["result"]);
    expect(counts(kit, request)).toEqual({ top: [1, 1, 0] });
    expect(kit.queue()).toEqual([]);
    expect(kit.attempts()).toEqual([]);
  });

  test("children are granted in order, each with its own pair, and reduced after the last one", () => {
    const kit = SchedulerKit.withSteps(TWO);
    const request = kit.submit();
    kit.next(mapped("low", 3));
    const granted = [kit.grant(), kit.grant(), kit.grant()];
    expect(granted.map(({ work }) => (work?.kind === "map" ? work.input[0]?.first : -1))).toEqual([
      0, 1, 2,
    ]);
    // In another order than they were given out.
    for (const at of [2, 0, 1]) {
      expect(kit.queue()).toEqual([]);
      const token = granted[at]?.token ?? { index: 0, ordinal: 0 };
      kit.end(token, reduced(textData(`child ${at}`)));
    }
    const block = kit.rows.get(keys.block(request, [], 0));
    expect(block?.kind === "block" && resultsOf(block).map(({ child }) => child)).toEqual([
      0, 1, 2,
    ]);
    const { attempt, work } = kit.next(reduced(textData("all")));
    expect(unitText(attempt.unit)).toBe(`r${request}/0`);
    expect(work).toMatchObject({ kind: "reduce", parts: 1, keepYieldOrder: true });
    expect(textsOf(kit.request(request).result ?? [])).toEqual(["all"]);
    expect(counts(kit, request)).toEqual({ top: [1, 1, 0], low: [3, 3, 0] });
  });

  test("a mapper that maps to nothing is reduced with empty input", () => {
    const kit = SchedulerKit.withSteps(TWO);
    const request = kit.submit();
    kit.next(mapped("low", 0));
    const { attempt } = kit.next(reduced([]));
    expect(attempt.unit).toEqual({ kind: "reduce", request, path: [], part: 0 });
    expect(kit.request(request)).toMatchObject({ state: "succeeded", result: [] });
    expect(counts(kit, request)).toEqual({ top: [1, 1, 0], low: [0, 0, 0] });
  });

  test("three levels: partitions of a step cut what its children write, and join in order", () => {
    const kit = SchedulerKit.withSteps(THREE);
    const request = kit.submit();
    kit.next(mapped("mid", 1));
    kit.next(mapped("low", 2));
    for (const leaf of ["a", "b"]) {
      kit.next(({ work }) => {
        expect(work?.parts).toBe(2);
        return reduced(textData(`${leaf}0`), textData(`${leaf}1`));
      });
    }
    // Two reduce units of the middle one, each for the one partition of the root's step.
    expect(kit.queue()).toHaveLength(2);
    const first = kit.grant();
    const second = kit.grant();
    kit.end(second.token, reduced(textData("second")));
    expect(kit.queue()).toEqual([]);
    kit.end(first.token, reduced(textData("first")));
    const rows = kit.scan(prefixes.resultsOf(request, [], 0)).map(([, row]) => row);
    const texts = rows.flatMap((row) => (row.kind === "result" ? textsOf(row.data) : []));
    expect(texts).toEqual(["first", "second"]);
    kit.next(reduced(textData("end")));
    expect(kit.request(request).state).toBe("succeeded");
    expect(counts(kit, request)).toEqual({ top: [1, 1, 0], mid: [1, 1, 0], low: [2, 2, 0] });
  });

  test("the root's partitions are the result one after the other", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", partitions: 3 }, { name: "low" }]);
    const request = kit.submit();
    kit.next(mapped("low", 1));
    kit.next(reduced([], [], []));
    const units = [kit.grant(), kit.grant(), kit.grant()];
    for (const { token, attempt } of units.reverse()) {
      const part = attempt.unit.kind === "reduce" ? attempt.unit.part : -1;
      kit.end(token, reduced(textData(`part ${part}`)));
    }
    expect(textsOf(kit.request(request).result ?? [])).toEqual(["part 0", "part 1", "part 2"]);
  });

  test("each of the root's units may have its share of what the result may have inline", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", partitions: 1000 }, { name: "low" }]);
    const request = kit.submit();
    kit.next(mapped("low", 0));
    let inline = 0;
    let largest = 0;
    for (let part = 0; part < 1000; part++) {
      kit.next(({ work }) => {
        const bytes = work?.kind === "reduce" ? work.inlineBytes : 0;
        inline += bytes;
        return reduced(textData(String(part), bytes));
      });
      const row = kit.rows.get(keys.invocation(request, []));
      largest = Math.max(largest, JSON.stringify(row).length);
    }
    expect(kit.request(request).result).toHaveLength(1000);
    expect(inline).toBeLessThanOrEqual(RESULT_INLINE_BYTES_MAX);
    // What is written again for each of them does not grow.
    expect(largest).toBeLessThan(500);
    expect(kit.scan("g/")).toEqual([]);
  });

  test("a leaf that was only combined is reduced by a unit of its own", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", reducerCapability: "big" }]);
    const request = kit.submit();
    const pairs = textData("combined");
    kit.next({ kind: "combined", pairs, session: [], warnings: ["odd"] });
    expect(kit.queue()[0]?.[0]).toContain("q/big/");
    const row = kit.rows.get(keys.invocation(request, []));
    expect(row).toMatchObject({ state: "reducing", childStep: undefined, data: pairs });
    kit.next(reduced(textData("result")));
    expect(kit.request(request)).toMatchObject({ state: "succeeded", warnings: ["odd"] });
  });

  test("children fill blocks of 32 and stay in order whatever order they end in", () => {
    const kit = SchedulerKit.withSteps(TWO);
    const request = kit.submit();
    kit.next(mapped("low", 70));
    const granted = Array.from({ length: 70 }, () => kit.grant());
    const order = granted.map((_, at) => (at * 37) % 70);
    for (const at of order) {
      const one = granted[at];
      if (one !== undefined) kit.end(one.token, reduced(textData(String(at))));
    }
    const blocks = kit.scan(prefixes.blocksOfInvocation(request, []));
    const found = blocks.flatMap(([, row]) =>
      row.kind === "block" ? resultsOf(row).flatMap(({ data }) => textsOf(data ?? [])) : [],
    );
    expect(blocks).toHaveLength(3);
    expect(found).toEqual(Array.from({ length: 70 }, (_, at) => String(at)));
  });

  test("a result too large for its block has a row of its own", () => {
    const kit = SchedulerKit.withSteps(TWO);
    const request = kit.submit();
    kit.next(mapped("low", 2));
    kit.next(reduced(textData("large", 257)));
    kit.next(reduced(textData("small", 256)));
    const block = kit.rows.get(keys.block(request, [], 0));
    const pieces = block?.kind === "block" ? resultsOf(block).map((one) => one.data?.length) : [];
    expect(pieces).toEqual([undefined, 1]);
    const own = kit.rows.get(keys.result(request, [], { part: 0, child: 0, unit: 0 }));
    expect(own?.kind === "result" && textsOf(own.data)).toEqual(["large"]);
    expect(kit.rows.has(keys.result(request, [], { part: 0, child: 1, unit: 0 }))).toBe(false);
  });

  test("work that finishes something is ready before work that starts something", () => {
    const kit = SchedulerKit.withSteps(TWO);
    const first = kit.submit();
    kit.next(mapped("low", 0));
    kit.submit();
    expect(kit.grant().attempt.unit).toEqual({ kind: "reduce", request: first, path: [], part: 0 });
  });

  test("a child finds its pair where pieces meet", () => {
    const kit = SchedulerKit.withSteps(TWO);
    kit.submit();
    const children = [...childData(2), ...childData(1)];
    kit.next({ kind: "mapped", step: "low", children, session: [], warnings: [] });
    const inputs = [0, 1, 2].map(() => {
      const { work } = kit.grant();
      return work?.kind === "map" ? work.input[0] : undefined;
    });
    expect(inputs.map((slice) => slice?.first)).toEqual([0, 1, 0]);
    expect(inputs[2]?.piece).toBe(children[1]);
  });
});

describe("tokens", () => {
  test("a second completion under one token changes nothing", () => {
    const kit = SchedulerKit.withSteps(TWO);
    const request = kit.submit();
    kit.next(mapped("low", 2));
    const { token } = kit.next(reduced(textData("once")));
    const before = new Map(kit.rows);
    const said = kit.said(() => kit.end(token, reduced(textData("twice"))));
    expect(kit.rows).toEqual(before);
    expect(said).toEqual([]);
    expect(counts(kit, request)).toMatchObject({ low: [2, 1, 0] });
  });

  test("a completion from an attempt that was taken back changes nothing", () => {
    const kit = SchedulerKit.withSteps(ONE);
    const request = kit.submit();
    const { token } = kit.grant();
    kit.run({ kind: "take-back", token, how: "lost" });
    const before = new Map(kit.rows);
    kit.end(token, reduced(textData("late")));
    kit.run({ kind: "take-back", token, how: "lost" });
    expect(kit.rows).toEqual(before);
    kit.next(reduced(textData("second run")));
    expect(textsOf(kit.request(request).result ?? [])).toEqual(["second run"]);
  });

  test("a grant of a child that is not the next, or of a row that is gone, is refused", () => {
    const kit = SchedulerKit.withSteps(TWO);
    kit.submit();
    const queueKey = kit.queue()[0]?.[0] ?? "";
    kit.next(mapped("low", 2));
    const grant = { kind: "grant", child: 0, count: 1, node: "n", executor: "e" } as const;
    expect(kit.said(() => kit.run({ ...grant, queueKey }))).toEqual([
      { kind: "grant-refused", queueKey, node: "n", count: 1, why: "gone" },
    ]);
    const range = kit.queue()[0]?.[0] ?? "";
    expect(kit.said(() => kit.run({ ...grant, queueKey: range, child: 1 }))).toEqual([
      { kind: "grant-refused", queueKey: range, node: "n", count: 1, why: "other-child" },
    ]);
    expect(kit.attempts()).toEqual([]);
  });
});
