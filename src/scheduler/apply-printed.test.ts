import { expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, textData } from "../../test/lib/scheduler-values.ts";
import { PRINTED_ROWS_MAX } from "./apply-kit.ts";
import { prefixes } from "./keys.ts";
import { unitText } from "./unit.ts";

const STEPS = [{ name: "top" }, { name: "low", retries: 1 }];
const printed = (stdout: string) => ({ stdout, stderr: "" });

const rowsOf = (kit: SchedulerKit, request: number) =>
  kit.scan(prefixes.printedOf(request)).flatMap(([, row]) => (row.kind === "printed" ? [row] : []));

test("what an attempt that ended well printed has a row with place and times; silence has none", () => {
  const kit = SchedulerKit.withSteps(STEPS);
  const request = kit.submit();
  kit.next({ ...mapped("low", 2), printed: printed("top said") });
  const grantedMs = kit.stampMs;
  kit.finish(() => reduced(textData("x")));
  const rows = rowsOf(kit, request);
  expect(rows).toMatchObject([
    { unit: { kind: "map", path: [] }, step: "top", grantedMs, printed: printed("top said") },
  ]);
  expect(kit.request(request)).toMatchObject({ state: "succeeded", printedCount: 1 });
});

test("what an attempt printed whose token is not live is not kept", () => {
  const kit = SchedulerKit.withSteps(STEPS);
  const request = kit.submit();
  const { token } = kit.grant();
  kit.end(token, failed());
  kit.end(token, { ...reduced(textData("x")), printed: printed("too late") });
  expect(rowsOf(kit, request)).toEqual([]);
});

test("of very many attempts that print the newest are kept, and all go with the request", () => {
  const kit = SchedulerKit.withSteps(STEPS);
  const request = kit.submit();
  const children = PRINTED_ROWS_MAX + 10;
  kit.next(mapped("low", children));
  let at = 0;
  kit.finish(() => ({ ...reduced(textData("x")), printed: printed(`${at++}`) }));
  const rows = rowsOf(kit, request);
  expect(rows.length).toBe(PRINTED_ROWS_MAX);
  const numbers = rows.map((row) => Number(row.printed.stdout)).sort((a, b) => a - b);
  expect(numbers).toEqual(
    Array.from({ length: PRINTED_ROWS_MAX }, (_, n) => at - PRINTED_ROWS_MAX + n),
  );
  expect(new Set(rows.map(({ unit }) => unitText(unit))).size).toBe(PRINTED_ROWS_MAX);
  kit.run({ kind: "remove", request, expired: false });
  const keys = kit.scan(prefixes.printedOf(request)).map(([key]) => key);
  kit.run({ kind: "remove-rows", request, keys, last: false });
  expect(rowsOf(kit, request)).toEqual([]);
});
