import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import {
  failed,
  mapped,
  reduced,
  sketchDefinition,
  textData,
} from "../../test/lib/scheduler-values.ts";
import { assert } from "../std/assert.ts";
import { keys, META_KEY, prefixes, prefixesUnder, RETAINED_KEY } from "./keys.ts";
import { KEPT_REQUESTS_MAX, OPEN_REQUESTS_MAX } from "./submission.ts";

const STEPS = [{ name: "top" }, { name: "low", retries: 1 }];

/** A request with two levels that has ended well, with rows of every kind under it. */
function ended(kit: SchedulerKit, keep?: string): number {
  const request = kit.submit(textData("the arguments"), keep);
  kit.next(mapped("low", 3));
  kit.end(kit.grant().token, failed());
  kit.stampMs += 100_000;
  for (const [key] of kit.scan(prefixes.delayed)) kit.run({ kind: "due", delayedKey: key });
  kit.finish(({ work }) =>
    reduced(...Array.from({ length: work?.parts ?? 1 }, () => textData("a part of it", 300))),
  );
  assert(kit.request(request).state === "succeeded", "the request has ended well");
  return request;
}

const under = (kit: SchedulerKit, request: number) =>
  prefixesUnder(request).flatMap((prefix) => kit.scan(prefix).map(([key]) => key));

const remove = (kit: SchedulerKit, request: number, expired = false) =>
  kit.run({ kind: "remove", request, expired });

describe("removing", () => {
  test("a removed request is unknown at once, and its rows go in slices", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const request = ended(kit);
    const rows = under(kit, request);
    expect(new Set(rows.map((key) => key[0]))).toEqual(new Set(["i", "b", "c", "f", "h"]));
    expect(remove(kit, request)).toEqual({ kind: "ok" });
    expect(kit.run({ kind: "cancel", request })).toMatchObject({ code: "REQUEST_UNKNOWN" });
    expect(remove(kit, request)).toMatchObject({ code: "REQUEST_UNKNOWN" });
    const slice = (from: number, to: number, last: boolean) =>
      kit.run({ kind: "remove-rows", request, keys: rows.slice(from, to), last });
    slice(0, 2, false);
    expect(under(kit, request)).toEqual(rows.slice(2));
    slice(2, rows.length, true);
    expect(under(kit, request)).toEqual([]);
    expect(kit.scan(prefixes.removals)).toEqual([]);
    expect(kit.scan(prefixes.ended)).toEqual([]);
  });

  test("a slice deletes only what lies under its request, and nothing of one that is there", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const [first, second] = [ended(kit), ended(kit)];
    const others = under(kit, second);
    kit.run({ kind: "remove-rows", request: second, keys: others, last: true });
    expect(under(kit, second)).toEqual(others);
    remove(kit, first);
    const meta = kit.rows.get(META_KEY);
    kit.run({ kind: "remove-rows", request: first, keys: [...others, META_KEY], last: false });
    expect(under(kit, second)).toEqual(others);
    expect(kit.rows.get(META_KEY)).toEqual(meta);
  });

  test("a request that runs cannot be removed", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const request = kit.submit();
    expect(remove(kit, request)).toMatchObject({ code: "REQUEST_NOT_ENDED" });
    kit.grant();
    expect(remove(kit, request)).toMatchObject({ code: "REQUEST_NOT_ENDED" });
  });

  test("what was under way when its request was cancelled and removed ends in nothing", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const request = kit.submit();
    kit.next(mapped("low", 4));
    const running = [kit.grant(), kit.grant(), kit.grant()];
    const [ends, lost, late] = running;
    assert(ends !== undefined && lost !== undefined && late !== undefined, "three are granted");
    const [queueKey] = kit.queue()[0] ?? [];
    assert(queueKey !== undefined, "one child waits");
    kit.run({ kind: "cancel", request });
    remove(kit, request);
    const rows = under(kit, request);
    kit.run({ kind: "remove-rows", request, keys: rows, last: true });
    kit.end(ends.token, reduced(textData("late")));
    kit.end(late.token, failed("late"));
    kit.run({ kind: "take-back", token: lost.token, how: "lost" });
    const granting = {
      kind: "grant",
      queueKey,
      child: 3,
      count: 1,
      node: "n",
      executor: "e",
    } as const;
    kit.run(granting);
    kit.run({ kind: "set-aside", key: queueKey });
    expect(kit.attempts()).toEqual([]);
    expect(kit.queue()).toEqual([]);
    expect(under(kit, request)).toEqual([]);
  });

  test("a unit that waits for its next try goes when it is due", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const request = kit.submit();
    kit.next(mapped("low", 1));
    kit.end(kit.grant().token, failed());
    const [[delayedKey = ""] = []] = kit.scan(prefixes.delayed);
    kit.run({ kind: "cancel", request });
    remove(kit, request);
    kit.run({ kind: "due", delayedKey });
    expect(kit.scan(prefixes.delayed)).toEqual([]);
    expect(kit.queue()).toEqual([]);
  });
});

