/** Lists of attempts, read from the rows of a workflow as its state machine wrote them. */
import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, textData } from "../../test/lib/scheduler-values.ts";
import type { RowsWanted } from "../actors/answers.ts";
import { RELEASE_MS_MIN } from "../scheduler/apply-attempt.ts";
import { BAD_END_PLACES } from "../scheduler/attempt-record.ts";
import { requestId } from "../scheduler/unit.ts";
import { Deadline } from "../std/deadline.ts";
import { RequestReader } from "./request-reader.ts";

const nobody = (): Promise<never> => Promise.reject(new Error("nothing is unknown here"));
/** So many that were given back are kept. */
const RELEASED = BAD_END_PLACES.released;
const deadline = new Deadline({ nowMs: () => 0 }, 1000);

/** A reader of the kit's rows, and how many rows it has read. */
function readerOf(kit: SchedulerKit, request: number) {
  let rowsRead = 0;
  const node = {
    directory: { member: () => undefined },
    read: (_group: number, { keys: wanted, scan }: RowsWanted) => {
      const found = [...kit.rows]
        .filter(([key]) => scan !== undefined && key >= scan.gte && key < scan.lt)
        .sort(([a], [b]) => (a < b ? -1 : 1));
      const scanned = found.slice(0, scan?.limit).map(([key, row]) => ({ key, row }));
      rowsRead += scanned.length + wanted.length;
      const values = wanted.map((key) => kit.rows.get(key));
      const more = scanned.length < found.length;
      return Promise.resolve({
        ...({ kind: "rows", values, scanned, more } as const),
        ...{ term: 1, appliedIndex: 1 },
      });
    },
  };
  const reader = new RequestReader(node, { workflow: nobody, workflowNamed: nobody });
  const place = {
    ...{ id: requestId("flow", 7, request), workflow: "flow" },
    ...{ group: 7, sequence: request },
  };
  return {
    rowsRead: () => rowsRead,
    attempts: () => reader.attempts(place, 10_000, deadline),
    work: () => reader.work(place, kit.request(request), deadline),
  };
}

/** Releases the unit so often, each time with its number as the reason. */
function releasedOften(times: number) {
  const kit = SchedulerKit.withSteps([{ name: "top" }]);
  const request = kit.submit();
  for (let time = 0; time < times; time++) {
    const { token } = kit.grant();
    kit.stampMs += RELEASE_MS_MIN;
    kit.end(token, { kind: "released", reason: `${time}` });
  }
  return { kit, request };
}

test("of many bad ends the newest are listed in their order, with the number of those before", async () => {
  const { kit, request } = releasedOften(RELEASED + 7);
  const list = await readerOf(kit, request).attempts();
  expect(list.attempts.map(({ error }) => error?.message)).toEqual(
    Array.from({ length: RELEASED }, (_, at) => `${at + 7}`),
  );
  expect(list).toMatchObject({ truncated: false, forgotten: 7 });
});

test("what is told of why reads no more rows after ten times as many bad ends", async () => {
  const read = async (times: number): Promise<number> => {
    const { kit, request } = releasedOften(times);
    const reader = readerOf(kit, request);
    expect((await reader.work()).lastBad?.row.error?.message).toBe(`${times - 1}`);
    return reader.rowsRead();
  };
  expect(await read(10 * RELEASED)).toBe(await read(RELEASED));
});

