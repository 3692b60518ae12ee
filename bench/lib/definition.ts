/** The workflow that the benchmarks run. */
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { HandlerFile } from "../../src/api/ports.ts";
import type { BenchCluster } from "./cluster.ts";

export const WORKFLOW = "bench";

const FOLDER = join(import.meta.dirname, "../handlers");

const LANGUAGES = new Map<string, HandlerFile["language"]>([
  [".js", "javascript"],
  [".py", "python"],
]);

/** A handler of `bench/handlers`. */
export async function handlerFile(file: string): Promise<HandlerFile> {
  const path = join(FOLDER, file);
  const end = extname(file);
  return {
    name: file.slice(0, -end.length),
    path,
    language: LANGUAGES.get(end) ?? "executable",
    source: await readFile(path, "utf8"),
  };
}

/** Makes the workflow and waits until it has its three voters. */
export async function applyBench(cluster: BenchCluster): Promise<void> {
  await cluster.client().apply(
    WORKFLOW,
    {
      handlers: await Promise.all(["fan.js", "pass.js", "count.js"].map(handlerFile)),
      steps: {
        fan: { map: "fan", reduce: "count" },
        leaf: { map: "pass", reduce: "count" },
      },
      jobs: { fan: { step: "fan" }, one: { step: "leaf" } },
    },
    { dryRun: false, force: false },
  );
  await cluster.settled(WORKFLOW);
}