describe("names", () => {
  test("a kept request is not expired, and is removed only by somebody's wish", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const request = ended(kit, "nightly");
    expect(kit.scan(prefixes.ended)).toEqual([]);
    remove(kit, request, true);
    expect(kit.request(request).keptAs).toBe("nightly");
    const again = { kind: "submit", job: "job", arguments: [], keep: "nightly" } as const;
    expect(kit.run(again)).toMatchObject({ code: "REQUEST_NAME_TAKEN" });
    remove(kit, request);
    expect(kit.rows.has(keys.kept("nightly"))).toBe(false);
    expect(kit.run(again).kind).toBe("request");
  });

  test("a retry has the same arguments, says whose, and needs a request that is there", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const request = ended(kit);
    const answer = kit.run({ kind: "retry", request, keep: "again" });
    assert(answer.kind === "request", "a retry is a request");
    expect(kit.request(answer.request)).toMatchObject({
      arguments: kit.request(request).arguments,
      retryOf: request,
      keptAs: "again",
      state: "queued",
    });
    expect(kit.run({ kind: "retry", request: 99, keep: undefined })).toMatchObject({
      code: "REQUEST_UNKNOWN",
    });
  });
});

describe("what is counted", () => {
  test("the total is that of the finished requests that are there", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const requests = [ended(kit), ended(kit), ended(kit)];
    ended(kit, "kept");
    const sum = () =>
      kit
        .scan(prefixes.ended)
        .reduce((all, [, row]) => all + (row.kind === "ended" ? row.bytes : 0), 0);
    expect(kit.rows.get(RETAINED_KEY)).toMatchObject({ count: 3, bytes: sum() });
    expect(sum()).toBeGreaterThan(900);
    remove(kit, requests[1] ?? 0);
    expect(kit.rows.get(RETAINED_KEY)).toMatchObject({ count: 2, bytes: sum() });
  });

  test("plans and sources go with the last request that began with them", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const { define, sources } = sketchDefinition(STEPS);
    const first = ended(kit);
    const old = kit.request(first).plan;
    const renamed = define.handlers.map((one, at) => {
      const version = at === 0 ? "v-new" : one.handler.version;
      return { ...one, handler: { ...one.handler, version } };
    });
    kit.run({ kind: "source", version: "v-new", source: "" });
    expect(kit.run({ ...define, handlers: renamed, revision: old }).kind).toBe("revision");
    const gone = sources[0]?.version ?? "";
    expect(kit.rows.has(keys.plan(old))).toBe(true);
    expect(kit.rows.has(keys.source(gone))).toBe(true);
    remove(kit, first);
    expect(kit.rows.has(keys.plan(old))).toBe(false);
    expect(kit.rows.has(keys.source(gone))).toBe(false);
    for (const { version } of sources.slice(1)) {
      expect(kit.rows.has(keys.source(version))).toBe(true);
    }
    // Requests with the definitions of now still run.
    ended(kit);
  });

  test("definitions that no request began with go when they are replaced", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const { define } = sketchDefinition(STEPS);
    const meta = kit.rows.get(META_KEY);
    assert(meta?.kind === "meta", "the workflow is there");
    kit.run({ ...define, description: "other", revision: meta.plan });
    expect(kit.rows.has(keys.plan(meta.plan))).toBe(false);
    expect(kit.scan("p/")).toHaveLength(1);
    ended(kit);
  });
});