test("a failure is told of as the last bad end, however often its unit was given back after it", async () => {
  const kit = SchedulerKit.withSteps([{ name: "top", retries: 1 }]);
  const request = kit.submit();
  kit.next(failed("the one failure"));
  kit.run({ kind: "due", delayedKey: kit.scan("d/")[0]?.[0] ?? "" });
  for (let time = 0; time < 2 * RELEASED; time++) {
    const { token } = kit.grant();
    kit.stampMs += RELEASE_MS_MIN;
    kit.end(token, { kind: "released", reason: `${time}` });
  }
  const reader = readerOf(kit, request);
  const { lastBad, givenBack } = await reader.work();
  expect(lastBad?.row.error?.message).toBe("the one failure");
  expect(givenBack).toEqual({ count: RELEASED, lastReason: `${2 * RELEASED - 1}` });
  const { attempts, forgotten } = await reader.attempts();
  const listed = attempts.filter(({ state }) => state === "failed");
  expect(listed).toMatchObject([{ error: { message: "the one failure" } }]);
  expect(forgotten).toBe(RELEASED);
});

test("each attempt is listed with grant, beginning, end, and how its worker ended", async () => {
  const kit = SchedulerKit.withSteps([{ name: "top", retries: 1 }]);
  const request = kit.submit();
  kit.stampMs = 1000;
  const { token } = kit.grant();
  kit.stampMs = 5000;
  const exit = { kind: "signal", signal: "SIGKILL" } as const;
  kit.end(token, { ...failed(), exit }, { tookMs: 2000, agoMs: 500 });
  const delayedKey = kit.scan("d/")[0]?.[0] ?? "";
  kit.run({ kind: "due", delayedKey });
  const again = kit.grant();
  const reader = readerOf(kit, request);
  const ended = {
    ...{ grantedAt: "1970-01-01T00:00:01.000Z", startedAt: "1970-01-01T00:00:02.500Z" },
    ...{ endedAt: "1970-01-01T00:00:04.500Z", exit: { code: null, signal: "SIGKILL" } },
  };
  const waiting = {
    grantedAt: "1970-01-01T00:00:05.000Z",
    startedAt: "1970-01-01T00:00:05.000Z",
    endedAt: null,
  };
  expect((await reader.attempts()).attempts).toMatchObject([
    { state: "running", ...waiting, exit: null },
    { state: "failed", ...ended },
  ]);
  kit.stampMs = 9000;
  kit.end(again.token, reduced(textData("x")), { tookMs: 1000, agoMs: 0 });
  const [, done] = (await reader.attempts()).attempts;
  const times = { startedAt: "1970-01-01T00:00:08.000Z", endedAt: "1970-01-01T00:00:09.000Z" };
  expect(done).toMatchObject({ state: "done", ...times, exit: null, error: null });
});

test("of units that were granted together each is told, whether it runs yet or waits for a slot", async () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
  const request = kit.submit();
  kit.next(mapped("low", 5));
  const [queueKey = ""] = kit.queue().map(([key]) => key);
  const to = { node: "node-a", executor: "run of node-a" };
  kit.run({ kind: "grant", queueKey, child: 0, count: 4, ...to });
  const reader = readerOf(kit, request);
  expect((await reader.work()).granted).toEqual(Array(4).fill("node-a"));
  const states = (await reader.attempts()).attempts.map(({ state }) => state);
  expect(states).toEqual([...Array<string>(4).fill("running"), "done"]);
});

describe("with more ready work in the workflow than is looked at", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
  const early = kit.submit();
  const { token } = kit.grant();
  for (let more = 0; more < 10_001; more++) kit.submit();
  const last = kit.submit();

  test("the unit of the newest request is found where it waits", async () => {
    const seen = await readerOf(kit, last).work();
    expect(seen).toMatchObject({ ready: new Map([["none", 1]]), lookedAt: undefined });
  });

  test("of units that are not found among those it is told how many were looked at", async () => {
    kit.end(token, mapped("low", 3));
    const seen = await readerOf(kit, early).work();
    expect(seen).toMatchObject({ granted: [], ready: new Map(), lookedAt: 10_000 });
  });
});

test("a unit that was given back is found by looking, with all rows seen", async () => {
  const { kit, request } = releasedOften(2);
  kit.submit();
  const seen = await readerOf(kit, request).work();
  expect(seen).toMatchObject({ ready: new Map([["none", 1]]), lookedAt: undefined });
});
