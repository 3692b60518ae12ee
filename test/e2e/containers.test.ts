/** Steps that run images, on nodes with Docker, with podman, and with neither. */
import { rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Engine } from "../../src/containers/engine.ts";
import {
  busyboxRoot,
  startEngine,
  startRegistry,
  type TestEngine,
  whyNoEngine,
  whyNoRegistry,
} from "../lib/container-engines.ts";
import { attemptsOf, ended, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";

const END_MS_MAX = 60_000;
const GONE_MS_MAX = 15_000;
const IMAGE_MS = 60_000;
const ENGINES = ["docker", "podman"] as const;
const why = [...ENGINES.map((kind) => whyNoEngine(kind)), whyNoRegistry()].find(
  (one) => one !== undefined,
);
if (why !== undefined) console.warn(`tests of containers are skipped: ${why}`);

describe.skipIf(why !== undefined)("containers", () => {
  // Where a node's own engine is; the third has none.
  const cluster = useCluster(3, { nodeArgs: "--container-engine engine.sock --slots 2" });
  const running: TestEngine[] = [];
  const engines: Engine[] = [];
  let registry: Awaited<ReturnType<typeof startRegistry>>;
  let image = "";

  beforeAll(async () => {
    registry = await startRegistry();
    image = `${registry.address}/jobx/busybox:1`;
    for (const kind of ENGINES) {
      const started = await startEngine(kind, { registry: registry.address });
      running.push(started);
      engines.push(new Engine({ kind: "socket", path: started.socket }));
    }
    const [{ images } = never(), ...others] = engines;
    await images.import(Readable.from([await busyboxRoot()]), { image, deadlineMs: IMAGE_MS });
    await images.push(image, { deadlineMs: IMAGE_MS });
    await images.remove(image, { deadlineMs: IMAGE_MS });
    expect(others).toHaveLength(1);
    for (const number of [1, 2]) await attachEngine(number);
    await writeFile(join(cluster.folder, "runs.yaml"), workflow(image));
    await cluster.applyFile(3, join(cluster.folder, "runs.yaml"));
    await eventually("both nodes offer containers", GONE_MS_MAX, async () => {
      const offering = await offeringNodes();
      return offering.length === 2 ? offering : undefined;
    });
  });

  afterAll(async () => {
    for (const engine of running) await engine.stop();
    await registry.stop();
  });

  /** Lets a node see its engine. */
  async function attachEngine(number: number): Promise<void> {
    const socket = running[number - 1]?.socket ?? "";
    await symlink(socket, join(cluster.home(number), "engine.sock"));
  }

  async function offeringNodes(): Promise<readonly string[]> {
    const nodes = await cluster.client(3).nodes();
    return nodes.flatMap(({ name, capabilities }) =>
      capabilities.includes("docker") ? [name] : [],
    );
  }

  async function submit(
    job: string,
    args: readonly (readonly [string, string | number])[] = [],
  ): Promise<string> {
    const { request } = await cluster.client(3).submit({
      ...{ workflow: "runs", job, idempotencyKey: undefined },
      arguments: args.map(([key, value]) => [key, value]),
    });
    return request;
  }

  /** Containers that any engine has of this cluster. */
  async function containersOf(): Promise<number> {
    let count = 0;
    for (const { containers } of engines) {
      // Of one that is just being restarted nothing is known.
      const list = await containers.list("jobx.cluster").catch(() => [undefined]);
      count += list.length;
    }
    return count;
  }

  async function untilSome(count: number): Promise<void> {
    await eventually("containers run", END_MS_MAX, async () =>
      (await containersOf()) >= count ? true : undefined,
    );
  }

  async function untilGone(): Promise<void> {
    await eventually("no container is left", GONE_MS_MAX, async () =>
      (await containersOf()) === 0 ? true : undefined,
    );
  }

  test("N units run, each with its index and the count, on both engines, and nothing of them is left", async () => {
    const id = await submit("count", [
      ["count", 12],
      ["word", "hello"],
    ]);
    const view = await ended(cluster.client(3), id, END_MS_MAX);
    expect(view.state).toBe("succeeded");
    const pairs = view.result?.pairs ?? [];
    expect(pairs.map(([index]) => index)).toEqual(Array.from({ length: 12 }, (_, at) => at));
    for (const [, end] of pairs) expect(end).toMatchObject({ exitCode: 0 });
    const attempts = await attemptsOf(cluster.client(3), id);
    expect(new Set(attempts.map(({ nodeName }) => nodeName))).toEqual(
      new Set(["node-1", "node-2"]),
    );
    await untilGone();
  });

  test("a container that fails fails its request with its prints; one that writes leaves it in the workspace", async () => {
    const failed = await ended(cluster.client(3), await submit("fail"), END_MS_MAX);
    expect(failed).toMatchObject({ state: "failed", error: { code: "CONTAINER_FAILED" } });
    const id = await submit("write");
    expect((await ended(cluster.client(3), id, END_MS_MAX)).state).toBe("succeeded");
    const at = { workflow: "runs", path: `.requests/${id}`, after: undefined, limit: 10 };
    const { entries } = await cluster.client(3).files.list(at);
    expect(entries.map(({ name }) => name).toSorted()).toEqual(["out.0", "out.1"]);
  });

  test("nothing is left of a request that is cancelled", async () => {
    const id = await submit("long");
    await untilSome(2);
    await cluster.client(3).cancel(id, {});
    await untilGone();
  });

  test("a node that is killed loses its containers when it is back, and its units run elsewhere", async () => {
    const id = await submit("wait");
    await untilSome(4);
    await cluster.kill(1);
    await cluster.start(1);
    const view = await ended(cluster.client(3), id, 2 * END_MS_MAX);
    expect(view.state).toBe("succeeded");
    await untilGone();
  });

  test("an engine that goes takes its node's offer with it, and the other engine does the rest", async () => {
    const id = await submit("wait");
    await untilSome(4);
    await rm(join(cluster.home(1), "engine.sock"));
    await running[0]?.restart();
    const view = await ended(cluster.client(3), id, 2 * END_MS_MAX);
    expect(view.state).toBe("succeeded");
    await eventually("node-1 offers no containers", GONE_MS_MAX, async () =>
      (await offeringNodes()).join() === "node-2" ? true : undefined,
    );
    await attachEngine(1);
    await eventually("node-1 offers containers again", GONE_MS_MAX, async () =>
      (await offeringNodes()).length === 2 ? true : undefined,
    );
    await untilGone();
  });

  test("an image without a registry comes from the workflow's volume to both engines", async () => {
    const [engine = never()] = engines;
    await engine.images.import(Readable.from([await busyboxRoot()]), {
      image: OWN,
      deadlineMs: MS,
    });
    const file = join(cluster.folder, "own.tar");
    const saved = Readable.from(engine.images.save(OWN, { deadlineMs: MS }));
    await writeFile(file, saved);
    await engine.images.remove(OWN, { deadlineMs: MS });
    const loaded = await cluster.jobx(3, "image", "load", "runs", file, "--as", OWN);
    expect(loaded).toMatchObject({ code: 0 });
    expect((await cluster.jobx(2, "image", "ls", "runs")).stdout).toContain(OWN);
    const view = await ended(cluster.client(3), await submit("own"), END_MS_MAX);
    expect(view.error).toBeNull();
    expect(view.state).toBe("succeeded");
    const attempts = await attemptsOf(cluster.client(3), view.request);
    expect(new Set(attempts.map(({ nodeName }) => nodeName)).size).toBe(2);
  });
});

const MS = 60_000;
const OWN = "localhost/jobx-test/own:1";

function never(): never {
  throw new Error("there is an engine");
}

function workflow(image: string): string {
  const shell = (command: string, count: number, more = {}) => ({ image, command, count, ...more });
  const steps = {
    count: { image, command: 'echo "unit $JOBX_INDEX of $JOBX_COUNT: $JOBX_ARGUMENTS"' },
    fail: shell("echo why >&2; exit 3", 1, { retries: 1 }),
    write: shell("echo $JOBX_INDEX > /jobx/workspace/out.$JOBX_INDEX", 2),
    long: shell("sleep 600", 4),
    wait: shell("sleep 6", 8, { retries: 5 }),
    own: { ...shell("sleep 1", 8), image: OWN },
  };
  const jobs = Object.fromEntries(Object.keys(steps).map((step) => [step, { step }]));
  return JSON.stringify({ workflow: "runs", steps, jobs });
}
