/** An engine that makes a container after nobody waits for it any more. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Engine } from "./engine.ts";
import { runContainer } from "./run-container.ts";
import { LABELS } from "./worker-label.ts";

const LABELS_MADE = { [LABELS.attempt]: "mark-1" };

test("a container that was made when its making had failed is removed by its attempt's label", async () => {
  const folder = await mkdtemp(join(tmpdir(), "jobx-late."));
  const path = join(folder, "engine.sock");
  const made: string[] = [];
  const filters: string[] = [];
  const removed: string[] = [];
  const server = createServer((request, response) => {
    const { method, url = "" } = request;
    if (method === "POST") {
      // The connection is cut: who asked does not learn the id.
      made.push("late");
      response.destroy();
      return;
    }
    if (method === "DELETE") {
      removed.push(/containers\/([a-z]+)\?/.exec(url)?.[1] ?? "");
      response.statusCode = 204;
      response.end();
      return;
    }
    filters.push(new URL(url, "http://engine").searchParams.get("filters") ?? "");
    const labelsOf = (worker: string) => ({ ...LABELS_MADE, [LABELS.worker]: worker });
    const mine = made.map((Id) => ({ Id, Labels: labelsOf("b/1/2/3") }));
    response.end(JSON.stringify([{ Id: "other", Labels: labelsOf("a/1/2/3") }, ...mine]));
  });
  await new Promise<void>((resolve) => {
    server.listen(path, resolve);
  });
  const running = runContainer(new Engine({ kind: "socket", path }), {
    spec: {
      ...{ image: "i", command: undefined, environment: {}, mounts: [], network: "none" },
      ...{ memoryBytes: undefined, cpus: undefined, pids: undefined, tmpBytes: 1 << 20 },
      labels: { ...LABELS_MADE, [LABELS.worker]: "b/1/2/3" },
    },
    signal: new AbortController().signal,
    onOutput: () => undefined,
  });
  await expect(running).rejects.toMatchObject({ code: "CONTAINER_ENGINE_UNREACHABLE" });
  await expect.poll(() => removed, { timeout: 10_000 }).toEqual(["late"]);
  expect(filters).toEqual([JSON.stringify({ label: [`${LABELS.attempt}=mark-1`] })]);
  server.close();
  await rm(folder, { recursive: true });
});
