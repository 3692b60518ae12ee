import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import {
  childData,
  failed,
  mapped,
  reduced,
  type StepSketch,
  textData,
  textsOf,
} from "../../test/lib/scheduler-values.ts";
import { keys, prefixesUnder } from "./keys.ts";
import { LISTED_AHEAD, type ObjectInput, SEGMENT_CHILDREN } from "./objects.ts";
import { unitText } from "./unit.ts";
import type { Outcome } from "./work.ts";

const STEPS: readonly StepSketch[] = [{ name: "top" }];
const INPUT: ObjectInput = { form: "path", compression: "auto", ahead: 3, unavailable: "fail" };

function listed(count: number, cursor: string, closed = false): Outcome {
  return { kind: "listed", children: childData(count), cursor, closed, warnings: [] };
}

function begun(options: { readonly objects?: ObjectInput; readonly steps?: typeof STEPS } = {}) {
  const { objects = INPUT, steps = STEPS } = options;
  const kit = SchedulerKit.withSteps(steps);
  const command = { job: "job", arguments: textData("sources"), keep: undefined, objects };
  const answer = kit.run({ kind: "submit-objects", ...command });
  if (answer.kind !== "request") throw new Error("the submission was refused");
  return { kit, request: answer.request };
}

/** Units that are ready, in the order of service; of a range the first and the number. */
function ready(kit: SchedulerKit): readonly string[] {
  return kit
    .queue()
    .map(([, row]) =>
      row.kind === "queue-range" ? `${row.next} to ${row.end}` : unitText(row.unit),
    );
}

function statesOf(kit: SchedulerKit, request: number) {
  const row = kit.rows.get(keys.invocation(request, []));
  return row?.kind === "invocation" ? row : undefined;
}