test("an answer under a client's key is forgotten once, and a key that was used again is not", () => {
  const kit = SchedulerKit.withSteps(STEPS);
  const submit = () =>
    kit.apply([
      {
        id: { kind: "key", key: "nightly", bodyHash: "h" },
        command: { kind: "submit", job: "job", arguments: [], keep: undefined },
      },
    ])[0];
  const first = submit();
  expect(first).toMatchObject({ kind: "request", repeated: false });
  expect(submit()).toEqual({ ...first, repeated: true });
  const [[old = ""] = []] = kit.scan(prefixes.expiries);
  kit.run({ kind: "forget-keys", keys: [old] });
  expect(kit.rows.has(keys.keyed("nightly"))).toBe(false);
  kit.stampMs += 5;
  expect(submit()).toMatchObject({ repeated: false });
  kit.run({ kind: "forget-keys", keys: [old] });
  expect(submit()).toMatchObject({ repeated: true });
  expect(kit.scan(prefixes.expiries)).toHaveLength(1);
});

test("the stamp of the newest request stays known when the request is gone (R14)", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }]);
  kit.stampMs += 7_000_000;
  const { stampMs } = kit;
  const request = kit.submit();
  kit.next(reduced([]));
  kit.run({ kind: "remove", request, expired: false });
  expect(kit.rows.get(META_KEY)).toMatchObject({ kind: "meta", newestMs: stampMs });
});

describe("bounds", () => {
  const counts = (kit: SchedulerKit) => kit.rows.get(RETAINED_KEY);
  const row = { kind: "retained", count: 0, bytes: 0, open: 0, kept: 0 } as const;

  test("open requests are counted from their submission to their end, kept ones until they are deleted", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const request = ended(kit, "mine");
    expect(counts(kit)).toMatchObject({ open: 0, kept: 1, count: 0 });
    const [first, second] = [kit.submit(), kit.submit()];
    expect(counts(kit)).toMatchObject({ open: 2, kept: 1, count: 0 });
    kit.run({ kind: "cancel", request: first });
    expect(counts(kit)).toMatchObject({ open: 1, kept: 1, count: 1 });
    remove(kit, request);
    expect(counts(kit)).toMatchObject({ open: 1, kept: 0, count: 1 });
    kit.run({ kind: "cancel", request: second });
    remove(kit, first);
    expect(counts(kit)).toMatchObject({ open: 0, kept: 0, count: 1 });
  });

  test("a workflow with too many open requests takes no more, and the next when one has ended", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const request = kit.submit();
    kit.rows.set(RETAINED_KEY, { ...row, open: OPEN_REQUESTS_MAX });
    const before = [...kit.rows];
    const retry = { kind: "retry", request, keep: undefined } as const;
    expect(kit.run(retry)).toMatchObject({ kind: "refused", code: "REQUEST_TOO_MANY" });
    expect([...kit.rows]).toEqual(before);
    kit.run({ kind: "cancel", request });
    expect(kit.run(retry)).toMatchObject({ kind: "request" });
    expect(kit.run(retry)).toMatchObject({ code: "REQUEST_TOO_MANY" });
  });

  test("a workflow with too many kept requests takes only such as are not kept", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const request = kit.submit();
    kit.rows.set(RETAINED_KEY, { ...row, open: 1, kept: KEPT_REQUESTS_MAX });
    const retry = (keep: string | undefined) => kit.run({ kind: "retry", request, keep });
    expect(retry("mine")).toMatchObject({ kind: "refused", code: "REQUEST_KEPT_TOO_MANY" });
    expect(retry(undefined)).toMatchObject({ kind: "request" });
    // The name was not taken by the refusal.
    kit.rows.set(RETAINED_KEY, { ...row, open: 2, kept: 0 });
    expect(retry("mine")).toMatchObject({ kind: "request" });
  });
});
