import { beforeAll, describe, expect, test } from "vitest";
import { invocationsOf } from "../../test/lib/invocation-kit.ts";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, textData } from "../../test/lib/scheduler-values.ts";
import { BACKOFF_MS_MAX } from "../scheduler/apply-attempt.ts";
import { BAD_END_PLACES } from "../scheduler/attempt-record.ts";
import type { Dataset } from "../scheduler/dataset.ts";
import { prefixes } from "../scheduler/keys.ts";
import type { Outcome } from "../scheduler/work.ts";
import { errorOf } from "./invocation-views.ts";

const CHILDREN = 100_000;
/** What one look at up to 128 neighbours may cost. */
const KEYS_A_LOOK = 128 + 5;

/** So many pairs in a run. */
function manyChildren(step: string, count: number): Extract<Outcome, { kind: "mapped" }> {
  const children: Dataset = [
    { kind: "run", cid: "c".repeat(64), bytes: 1 << 30, count, order: "yield", holders: ["n"] },
  ];
  return { kind: "mapped", step, children, session: [], warnings: [] };
}

/** Ids without the request, with the states. */
function told(list: { readonly invocations: readonly { invocation: string; state: string }[] }) {
  return list.invocations.map(({ invocation, state }) => {
    return `${invocation.replace(/^flow-7-\d+\./u, "")} ${state}`;
  });
}

describe("a range of 100,000 children of which a few have begun", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low", retries: 3 }]);
  const request = kit.submit();
  beforeAll(() => {
    kit.next(manyChildren("low", CHILDREN));
    for (let child = 0; child < 40; child++) kit.next(reduced(textData(`of ${child}`)));
    const running = kit.grant();
    expect(running.attempt.unit.path).toEqual([40]);
    kit.next(failed("tried again"));
    kit.next(mapped("low", 2));
  });

  test("is shown from its beginning, each child once, with a row read for few of them", async () => {
    const { list, seen, id } = invocationsOf(kit, request);
    const page = await list({ limit: 50 });
    expect(told(page).slice(0, 3)).toEqual(["r done", "r.0 done", "r.1 done"]);
    expect(told(page).slice(40, 45)).toEqual([
      "r.39 done",
      "r.40 running",
      "r.41 waiting",
      "r.42 done",
      "r.43 waiting",
    ]);
    expect(page.next).toBe(`${id}.r.48`);
    expect(page.invocations[1]).toMatchObject({
      ...{ parent: `${id}.r`, children: 0, attempts: 1, nodeName: "node-a" },
      handlers: [{ name: "map_low" }, { name: "reduce_low" }],
    });
    expect(page.invocations[42]).toMatchObject({ attempts: 1, errorCode: null, endedAt: null });
    expect(page.invocations[43]).toMatchObject({ children: 2, handlers: [{ name: "map_low" }] });
    expect(seen.rows + seen.keys).toBeLessThan(2 * KEYS_A_LOOK);
  });

  test("is paged through to its end without a child twice, and no page reads more than it shows", async () => {
    const { list, seen, id } = invocationsOf(kit, request);
    const ids: string[] = [];
    for (let after: string | undefined; ; ) {
      const before = seen.rows + seen.keys;
      const page = await list({ limit: 1000, after, parent: `${id}.r` });
      expect(seen.rows + seen.keys - before).toBeLessThan(1000 + 8 * KEYS_A_LOOK);
      for (const { invocation } of page.invocations) ids.push(invocation);
      if (page.next === null) break;
      after = page.next;
    }
    expect(ids).toHaveLength(CHILDREN);
    expect(new Set(ids).size).toBe(CHILDREN);
    expect(ids.at(-1)).toBe(`${id}.r.${CHILDREN - 1}`);
  });

  test("one is found by its id without the others", async () => {
    const { find, seen, id } = invocationsOf(kit, request);
    const last = await find(`${id}.r.${CHILDREN - 1}`);
    expect(last.summary).toMatchObject({ state: "waiting", attempts: 0, node: null, step: "low" });
    expect(seen.rows + seen.keys).toBeLessThan(20);
    expect((await find(`${id}.r.40`)).summary).toMatchObject({ state: "running", attempts: 1 });
    expect((await find(`${id}.r.39`)).summary).toMatchObject({ state: "done", attempts: 1 });
    for (const none of [`r.${CHILDREN}`, "r.5.0", "r.42.2", "r~0", "r.42~0", "r.9.9.9"]) {
      await expect(find(`${id}.${none}`)).rejects.toMatchObject({ code: "INVOCATION_UNKNOWN" });
    }
    const [, sequence] = [kit.submit(), kit.submit()];
    const other = invocationsOf(kit, sequence);
    await expect(other.find(`${id}.r`)).rejects.toMatchObject({ code: "INVOCATION_UNKNOWN" });
  });

  test("those in a state are looked for in so many at once, and the page says where to go on", async () => {
    const { list, id } = invocationsOf(kit, request);
    const granted = await list({ states: ["running"] });
    expect(told(granted)).toEqual(["r.40 running"]);
    const at = Number(granted.next?.slice(`${id}.r.`.length));
    expect(at).toBeGreaterThan(1000);
    expect(at).toBeLessThan(10_000);
    const waiting = await list({ states: ["waiting"], limit: 3 });
    expect(told(waiting)).toEqual(["r.41 waiting", "r.43 waiting", "r.44 waiting"]);
    expect(waiting.next).toBe(`${id}.r.44`);
  });

  test("of another step only those of that step are looked at", async () => {
    const { list, seen } = invocationsOf(kit, request);
    const top = await list({ step: "top" });
    expect([told(top), top.next]).toEqual([["r done"], null]);
    expect(seen.rows + seen.keys).toBeLessThan(50);
    const low = await list({ step: "low", after: `flow-7-${request}.r.99998` });
    expect([told(low), low.next]).toEqual([
      ["r.99999 waiting", "r.42.0 waiting", "r.42.1 waiting"],
      null,
    ]);
  });

  test("a cursor or a parent of another request is refused, a parent that is not there is unknown", async () => {
    const { list, id } = invocationsOf(kit, request);
    for (const wrong of ["flow-7-99.r", "flow-8-1.r", "garbage"]) {
      for (const name of ["after", "parent"]) {
        await expect(list({ [name]: wrong })).rejects.toMatchObject({
          code: "API_INPUT_INVALID",
          details: { path: `querystring.${name}` },
        });
      }
    }
    const unknown = { code: "INVOCATION_UNKNOWN" };
    await expect(list({ parent: `${id}.r.${CHILDREN}` })).rejects.toMatchObject(unknown);
    expect(await list({ parent: `${id}.r.41` })).toEqual({ invocations: [], next: null });
  });
});

