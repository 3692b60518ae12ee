/** Two workflows that want all slots of a node have them by their weights. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parseRecord } from "../../scripts/lib/json.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { ROOT } from "../lib/e2e-nodes.ts";

const WORK_MS_MAX = 120_000;
/** Far more than are done until the test has seen enough: both workflows want slots all the time. */
const NAPS = 20_000;
/** Short enough that many are done, long enough that they keep the slots and not the log busy. */
const NAP_MS = 40;
/** So many of the heavier workflow are watched. */
const WATCHED = 120;

const cluster = useCluster(1, { nodeArgs: "--slots 2" });
const file = (name: string): string => join(ROOT, "test/e2e/weights", `${name}.yaml`);

beforeAll(async () => {
  for (const workflow of ["light", "heavy"]) await cluster.applyFile(1, file(workflow));
});

async function flood(workflow: string): Promise<string> {
  const { request } = await cluster.client(1).submit({
    ...{ workflow, job: "flood", idempotencyKey: undefined },
    arguments: [["how", { naps: NAPS, napMs: NAP_MS }]],
  });
  return request;
}

async function done(id: string): Promise<number> {
  const { steps } = await cluster.client(1).request(id, { waitMs: 0, withResult: false });
  return steps["naps"]?.done ?? 0;
}

/** How many more units of `other` are done at the moment when `WATCHED` more of `one` are, about. */
async function whileDone(one: string, other: string): Promise<{ one: number; other: number }> {
  const [oneBefore, otherBefore] = [await done(one), await done(other)];
  return eventually(`${WATCHED} units of ${one} are done`, WORK_MS_MAX, async () => {
    // The second one is looked at between two looks at the first, so it has had no longer.
    if ((await done(one)) - oneBefore < WATCHED) return undefined;
    const ofOther = (await done(other)) - otherBefore;
    return { one: (await done(one)) - oneBefore, other: ofOther };
  });
}

test("of two workflows that flood the same slots the heavier has more units done, the lighter some, and a new weight turns that round", async () => {
  const requests = [await flood("light"), await flood("heavy")] as const;
  const [light, heavy] = requests;
  await eventually("both run", WORK_MS_MAX, async () => {
    const counts = await Promise.all(requests.map(done));
    return counts.every((count) => count >= 10);
  });
  const before = await whileDone(heavy, light);
  expect(before.other).toBeGreaterThanOrEqual(1);
  expect(before.other).toBeLessThan(before.one / 2);

  // Nothing is changed but the weight, in a file; the requests go on.
  const changed = join(cluster.folder, "light.yaml");
  const text = await readFile(file("light"), "utf8");
  const folder = join(ROOT, "test/e2e/weights/handlers");
  await writeFile(changed, text.replace("./handlers", folder).replace("weight: 1", "weight: 9"));
  const tried = await cluster.jobx(1, "apply", changed, "--dry-run");
  expect(tried.stdout).toContain("~ workflow light\n    weight: 1 -> 9\n");
  await cluster.applyFile(1, changed);
  const shown = await cluster.jobx(1, "workflow", "show", "light", "--json");
  expect(parseRecord(shown.stdout, "the workflow")).toMatchObject({ weight: 9 });
  const after = await whileDone(light, heavy);
  expect(after.other).toBeGreaterThanOrEqual(1);
  expect(after.other).toBeLessThan(after.one / 2);

  await eventually("the list has the new weight", WORK_MS_MAX, async () => {
    const { stdout } = await cluster.jobx(1, "workflow", "list");
    return /light +active +9\b/.test(stdout) && /heavy +active +3\b/.test(stdout);
  });
  for (const id of requests) await cluster.client(1).cancel(id);
});
