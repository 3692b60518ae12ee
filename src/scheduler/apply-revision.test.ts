import { expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, textData } from "../../test/lib/scheduler-values.ts";

const CHANGED = { kind: "refused", code: "REVISION_CHANGED" } as const;

/** A request that is paused for its root. */
function paused() {
  const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "pause" }, { name: "low" }]);
  const request = kit.submit();
  kit.next(failed());
  expect(kit.request(request).state).toBe("paused");
  return { kit, request };
}

test("the revision of a request rises with each change of its state, and with nothing else", () => {
  const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "pause" }, { name: "low" }]);
  const request = kit.submit();
  const revisions: number[] = [];
  const rises = (state: string): void => {
    const row = kit.request(request);
    expect(row.state).toBe(state);
    expect(row.revision).toBeGreaterThan(revisions.at(-1) ?? 0);
    revisions.push(row.revision);
  };
  const stays = (): void => expect(kit.request(request).revision).toBe(revisions.at(-1));
  rises("queued");
  const { token } = kit.grant();
  rises("running");
  kit.end(token, failed());
  rises("paused");
  kit.run({ kind: "resume", request });
  rises("running");
  kit.next(mapped("low", 2));
  stays();
  kit.next(reduced(textData("a")));
  kit.next(reduced(textData("b")));
  expect(kit.request(request).steps).toContainEqual({ step: "low", total: 2, done: 2, failed: 0 });
  stays();
  kit.next(reduced(textData("result")));
  rises("succeeded");
  expect(kit.run({ kind: "cancel", request })).toEqual({ kind: "ok" });
  stays();
});

test("two requests of one entry have revisions of their own", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }]);
  const submit = { kind: "submit", job: "job", arguments: [], keep: undefined } as const;
  const id = { kind: "none" } as const;
  kit.apply([
    { id, command: submit },
    { id, command: submit },
  ]);
  expect(kit.request(1).revision).not.toBe(kit.request(2).revision);
});

test.each(["cancel", "resume"] as const)(
  "%s with the revision of before changes nothing, and with that of now what it says",
  (kind) => {
    const { kit, request } = paused();
    const { revision } = kit.request(request);
    const before = new Map(kit.rows);
    expect(kit.run({ kind, request, revision: revision - 1 })).toMatchObject(CHANGED);
    expect(kit.run({ kind, request, revision: 0 })).toMatchObject(CHANGED);
    expect(kit.rows).toEqual(before);
    expect(kit.run({ kind, request, revision })).toEqual({ kind: "ok" });
    expect(kit.request(request).state).toBe(kind === "cancel" ? "cancelled" : "running");
    // Whoever has seen the same is too late, also where nothing would be left to do.
    expect(kit.run({ kind, request, revision })).toMatchObject(CHANGED);
  },
);

test("a request that paused again is not at the revision at which it was paused before", () => {
  const { kit, request } = paused();
  const { revision } = kit.request(request);
  kit.run({ kind: "resume", request });
  kit.next(failed());
  expect(kit.request(request).state).toBe("paused");
  expect(kit.run({ kind: "resume", request, revision })).toMatchObject(CHANGED);
});

test("a request is deleted at the revision that is expected, and unknown afterwards whatever is", () => {
  const { kit, request } = paused();
  const { revision: old } = kit.request(request);
  kit.run({ kind: "cancel", request });
  const { revision } = kit.request(request);
  const remove = { kind: "remove", request, expired: false } as const;
  expect(kit.run({ ...remove, revision: old })).toMatchObject(CHANGED);
  expect(kit.request(request).state).toBe("cancelled");
  expect(kit.run({ ...remove, revision })).toEqual({ kind: "ok" });
  const unknown = { kind: "refused", code: "REQUEST_UNKNOWN" };
  expect(kit.run({ ...remove, revision })).toMatchObject(unknown);
  expect(kit.run({ kind: "cancel", request, revision })).toMatchObject(unknown);
});
