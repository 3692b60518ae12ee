/** Handlers that throw and handlers that are no handlers. */
import { cp, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { asRecord, parseRecord } from "../../scripts/lib/json.ts";
import type { RequestView } from "../../src/api/ports.ts";
import { attemptsOf, ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { runs } from "../lib/processes.ts";

const END_MS_MAX = 60_000;
/** So many units that failed for good are kept with what they said (`scheduler/attempt-record.ts`). */
const KEPT = 200;
const FAILING = KEPT + 31;
/** What `jobx` exits with. */
const EXIT_FAILED = 1;
const EXIT_REFUSED = 4;

/** By itself, or by a signal that comes from somebody else. */
const FATE: Readonly<Record<string, string>> = {
  exit: "HANDLER_CRASHED",
  kill: "HANDLER_KILLED",
};

const cluster = useCluster(1);

beforeAll(() => cluster.apply(1, "faults"));

/** Submits three units, of which the second throws until the gate is open. */
async function submit(job: string, gate: Gate): Promise<string> {
  const { request } = await cluster.client(1).submit({
    workflow: "faults",
    job,
    arguments: [
      ["a", 1],
      ["bad", gate.path],
      ["z", 3],
    ],
    idempotencyKey: undefined,
  });
  return request;
}

test("a request whose handler throws fails and says where and why", async () => {
  const gate = await Gate.make(cluster);
  const args = ["submit", "faults", "fail", "a=1", `bad=${gate.path}`, "--wait", "--json"];
  const { code, stdout } = await cluster.jobx(1, ...args);
  expect(code).toBe(EXIT_FAILED);
  const view = parseRecord(stdout, "the request");
  expect(view).toMatchObject({ state: "failed", result: null, workflow: "faults", job: "fail" });
  const id = String(view["request"]);
  const error = asRecord(view["error"], "the error");
  expect(error).toMatchObject({ code: "HANDLER_FAILED", invocation: `${id}.r.1` });
  expect(error["message"]).toContain("thrown on purpose");
  expect(error["traceback"]).toMatch(/RangeError: thrown on purpose\s+at .*fragile/);
  expect(error["stdout"]).toContain("printed before");
  // It was tried as often as the step says, and then no more.
  const failed = (await attemptsOf(cluster.client(1), id)).filter(
    ({ state }) => state === "failed",
  );
  expect(failed.map(({ invocation }) => invocation)).toEqual([`${id}.r.1`, `${id}.r.1`]);
  // A handler that throws leaves its worker alive.
  expect(failed.map(({ exit }) => exit)).toEqual([null, null]);
});

test.each([
  ["exit", { code: 3, signal: null }, "code 3", "with code 3"],
  ["kill", { code: null, signal: "SIGKILL" }, "SIGKILL", "by signal SIGKILL"],
])(
  "a worker that dies by its own %s is told with that, and when it ran",
  async (how, exit, column, words) => {
    const afterMs = 300;
    const args = ["submit", "faults", "die", `${how}=${afterMs}`, "--wait", "--json"];
    const { code, stdout } = await cluster.jobx(1, ...args);
    expect(code).toBe(EXIT_FAILED);
    const id = String(parseRecord(stdout, "the request")["request"]);
    const attempts = await attemptsOf(cluster.client(1), id);
    expect(attempts.map(({ state }) => state)).toEqual(["failed", "failed"]);
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({
        exit,
        nodeName: "node-1",
        error: { code: FATE[how] },
      });
      const [granted = 0, started = 0, ended = 0] = [
        attempt.grantedAt,
        attempt.startedAt,
        attempt.endedAt ?? "",
      ].map((time) => Date.parse(time));
      expect(granted).toBeLessThanOrEqual(started);
      // Timers may fire a little early, and times are whole milliseconds.
      expect(ended - started).toBeGreaterThanOrEqual(afterMs - 5);
    }
    const table = (await cluster.jobx(1, "request", "attempts", id)).stdout;
    expect(table).toMatch(new RegExp(` ms +failed +${column} +${FATE[how]}\n`));
    const ran = "from 2\\S+Z to 2\\S+Z \\(granted 2\\S+Z; its worker ended";
    expect((await cluster.jobx(1, "logs", id)).stdout).toMatch(
      new RegExp(`${id}.r \\(dies, map\\) failed on node-1 ${ran} ${words}\\)\n`),
    );
    const why = (await cluster.jobx(1, "why", id)).stdout;
    expect(why).toMatch(/granted to node-1 at 2\S+Z, ran from 2\S+Z to 2\S+Z and failed/);
    expect(why).toMatch(
      new RegExp(
        `and its worker ended ${words}; its limits were kept: memory by (cgroup-v[12]|looking), time by node\\.`,
      ),
    );
  },
);

test("a handler that takes too much memory fails with what it used, and its node goes on", async () => {
  const submitted = await cluster.jobx(1, "submit", "faults", "leak", "a=1", "--wait", "--json");
  expect(submitted.code).toBe(EXIT_FAILED);
  const error = asRecord(parseRecord(submitted.stdout, "the request")["error"], "the error");
  expect(error["code"]).toBe("HANDLER_MEMORY_EXCEEDED");
  expect(error["message"]).toMatch(/used \d+ MiB of 200 MiB/);
  const pids = /processes (\d+) (\d+)/.exec(String(error["stdout"]))?.slice(1).map(Number) ?? [];
  expect(pids.length).toBe(2);
  expect(pids.filter(runs)).toEqual([]);
  const after = await cluster.jobx(1, "submit", "faults", "skip", "a=1", "--wait", "--json");
  expect(after.code).toBe(0);
});

test("a step that skips failures goes on without them", async () => {
  const id = await submit("skip", await Gate.make(cluster));
  const view = await ended(cluster.client(1), id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded", error: null });
  expect(view.result?.pairs).toEqual([
    ["a", 1],
    ["z", 3],
  ]);
  expect(view.steps["skips"]).toMatchObject({ total: 3, failed: 1 });
});

test("of more failures than are kept each is told as one, with its code and how often it was tried", async () => {
  const client = cluster.client(1);
  const gate = await Gate.make(cluster);
  const arguments_ = Array.from({ length: FAILING }, () => ["bad", gate.path] as const);
  const { request: id } = await client.submit({
    ...{ workflow: "faults", job: "drop", arguments: arguments_, idempotencyKey: undefined },
  });
  const view = await ended(client, id, END_MS_MAX);
  expect(view.steps["drops"]).toEqual({ total: FAILING, done: 0, failed: FAILING });
  const filter = { limit: 1000, step: "drops", state: "failed" };
  const { invocations } = await client.invocations(id, filter);
  expect(invocations).toHaveLength(FAILING);
  for (const one of invocations) {
    expect(one).toMatchObject({ attempts: 1, errorCode: "HANDLER_FAILED", nodeName: "node-1" });
  }
  const list = await client.attempts(id, { limit: 10_000 });
  const kept = list.attempts.filter(({ state }) => state === "failed");
  expect(kept).toHaveLength(KEPT);
  for (const { error } of kept) expect(error?.traceback).toContain("thrown on purpose");
  expect(list.forgotten).toBeGreaterThanOrEqual(FAILING - KEPT);
});

test("what attempts printed that ended well is shown, and attempts are told to who follows", async () => {
  const gate = await Gate.make(cluster);
  const id = await submit("pause", gate);
  const client = cluster.client(1);
  const attempts: string[] = [];
  const following = (async () => {
    for await (const event of client.events(id, undefined)) {
      if (event.kind === "attempt") attempts.push(`${event.invocation} ${event.state}`);
    }
  })();
  await eventually("the request is paused", END_MS_MAX, async () => {
    const { state } = await client.request(id, { waitMs: 0, withResult: false });
    return state === "paused" ? state : undefined;
  });
  await gate.open();
  expect((await cluster.jobx(1, "request", "resume", id)).code).toBe(0);
  expect(await ended(client, id, END_MS_MAX)).toMatchObject({ state: "succeeded" });
  await following;
  expect(attempts).toEqual(
    expect.arrayContaining([`${id}.r.1 failed`, `${id}.r.1 running`, `${id}.r.1 done`]),
  );
  const logs = (await cluster.jobx(1, "logs", id)).stdout;
  for (const child of [0, 1, 2]) {
    const head = `${id}.r.${child} \\(pauses, map\\) done on \\S+ from 2\\S+Z to 2\\S+Z \\(granted 2\\S+Z\\)`;
    expect(logs).toMatch(new RegExp(`${head}\nprinted before\n`));
  }
  expect(logs).toMatch(/r\.1 \(pauses, map\) failed on [\s\S]*thrown on purpose/);
  const table = (await cluster.jobx(1, "request", "attempts", id)).stdout;
  expect(table).toMatch(/r\.1 +map +pauses .* failed +HANDLER_FAILED\n/);
  expect(table).toMatch(/r\.0 +map +pauses .* ms +done +ok\n/);
});

test("a step that pauses on failure goes on after a person has mended it", async () => {
  const gate = await Gate.make(cluster);
  const id = await submit("pause", gate);
  const client = cluster.client(1);
  const look = (): Promise<RequestView> => client.request(id, { waitMs: 0, withResult: false });
  const paused = await eventually("the request is paused", END_MS_MAX, async () => {
    const view = await look();
    return view.state === "paused" ? view : undefined;
  });
  expect(paused.error).toMatchObject({ code: "HANDLER_FAILED", invocation: `${id}.r.1` });
  expect(paused.endedAt).toBeNull();
  let told: RequestView | undefined;
  const known = { waitMs: 60_000, withResult: false, knowsPaused: true };
  const knowing = client.request(id, known).then((view) => {
    told = view;
  });
  const asked = { ...known, knowsPaused: false };
  for (let at = 0; at < 3; at++) expect((await client.request(id, asked)).state).toBe("paused");
  // Who knows of the pause is not told again.
  expect(told).toBeUndefined();
  await gate.open();
  expect((await cluster.jobx(1, "request", "resume", id)).code).toBe(0);
  await knowing;
  expect(told).not.toMatchObject({ state: "paused" });
  const view = await ended(client, id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded", error: null });
  expect(view.result?.pairs).toEqual([
    ["a", 1],
    ["bad", gate.path],
    ["z", 3],
  ]);
});

test("a handler that does not compile is refused with its line, and nothing has changed", async () => {
  const folder = await mkdtemp(join(cluster.folder, "apply-"));
  await cp(join(import.meta.dirname, "faults"), folder, { recursive: true });
  const broken = `"""Does not compile.
** yaml
handler_type: reducer
argument_spec: [{ name: results, type: list }]
required_capability: none
"""


def reduce(results, ctx)
    return results
`;
  await writeFile(join(folder, "handlers/broken.py"), broken);
  await writeFile(join(folder, "handlers/first.js"), "export const changed = true;\n");
  const client = cluster.client(1);
  const before = await client.workflow("faults");
  const { code, stderr } = await cluster.jobx(1, "apply", join(folder, "faults.yaml"));
  expect(code).toBe(EXIT_REFUSED);
  expect(stderr).toMatch(/broken[.]py:9: /);
  const after = await client.workflow("faults");
  expect(after.handlers).toEqual(before.handlers);
  expect(after.steps).toEqual(before.steps);

  // Nor does it make a workflow that was not there.
  const words = (await client.workflows()).map(({ workflow }) => workflow);
  await writeFile(join(folder, "other.yaml"), "workflow: other\nhandlers: ./handlers\n");
  expect((await cluster.jobx(1, "apply", join(folder, "other.yaml"))).code).toBe(EXIT_REFUSED);
  expect((await client.workflows()).map(({ workflow }) => workflow)).toEqual(words);
});
