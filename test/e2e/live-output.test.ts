/** What attempts print while they run, seen from a node that neither runs nor schedules them. */
import { beforeAll, expect, test } from "vitest";
import { parseRecord } from "../../scripts/lib/json.ts";
import type { AttemptView } from "../../src/api/attempt-view.ts";
import { attemptsOf, ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { RunningJobx } from "../lib/e2e-jobx.ts";
import { numberOf } from "../lib/e2e-nodes.ts";

const END_MS_MAX = 60_000;
/** A dead executor is noticed, and its unit begins elsewhere. */
const ELSEWHERE_MS_MAX = 60_000;
const NODES = [1, 2, 3];

const cluster = useCluster(NODES.length);

beforeAll(() => cluster.apply(1, "live"));

/** A request whose one mapper waits for the gate, and the attempt that runs. */
async function begun(
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ readonly id: string; readonly gate: Gate; readonly attempt: AttemptView }> {
  const gate = await Gate.make(cluster);
  const client = cluster.client(1);
  const { request: id } = await client.submit({
    workflow: "live",
    job: "talk",
    arguments: Object.entries({ gate: gate.path, ...more }),
    idempotencyKey: undefined,
  });
  const attempt = await eventually("its mapper runs", END_MS_MAX, async () =>
    (await attemptsOf(client, id)).find(({ state }) => state === "running"),
  );
  return { id, gate, attempt };
}

/** A node that does not run the attempt and, if there is one, does not schedule it either. */
async function bystander(attempt: AttemptView): Promise<number> {
  const executor = numberOf(attempt.nodeName);
  const scheduler = (await cluster.scheduler("live", 1)).number;
  const others = NODES.filter((number) => number !== executor);
  return others.find((number) => number !== scheduler) ?? others[0] ?? 0;
}

test("logs -f at another node shows a line before its handler goes on, and each line once", async () => {
  const { id, gate, attempt } = await begun();
  expect(attempt.live).not.toBeNull();
  const logs = new RunningJobx(cluster, await bystander(attempt), "logs", id, "-f");
  await logs.says(/a line of the log/, END_MS_MAX);
  await logs.says(/first line/, END_MS_MAX);
  await logs.says(/a word to the other stream/, END_MS_MAX);
  expect(logs.stdout).not.toContain("second line");
  expect((await cluster.jobx(1, "logs", id)).stdout).toContain("first line");
  await gate.open();
  expect(await logs.exit).toBe(0);
  const said = logs.stdout;
  for (const line of ["first line", "a line of the log", "other stream", "second line"]) {
    expect([line, said.split(line).length - 1]).toEqual([line, 1]);
  }
  expect(said).toContain(`==> ${id}.r (talks, map) running on ${attempt.nodeName} (granted`);
  expect(said).toContain(`==> ${id}.r (talks, map) done on ${attempt.nodeName} from`);
});

test("what is not kept is said to be left out; a failure comes with what else was printed", async () => {
  const { id, gate, attempt } = await begun({ lines: 200, fails: true });
  await eventually("all of it is printed", END_MS_MAX, async () =>
    (await cluster.jobx(1, "logs", id)).stdout.includes("first line"),
  );
  const logs = new RunningJobx(cluster, await bystander(attempt), "logs", id, "-f", "--json");
  await logs.says(/first line/, END_MS_MAX);
  await gate.open();
  expect(await logs.exit).toBe(0);
  const items = logs.stdout
    .trim()
    .split("\n")
    .map((line) => parseRecord(line, "an item"));
  const out = items.filter(({ stream }) => stream === "stdout");
  const texts = out.map(({ text }) => String(text));
  const missing = out.reduce((sum, { leftOut }) => sum + Number(leftOut), 0);
  const printed = missing + Buffer.byteLength(texts.join(""));
  // Read late or soon, nothing is missing that is not said to be.
  const filler = Array.from({ length: 200 }, (_, at) => `line ${at} ${"x".repeat(1000)}\n`);
  const rest = texts.join("").slice(texts.join("").indexOf("first line"));
  expect(printed).toBe(filler.join("").length + rest.length);
  expect(missing).toBeGreaterThan(0);
  expect(rest).toMatch(/^first line\n.*a line of the log\nsecond line\n$/u);
  expect(items.at(-1)).toMatchObject({
    kind: "attempt",
    state: "failed",
    error: { code: "HANDLER_FAILED", stdout: "", stderr: "" },
  });
});

test("an attempt that is lost with its node is said to be, and the next one is followed", async () => {
  const { id, gate, attempt } = await begun();
  const executor = numberOf(attempt.nodeName);
  const logs = new RunningJobx(cluster, await bystander(attempt), "logs", id, "-f");
  await logs.says(/first line/, END_MS_MAX);
  await cluster.kill(executor);
  await logs.says(/first line[\s\S]*lost on[\s\S]*running on[\s\S]*first line/, ELSEWHERE_MS_MAX);
  expect(logs.stdout).toContain(`not to be had from ${attempt.nodeName}`);
  await gate.open();
  expect(await logs.exit).toBe(0);
  expect(logs.stdout.split("second line").length - 1).toBe(1);
  await cluster.start(executor);
  const view = await ended(cluster.client(1), id, END_MS_MAX);
  expect(view).toMatchObject({ state: "succeeded", result: { pairs: [["said", 2]] } });
});