describe("a request over a list", () => {
  test("its root lists, and each attempt goes on where the one before it ended", () => {
    const { kit, request } = begun();
    const first = kit.next(listed(3, "c"));
    expect(unitText(first.attempt.unit)).toBe(`m${request}`);
    expect(first.work).toMatchObject({ kind: "list", cursor: "", limit: SEGMENT_CHILDREN });
    const second = kit.next(listed(2, "e", true));
    expect(second.work).toMatchObject({
      kind: "list",
      cursor: "c",
      limit: SEGMENT_CHILDREN - 3,
    });
    expect(ready(kit)).toEqual(["0 to 3", "3 to 5"]);
  });

  test("children run before the list ends, and the root is reduced only after both have ended", () => {
    const { kit, request } = begun();
    kit.next(listed(1, "a"));
    const lister = kit.grant();
    expect(lister.work?.kind).toBe("list");
    const child = kit.next(reduced(textData("one")));
    expect(child.work).toMatchObject({ kind: "map", objects: INPUT });
    expect(ready(kit)).toEqual([]);
    kit.end(lister.token, listed(1, "b", true));
    kit.next(reduced(textData("two")));
    const root = kit.next(reduced(textData("all")));
    expect(unitText(root.attempt.unit)).toBe(`r${request}/0`);
    expect(textsOf(kit.request(request).result ?? [])).toEqual(["all"]);
    expect(kit.request(request).steps).toEqual([{ step: "top", total: 3, done: 3, failed: 0 }]);
  });

  test("a list that is closed after its children have ended has the root reduced at once", () => {
    const { kit, request } = begun();
    kit.next(listed(1, "a"));
    const lister = kit.grant();
    kit.next(reduced(textData("one")));
    kit.end(lister.token, listed(0, "z", true));
    expect(ready(kit)).toEqual([`r${request}/0`]);
  });

  test("an empty list is reduced with nothing", () => {
    const { kit, request } = begun();
    kit.next(listed(0, "", true));
    kit.next(reduced([]));
    expect(kit.request(request)).toMatchObject({ state: "succeeded", result: [] });
  });

  test("a lister that is lost listed nothing: another one goes on from what was committed", () => {
    const { kit } = begun();
    kit.next(listed(2, "b"));
    const lost = kit.grant();
    kit.run({ kind: "take-back", token: lost.token, how: "lost" });
    // Its words come too late.
    kit.end(lost.token, listed(2, "d"));
    const next = kit.next(listed(1, "c", true));
    expect(next.work).toMatchObject({ kind: "list", cursor: "b" });
    expect(ready(kit)).toEqual(["0 to 2", "2 to 3"]);
  });

  test("each child has its own pair, also in a segment that was listed in pieces", () => {
    const { kit } = begun();
    kit.next(listed(2, "b"));
    kit.next(listed(3, "e", true));
    const inputs: unknown[] = [];
    while (ready(kit)[0]?.includes("to")) {
      kit.next(({ work }) => {
        const slice = work?.kind === "map" ? work.input[0] : undefined;
        inputs.push([slice?.piece.count, slice?.first, slice?.count]);
        return reduced([]);
      });
    }
    expect(inputs).toEqual([
      [2, 0, 1],
      [2, 1, 1],
      [3, 0, 1],
      [3, 1, 1],
      [3, 2, 1],
    ]);
  });

  test("a full segment is followed by another row", () => {
    const { kit, request } = begun();
    kit.next(listed(SEGMENT_CHILDREN, "a"));
    const next = kit.next(listed(5, "b", true));
    expect(next.work).toMatchObject({ kind: "list", limit: SEGMENT_CHILDREN });
    expect(kit.rows.has(keys.segment(request, 0))).toBe(true);
    expect(kit.rows.has(keys.segment(request, 1))).toBe(true);
  });

  test("listing waits behind the children when it is far ahead of them", () => {
    const { kit, request } = begun();
    for (let at = 0; at * SEGMENT_CHILDREN < LISTED_AHEAD; at++) {
      expect(ready(kit)[0]).toBe(`m${request}`);
      kit.next(listed(SEGMENT_CHILDREN, `${at}`));
    }
    expect(ready(kit).at(-1)).toBe(`m${request}`);
    expect(ready(kit)[0]).toBe(`0 to ${SEGMENT_CHILDREN}`);
  });

  test("what an executor makes up about a list is a failure", () => {
    const wrong: readonly Outcome[] = [
      listed(SEGMENT_CHILDREN + 1, "a"),
      listed(1, ""),
      mapped("top", 1),
      reduced([]),
    ];
    for (const outcome of wrong) {
      const { kit, request } = begun();
      kit.next(outcome);
      expect(kit.request(request)).toMatchObject({
        state: "failed",
        failure: { error: { code: "HANDLER_PROTOCOL" } },
      });
    }
    const { kit, request } = begun();
    kit.next(listed(1, "a", true));
    kit.next(listed(1, "b", true));
    expect(kit.request(request).failure?.error.code).toBe("HANDLER_PROTOCOL");
  });

  test("a list that cannot be read fails the request after its tries", () => {
    const { kit, request } = begun();
    kit.next(listed(1, "a"));
    kit.next(failed("no such bucket"));
    expect(kit.request(request)).toMatchObject({ state: "failed" });
  });

  test("an object that cannot be had fails the request or is skipped, as the request says", () => {
    const missing: Outcome = {
      kind: "failed",
      error: { code: "OBJECT_MISSING", message: "", traceback: "", stdout: "", stderr: "" },
    };
    for (const unavailable of ["fail", "skip"] as const) {
      const { kit, request } = begun({ objects: { ...INPUT, unavailable } });
      kit.next(listed(2, "b", true));
      kit.next(missing);
      const { state, steps } = kit.request(request);
      expect(state).toBe(unavailable === "fail" ? "failed" : "running");
      expect(steps).toEqual([{ step: "top", total: 3, done: 0, failed: 1 }]);
      if (unavailable === "fail") continue;
      kit.next(reduced(textData("other")));
      kit.next(reduced(textData("all")));
      expect(kit.request(request).state).toBe("succeeded");
    }
  });

  test("a handler's own failure is the step's to decide, whatever the list says", () => {
    const { kit, request } = begun({ objects: { ...INPUT, unavailable: "skip" } });
    kit.next(listed(2, "b", true));
    kit.next(failed());
    expect(kit.request(request).state).toBe("failed");
  });

  test("what the children map to gets pairs, not objects", () => {
    const { kit } = begun({ steps: [{ name: "top" }, { name: "low" }] });
    kit.next(listed(1, "a", true));
    kit.next(mapped("low", 1));
    const { work } = kit.grant();
    expect(work?.kind === "map" && work.objects === undefined).toBe(true);
  });

  test("a lost piece of a list is not listed again: the request fails with it", () => {
    const { kit, request } = begun();
    const cid = "0".repeat(64);
    const run = { kind: "run", cid, bytes: 9, count: 2, order: "yield", holders: [] } as const;
    kit.next({ kind: "listed", children: [run], cursor: "b", closed: true, warnings: [] });
    const error = { code: "RUN_LOST", message: "", traceback: "", stdout: "", stderr: "" };
    const lost = [{ cid, child: undefined, unit: 0 }];
    kit.next({ kind: "lacking", lost, error });
    expect(kit.request(request).failure?.error.code).toBe("RUN_LOST");
  });

  test("a retry lists again from the beginning", () => {
    const { kit, request } = begun();
    kit.next(listed(1, "a"));
    const lister = kit.grant();
    kit.next(reduced([]));
    kit.end(lister.token, failed());
    const answer = kit.run({ kind: "retry", request, keep: undefined });
    expect(answer.kind).toBe("request");
    kit.next(({ work }) => {
      expect(work).toMatchObject({ kind: "list", cursor: "" });
      return listed(0, "", true);
    });
  });

  test("its segments are removed with the request", () => {
    const { kit, request } = begun();
    kit.next(listed(1, "a"));
    const under = prefixesUnder(request);
    const key = keys.segment(request, 0);
    expect(under.some((prefix) => key.startsWith(prefix))).toBe(true);
    expect(statesOf(kit, request)?.listing).toEqual({ cursor: "a", closed: false });
  });
});
