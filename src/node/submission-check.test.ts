import { expect, test } from "vitest";
import { EMPTY_PLAN } from "../scheduler/apply-client.ts";
import { keys, META_KEY, RETAINED_KEY } from "../scheduler/keys.ts";
import type { HandlerDefinition, PlanRow, Row } from "../scheduler/rows.ts";
import { OPEN_REQUESTS_MAX } from "../scheduler/submission.ts";
import { Deadline } from "../std/deadline.ts";
import { INLINE_BYTES_MAX } from "../wire/dataset.ts";
import { isLarge, refuseEarly } from "./submission-check.ts";
import { systemClock } from "./system.ts";

const META: Row = {
  ...{ kind: "meta", group: 7, name: "text", description: "", nextRequest: 1 },
  ...{ newestMs: 0, plan: 3, retention: undefined, weight: 1 },
};
const handler = (type: "mapper" | "reducer"): HandlerDefinition => ({
  handler: {
    ...{ name: type, type, language: "javascript", version: "1" },
    ...{ argumentType: null, memoryBytes: undefined },
  },
  ...{ capability: "javascript", description: "", retries: undefined, timeoutMs: undefined },
});
const PLAN: PlanRow = {
  ...EMPTY_PLAN,
  steps: [
    {
      ...{ name: "words", description: "", partitions: 1, onFailure: "fail" },
      ...{ retries: undefined, timeoutMs: undefined, combiner: undefined },
      mapper: handler("mapper"),
      reducer: handler("reducer"),
    },
  ],
  jobs: [{ name: "count", description: "", step: "words" }],
};

/** What a submission comes to with these rows; undefined when nothing speaks against it. */
async function codeWith(
  rows: ReadonlyMap<string, Row>,
  input: { readonly job?: string; readonly keep?: string; readonly key?: string } = {},
): Promise<unknown> {
  const read = (_group: number, what: { readonly keys?: readonly string[] }) => {
    const values = (what.keys ?? []).map((key) => rows.get(key));
    const answer = { kind: "rows", values, scanned: [], more: false } as const;
    return Promise.resolve({ ...answer, term: 1, appliedIndex: 1 });
  };
  const { job = "count", keep, key: idempotencyKey } = input;
  const look = { group: 7, job, keep, idempotencyKey };
  return refuseEarly({ read }, look, new Deadline(systemClock, 10_000)).then(
    () => undefined,
    (error: { readonly code: string }) => error.code,
  );
}

const GOOD = new Map<string, Row>([
  [META_KEY, META],
  [keys.plan(3), PLAN],
]);

test("a submission that would be taken is not refused", async () => {
  expect(await codeWith(GOOD)).toBeUndefined();
  expect(await codeWith(GOOD, { keep: "mine", key: "k" })).toBeUndefined();
});

test("a job that is not there, a name that is taken and too many requests are refused", async () => {
  expect(await codeWith(GOOD, { job: "other" })).toBe("JOB_UNKNOWN");
  expect(await codeWith(new Map())).toBe("WORKFLOW_NOT_ACTIVE");
  const taken = new Map<string, Row>([...GOOD, [keys.kept("mine"), { kind: "kept", request: 4 }]]);
  expect(await codeWith(taken, { keep: "mine" })).toBe("REQUEST_NAME_TAKEN");
  const counts = {
    kind: "retained",
    count: 0,
    bytes: 0,
    kept: 0,
    open: OPEN_REQUESTS_MAX,
  } as const;
  expect(await codeWith(new Map([...GOOD, [RETAINED_KEY, counts]]))).toBe("REQUEST_TOO_MANY");
});

test("who repeats a submission is not refused by what has become of the workflow since", async () => {
  const answer = { kind: "request", request: 4, repeated: false } as const;
  const known = { kind: "keyed", bodyHash: "", answer, stampMs: 1 } as const;
  const rows = new Map<string, Row>([...GOOD, [keys.keyed("k"), known]]);
  expect(await codeWith(rows, { job: "other", key: "k" })).toBeUndefined();
  expect(await codeWith(rows, { job: "other", key: "l" })).toBe("JOB_UNKNOWN");
});

test("what an old leader says against a submission is not believed", async () => {
  const asked: unknown[] = [];
  const read = (_group: number, what: { readonly keys?: readonly string[]; follows?: boolean }) => {
    asked.push(what.follows);
    // It does not know the job yet that others have seen defined.
    const rows = what.follows === true ? new Map([...GOOD, [keys.plan(3), EMPTY_PLAN]]) : GOOD;
    const values = (what.keys ?? []).map((key) => rows.get(key));
    const answer = { kind: "rows", values, scanned: [], more: false } as const;
    return Promise.resolve({ ...answer, term: 1, appliedIndex: 1 });
  };
  const look = { group: 7, job: "count", keep: undefined, idempotencyKey: undefined };
  await refuseEarly({ read }, look, new Deadline(systemClock, 10_000));
  expect(asked).toEqual([true, true, false, false]);
});

test("definitions that were replaced between two reads leave the answer to the command", async () => {
  expect(await codeWith(new Map([[META_KEY, META]]))).toBeUndefined();
});

test("pairs are large from where they might not fit into the command", () => {
  expect(isLarge([])).toBe(false);
  expect(isLarge([["key", "v".repeat(100)]])).toBe(false);
  expect(isLarge([["key", "v".repeat(INLINE_BYTES_MAX)]])).toBe(true);
  expect(isLarge(Array.from({ length: 1000 }, (_, key) => [key, "value"]))).toBe(true);
});
