import { expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, textData } from "../../test/lib/scheduler-values.ts";
import { resultsOf } from "./block-row.ts";
import { keys, prefixes } from "./keys.ts";
import type { HistoryRow } from "./rows.ts";
import { RUN_MS_MAX } from "./work.ts";

/** Granted at 1000; the end is noted at 9000. */
function granted(retries = 3) {
  const kit = SchedulerKit.withSteps([{ name: "top", retries }, { name: "low" }]);
  const request = kit.submit();
  kit.stampMs = 1000;
  const { token } = kit.grant();
  kit.stampMs = 9000;
  return { kit, request, token };
}

function badEnd(kit: SchedulerKit, request: number): HistoryRow {
  const row = kit.rows.get(keys.badEnd(request, 0));
  if (row?.kind !== "history") throw new Error("a bad end has a row");
  return row;
}

test("an attempt ran when its executor says, reckoned back from the moment at which that is noted", () => {
  const { kit, request, token } = granted();
  kit.end(token, failed(), { tookMs: 4000, agoMs: 1500 });
  const times = { grantedMs: 1000, startedMs: 3500, endedMs: 7500 };
  expect(badEnd(kit, request)).toMatchObject({ how: "failed", ...times, exit: undefined });
});

test.each([
  [
    { tookMs: RUN_MS_MAX, agoMs: 1000 },
    { startedMs: 1000, endedMs: 8000 },
  ],
  [
    { tookMs: 5, agoMs: RUN_MS_MAX },
    { startedMs: 1000, endedMs: 1000 },
  ],
])("an executor that says %o is not believed to have begun before the grant", (run, times) => {
  const { kit, request, token } = granted();
  kit.end(token, failed(), run);
  expect(badEnd(kit, request)).toMatchObject({ grantedMs: 1000, ...times });
});

test("an end that is noted under an earlier stamp than the grant is not before it", () => {
  const { kit, request, token } = granted();
  kit.stampMs = 400;
  kit.end(token, failed(), { tookMs: 4000, agoMs: 1500 });
  const times = { grantedMs: 1000, startedMs: 1000, endedMs: 1000 };
  expect(badEnd(kit, request)).toMatchObject(times);
});

test("of an attempt that no worker took, or that was lost, no beginning is told", () => {
  const given = granted();
  given.kit.end(given.token, { kind: "released", reason: "drain" });
  const unknown = { startedMs: undefined, endedMs: 9000, exit: undefined };
  expect(badEnd(given.kit, given.request)).toMatchObject({ how: "released", ...unknown });
  const lost = granted();
  lost.kit.run({ kind: "take-back", token: lost.token, how: "lost" });
  expect(badEnd(lost.kit, lost.request)).toMatchObject({ how: "lost", ...unknown });
});

test("how its worker ended is kept with an attempt that failed or was given back", () => {
  const crashed = granted();
  crashed.kit.end(crashed.token, { ...failed(), exit: { kind: "code", code: 3 } });
  expect(badEnd(crashed.kit, crashed.request).exit).toEqual({ kind: "code", code: 3 });
  const given = granted();
  const exit = { kind: "signal", signal: "SIGKILL" } as const;
  given.kit.end(given.token, { kind: "released", reason: "drain", exit });
  expect(badEnd(given.kit, given.request).exit).toEqual(exit);
});

test("leaves in a block and attempts that printed have their own times", () => {
  const { kit, request, token } = granted();
  kit.end(token, mapped("low", 2), { tookMs: 100, agoMs: 0 });
  const [done] = kit.scan(prefixes.historyOf(request)).map(([, row]) => row);
  expect(done).toMatchObject({ how: "done", startedMs: 8900, endedMs: 9000 });
  const [first, second] = [kit.grant().token, kit.grant().token];
  kit.stampMs = 10_000;
  const printed = { stdout: "said", stderr: "" };
  kit.end(first, { ...reduced(textData("x")), printed }, { tookMs: 300, agoMs: 200 });
  kit.end(second, reduced(textData("y")), { tookMs: 50, agoMs: 10 });
  const times = { grantedMs: 9000, startedMs: 9500, endedMs: 9800 };
  const [row] = kit.scan(prefixes.printedOf(request)).map(([, one]) => one);
  expect(row).toMatchObject({ kind: "printed", ...times });
  const block = kit.rows.get(keys.block(request, [], 0));
  expect(block?.kind === "block" && resultsOf(block)).toMatchObject([
    { child: 0, ...times },
    { child: 1, grantedMs: 9000, startedMs: 9940, endedMs: 9990 },
  ]);
});
