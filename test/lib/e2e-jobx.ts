/** A `jobx` that goes on running while a test looks at what it says. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { eventually } from "./e2e-eventually.ts";
import { type ClusterNodes, NODE, ROOT } from "./e2e-nodes.ts";

/** What it has said, and its end. */
export class RunningJobx {
  readonly exit: Promise<number | null>;
  #stdout = "";
  #stderr = "";

  /** Started against a node; ended with the test if it has not by then. */
  constructor(cluster: ClusterNodes, number: number, ...args: readonly string[]) {
    const env = { ...process.env, JOBX_API: cluster.api(number), JOBX_TOKEN: cluster.token };
    const child = spawn(NODE, [join(ROOT, "bin/jobx.js"), ...args], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.on("data", (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.exit = new Promise((resolve) => {
      child.once("close", resolve);
    });
    onTestFinished(() => {
      child.kill("SIGKILL");
    });
  }

  /** What it has answered so far. */
  get stdout(): string {
    return this.#stdout;
  }

  /** Waits until it has said something. @throws {Error} with all that it said when that takes too long. */
  async says(what: RegExp, msMax: number): Promise<void> {
    try {
      await eventually(`it says ${what.source}`, msMax, async () => what.test(this.#stdout));
    } catch (error) {
      throw new Error(`${String(error)}\n${this.#stdout}\n${this.#stderr}`, { cause: error });
    }
  }
}
