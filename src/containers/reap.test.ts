/** An engine that cannot remove one of the containers that are left. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silentLog } from "../std/log.ts";
import { ContainerWatch } from "./watch.ts";
import { LABELS, ownWorkerLabel } from "./worker-label.ts";

/** Of a process of this machine that is not there any more. */
function goneLabel(): string {
  const [boot = "", space = "", pid = ""] = ownWorkerLabel().split("/");
  return [boot, space, pid, "1"].join("/");
}

test("a container that cannot be removed keeps no other one, and is told once", async () => {
  const folder = await mkdtemp(join(tmpdir(), "jobx-reap."));
  const path = join(folder, "engine.sock");
  const left = ["stuck", "a", "b"];
  const server = createServer(({ method, url = "" }, response) => {
    const id = /containers\/([a-z]+)\?/.exec(url)?.[1] ?? "";
    if (method === "DELETE") {
      response.statusCode = id === "stuck" ? 500 : 204;
      if (id !== "stuck") left.splice(left.indexOf(id), 1);
      response.end();
      return;
    }
    const Labels = { [LABELS.cluster]: "c", [LABELS.node]: "n", [LABELS.worker]: goneLabel() };
    response.end(JSON.stringify(left.map((Id) => ({ Id, Labels }))));
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  const warned: unknown[] = [];
  const runs: (() => void)[] = [];
  const watch = new ContainerWatch({
    settings: {
      ...{ engines: [`unix://${path}`], logins: "", paths: [], memoryBytes: undefined },
      ...{ cluster: "c", node: "n" },
    },
    timers: {
      after(_delayMs, run) {
        runs.push(run);
        return { cancel: () => undefined };
      },
    },
    log: { ...silentLog, warn: (_text, fields) => void warned.push(fields?.["container"]) },
    onChange: () => undefined,
  });
  watch.start();
  await expect.poll(() => runs.length, { timeout: 10_000 }).toBe(1);
  expect(left).toEqual(["stuck"]);
  runs[0]?.();
  await expect.poll(() => runs.length, { timeout: 10_000 }).toBe(2);
  expect(warned).toEqual(["stuck"]);
  await watch.stop();
  server.close();
  await rm(folder, { recursive: true });
});