describe("how invocations end", () => {
  /** A tree of two levels whose results are cut into two parts, done to the end. */
  function finished() {
    const kit = SchedulerKit.withSteps([
      { name: "top", partitions: 2 },
      { name: "mid", partitions: 2 },
      { name: "leaf", retries: 1 },
    ]);
    const request = kit.submit(textData("given"));
    kit.stampMs = 2_000_000;
    kit.next(mapped("mid", 2));
    kit.stampMs = 3_000_000;
    kit.finish(({ attempt, work }) => {
      const { unit } = attempt;
      const parts = Array.from({ length: work?.parts ?? 1 }, () => textData("made"));
      if (unit.kind === "reduce" || unit.path.length === 2) return reduced(...parts);
      return mapped("leaf", 2);
    });
    expect(kit.request(request).state).toBe("succeeded");
    return { kit, request };
  }

  test("a request that succeeded is shown whole: parents in the order of the tree, reductions last", async () => {
    const { kit, request } = finished();
    const { list, id } = invocationsOf(kit, request);
    const page = await list();
    const expected = [
      ...["r", "r.0", "r.1", "r~0", "r~1"],
      ...["r.0.0", "r.0.1", "r.0~0", "r.0~1", "r.1.0", "r.1.1", "r.1~0", "r.1~1"],
    ];
    expect(told(page)).toEqual(expected.map((one) => `${one} done`));
    expect(page.next).toBeNull();
    const steps = kit.request(request).steps.map(({ step, done }) => [step, done]);
    expect(steps).toEqual([
      ["top", 1],
      ["mid", 2],
      ["leaf", 4],
    ]);
    const [root, first] = page.invocations;
    expect(root).toMatchObject({
      parent: null,
      children: 4,
      createdAt: "1970-01-01T00:16:40.000Z",
    });
    expect(first).toMatchObject({
      ...{ parent: `${id}.r`, children: 4, attempts: 1 },
      createdAt: "1970-01-01T00:33:20.000Z",
      endedAt: "1970-01-01T00:50:00.000Z",
    });
    expect(page.invocations[3]).toMatchObject({
      ...{ phase: "reduce", part: 0, parent: `${id}.r`, createdAt: null, attempts: 1 },
      handlers: [{ type: "reducer", name: "reduce_top" }],
    });
  });

  test.each([1, 2, 3, 5, 12])(
    "pages of %i show the same, each with the next one's place",
    async (limit) => {
      const { kit, request } = finished();
      const { list } = invocationsOf(kit, request);
      const whole = told(await list());
      const paged: string[] = [];
      for (let after: string | undefined; ; ) {
        const page = await list({ limit, after });
        expect(page.invocations.length).toBeLessThanOrEqual(limit);
        paged.push(...told(page));
        if (page.next === null) break;
        after = page.next;
      }
      expect(paged).toEqual(whole);
    },
  );

  test("what failed for good says why, what its request did not wait for is cancelled", async () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
    const request = kit.submit();
    kit.next(mapped("low", 3));
    const running = kit.grant();
    kit.next(failed("broken"));
    expect(kit.request(request).state).toBe("failed");
    const { list, find, id } = invocationsOf(kit, request);
    expect(told(await list())).toEqual([
      ...["r done", "r.0 cancelled", "r.1 failed", "r.2 cancelled"],
    ]);
    const { rows, summary } = await find(`${id}.r.1`);
    expect(summary).toMatchObject({ errorCode: "HANDLER_FAILED", attempts: 1, nodeName: "node-a" });
    expect(rows.history).toMatchObject([{ how: "failed", error: { message: "broken" } }]);
    // The attempt that nobody stopped yet is none that counts.
    expect(kit.attempts().map(({ token }) => token)).toEqual([running.token]);
    expect((await find(`${id}.r.0`)).summary).toMatchObject({ node: null, endedAt: null });
  });

  test("a child that is skipped has failed, and so has the one part of it that did", async () => {
    const kit = SchedulerKit.withSteps([
      { name: "top", onFailure: "skip" },
      { name: "low", onFailure: "skip", partitions: 2 },
      { name: "leaf" },
    ]);
    const request = kit.submit();
    kit.next(mapped("low", 3));
    kit.next(failed("skipped at once"));
    kit.next(mapped("leaf", 0));
    kit.next(reduced(textData("a part")));
    kit.next(failed("the other part"));
    const { list, find, id } = invocationsOf(kit, request);
    expect(told(await list())).toEqual([
      ...["r done", "r.0 failed", "r.1 done", "r.2 waiting", "r.1~0 done", "r.1~1 failed"],
    ]);
    expect((await find(`${id}.r.0`)).summary).toMatchObject({ errorCode: "HANDLER_FAILED" });
    expect(told(await list({ states: ["failed"] }))).toEqual(["r.0 failed", "r.1~1 failed"]);
  });

  test("one that its request is paused for waits, and says for what", async () => {
    const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "pause" }]);
    const request = kit.submit();
    kit.next(failed("come and look"));
    const { find, id } = invocationsOf(kit, request);
    const { summary } = await find(`${id}.r`);
    expect(summary).toMatchObject({ state: "waiting", errorCode: "HANDLER_FAILED", attempts: 1 });
  });

  test("attempts that were lost or failed count with the one that is under way", async () => {
    const kit = SchedulerKit.withSteps([{ name: "top", retries: 5 }]);
    const request = kit.submit();
    const { token } = kit.grant();
    kit.run({ kind: "take-back", token, how: "lost" });
    kit.next(failed());
    kit.run({ kind: "due", delayedKey: kit.scan(prefixes.delayed)[0]?.[0] ?? "" });
    kit.grant(undefined, "node-b");
    const { find, id } = invocationsOf(kit, request);
    const { summary } = await find(`${id}.r`);
    expect(summary).toMatchObject({ state: "running", attempts: 3, nodeName: "node-b" });
  });
});

