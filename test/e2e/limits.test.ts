/** Handlers on a real node that go over what they may have, and what a node that was killed leaves behind. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { capabilitiesOf } from "../../src/handlers/limits/report.ts";
import { attemptsOf, ended, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { thisMachine } from "../lib/limits-kit.ts";
import { runs } from "../lib/processes.ts";

const END_MS_MAX = 60_000;

const cluster = useCluster(1);
const offered = capabilitiesOf(await thisMachine());
const isEnforced = offered.includes("limits.enforced");
const isShut = isEnforced && offered.includes("sandbox.strict");

beforeAll(() => cluster.apply(1, "limits"));

async function submit(job: string, value: string): Promise<string> {
  const { request } = await cluster.client(1).submit({
    workflow: "limits",
    job,
    arguments: [["value", value]],
    idempotencyKey: undefined,
  });
  return request;
}

test("a node offers what its machine can do", async () => {
  const [node] = await cluster.client(1).nodes();
  expect(node?.capabilities).toEqual([...offered]);
});

test.for([
  { job: "bomb", code: "HANDLER_PROCESSES_EXCEEDED", needsKernel: true },
  { job: "fill", code: "HANDLER_MEMORY_EXCEEDED", needsKernel: true },
  { job: "wait", code: "HANDLER_SILENT", needsKernel: false },
])("the job $job fails with $code", async ({ job, code, needsKernel }, context) => {
  if (needsKernel && !isEnforced) return context.skip("this machine does not enforce all limits");
  const client = cluster.client(1);
  const view = await ended(client, await submit(job, ""), END_MS_MAX);
  expect(view.error?.code).toBe(code);
});

test.runIf(isShut)(
  "a handler in a sandbox does its work and sees nothing of the node",
  async () => {
    const client = cluster.client(1);
    const id = await submit("shut", join(cluster.home(1), "data"));
    const view = await ended(client, id, END_MS_MAX);
    expect(view.error).toBe(null);
    expect(view.result).toEqual({
      pairs: [
        ["keys", 0],
        ["wrote", false],
      ],
    });
  },
);

test.runIf(isEnforced)(
  "what a killed node leaves behind is gone when it is there again",
  async () => {
    const file = join(cluster.folder, "fled");
    const id = await submit("flee", file);
    const pid = await eventually("it has fled", END_MS_MAX, () => {
      const text = readText(file).trim();
      return Promise.resolve(text === "" ? undefined : Number(text));
    });
    await cluster.kill(1);
    expect(runs(pid)).toBe(true);
    await cluster.start(1);
    await eventually("it is gone", END_MS_MAX, () => Promise.resolve(!runs(pid)));
    const client = cluster.client(1);
    await client.cancel(id);
    expect((await attemptsOf(client, id)).length).toBeGreaterThan(0);
  },
);

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
