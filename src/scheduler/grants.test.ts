import { expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { mapped } from "../../test/lib/scheduler-values.ts";
import { singleGrants } from "./grants.ts";
import { keys } from "./keys.ts";
import type { Grant } from "./protocol.ts";
import { workOf } from "./work-of.ts";

/** A grant of children 3 to 6 out of a dataset of two pieces, which part between 4 and 5. */
function granted(): { readonly kit: SchedulerKit; readonly grant: Grant } {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
  const request = kit.submit();
  const bytes = new Uint8Array(8);
  const piece = (count: number) => ({ kind: "inline", bytes, count, order: "yield" }) as const;
  const outcome = mapped("low", 0);
  kit.next({ ...outcome, children: [piece(5), piece(3)] });
  const queueKey = kit.queue()[0]?.[0] ?? "";
  const grant = { kind: "grant", queueKey, node: "n", executor: "e" } as const;
  kit.run({ ...grant, child: 0, count: 3 });
  const [said] = kit.said(() => kit.run({ ...grant, child: 3, count: 4 }));
  if (said?.kind !== "granted") throw new Error("the grant is applied");
  const work = workOf({ peek: (key) => kit.rows.get(key) }, said.attempt);
  if (work === undefined) throw new Error("the request runs");
  const ids = { request: "flow-7-1", invocation: `flow-7-${request}.r.3`, step: "low" };
  return { kit, grant: { token: said.token, count: 4, ...ids, inputs: { kind: "none" }, work } };
}

test("each attempt of a grant has its own token, invocation and pair, over the border of a piece", () => {
  const { kit, grant } = granted();
  const singles = singleGrants(grant);
  expect(singles.map((one) => one.invocation)).toEqual(
    [3, 4, 5, 6].map((child) => `flow-7-1.r.${child}`),
  );
  expect(singles.map((one) => one.token)).toEqual(
    kit
      .attempts()
      .slice(3)
      .map((one) => one.token),
  );
  for (const [at, { work }] of singles.entries()) {
    expect(work).toEqual(kit.attempts()[3 + at]?.work);
  }
});

test("a grant whose input does not fit its attempts grants nothing", () => {
  const { grant } = granted();
  expect(singleGrants({ ...grant, count: 5 })).toEqual([]);
  expect(singleGrants({ ...grant, count: 3 })).toEqual([]);
});

test("the attempts of a grant are one row until the last of them has ended", () => {
  const { kit } = granted();
  const tokens = kit.attempts().map(({ token }) => token);
  const rows = () => [...kit.rows.keys()].filter((key) => key.startsWith("a/"));
  expect(rows()).toHaveLength(2);
  for (const token of tokens.slice(3, 6)) kit.end(token, { kind: "released", reason: "drain" });
  expect(rows()).toHaveLength(2);
  const [first = { index: 0, ordinal: 0 }, , , , , , last = first] = tokens;
  kit.end(last, { kind: "released", reason: "drain" });
  expect(rows()).toEqual([keys.attempt(first)]);
});