describe("of more failures than are kept", () => {
  /** So many children are skipped after those whose ends are looked for. */
  const LATER = BAD_END_PLACES.final + 31;

  test("each child that was skipped has failed, with its code and how often it was tried", async () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low", onFailure: "skip" }]);
    const request = kit.submit();
    kit.next(mapped("low", LATER));
    for (let child = 0; child < LATER; child++) kit.next(failed(`of ${child}`));
    const { list, find, id } = invocationsOf(kit, request);
    const { invocations } = await list({ states: ["failed"] });
    expect(invocations).toHaveLength(LATER);
    for (const one of invocations) {
      expect(one).toMatchObject({ attempts: 1, errorCode: "HANDLER_FAILED", nodeName: "node-a" });
    }
    const [first, last] = [await find(`${id}.r.0`), await find(`${id}.r.${LATER - 1}`)];
    expect(first.rows.history).toEqual([]);
    expect(errorOf(first.unit, first.rows)).toMatchObject({ code: "HANDLER_FAILED", stdout: "" });
    expect(errorOf(first.unit, first.rows)?.message).toContain("not kept any more");
    expect(errorOf(last.unit, last.rows)?.message).toBe(`of ${LATER - 1}`);
  });

  test("the part that failed is told from the one that was not waited for, and the tries are known", async () => {
    const kit = SchedulerKit.withSteps([
      { name: "top" },
      { name: "low", onFailure: "skip", partitions: 2, retries: 1 },
      { name: "leaf" },
    ]);
    const request = kit.submit();
    const tryTwice = (): void => {
      kit.next(failed("first"));
      kit.stampMs += BACKOFF_MS_MAX;
      kit.run({ kind: "due", delayedKey: kit.scan(prefixes.delayed)[0]?.[0] ?? "" });
    };
    kit.next(mapped("low", 3 + LATER));
    kit.next(mapped("leaf", 0));
    const other = kit.grant();
    tryTwice();
    // The reductions come before the children that have not begun.
    kit.next(failed("for good"));
    kit.end(other.token, reduced(textData("late")));
    for (let child = 0; child < LATER; child++) {
      tryTwice();
      const again = kit.queue().find(([, row]) => row.kind === "queue-unit");
      kit.end(kit.grant(again?.[0]).token, failed("for good"));
    }
    const granted = kit.grant();
    const { list, find, id } = invocationsOf(kit, request);
    const states = told(await list({ parent: `${id}.r.0` }));
    expect(states.sort()).toEqual(["r.0~0 cancelled", "r.0~1 failed"]);
    const { unit, rows, summary } = await find(`${id}.r.0~1`);
    expect(summary).toMatchObject({ attempts: 2, errorCode: "HANDLER_FAILED" });
    expect(errorOf(unit, rows)?.message).toContain("not kept any more");
    const at = granted.attempt.unit.path[0] ?? 0;
    expect((await find(`${id}.r.1`)).summary).toMatchObject({ state: "failed", attempts: 2 });
    expect((await find(`${id}.r.${at}`)).summary).toMatchObject({ state: "running", attempts: 1 });
    // Whether one that waits has failed before is in no row that is read.
    const waiting = await find(`${id}.r.${at + 1}`);
    expect(waiting.summary).toMatchObject({ state: "waiting", attempts: null });
  });

  test("an earlier failure of a unit is not taken for the one by which it failed for good", async () => {
    const kit = SchedulerKit.withSteps([
      { name: "top" },
      { name: "low", onFailure: "skip", retries: 1 },
      { name: "leaf", onFailure: "skip" },
    ]);
    const request = kit.submit();
    kit.next(mapped("low", 2));
    kit.next(failed("the first try"));
    kit.stampMs += BACKOFF_MS_MAX;
    kit.run({ kind: "due", delayedKey: kit.scan(prefixes.delayed)[0]?.[0] ?? "" });
    kit.next(failed("for good"));
    const endedMs = kit.stampMs;
    kit.next(mapped("leaf", LATER));
    for (let child = 0; child < LATER; child++) kit.next(failed());
    const { find, id } = invocationsOf(kit, request);
    const { unit, rows, summary } = await find(`${id}.r.0`);
    expect(rows.history).toMatchObject([{ error: { message: "the first try" } }]);
    expect(summary).toMatchObject({ state: "failed", attempts: 2, errorCode: "HANDLER_FAILED" });
    expect(summary.endedAt).toBe(new Date(endedMs).toISOString());
    expect(errorOf(unit, rows)?.message).toContain("not kept any more");
  });
});
