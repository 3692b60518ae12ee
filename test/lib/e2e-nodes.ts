/** The nodes of a running cluster as people and programs reach them, whoever has started them. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { JobxClient } from "../../src/api/client.ts";
import { eventually } from "./e2e-eventually.ts";
import { type Ended, runProgram } from "./e2e-process.ts";

/** The checkout. */
export const ROOT = join(import.meta.dirname, "..", "..");
/** The program that the scripts run: vitest itself may run on another version. */
export const NODE = join(ROOT, "node_modules/.bin/node");
const CLI_MS_MAX = 120_000;
/** How long a call is repeated while nodes die and elect. */
const CALL_MS_MAX = 60_000;
/** An election after a crash, on a machine that does other things as well. */
const ELECTION_MS_MAX = 30_000;
const READY_MS_MAX = 60_000;

/** Who schedules a workflow. */
export interface Scheduler {
  /** Number of the node, from 1. */
  readonly number: number;
  readonly term: number;
}

/** Nodes that are numbered from 1; node 1 has founded the cluster. */
export abstract class ClusterNodes {
  /** Where tests may put files that handlers read. */
  abstract readonly folder: string;

  /** URL of a node's API. */
  abstract api(number: number): string;

  /** A node's folder, with its log and data. */
  abstract home(number: number): string;

  get token(): string {
    return readFileSync(join(this.home(1), "data/admin-token"), "utf8").trim();
  }

  /** A client that goes on to the next of these nodes when one does not answer. */
  client(...numbers: readonly number[]): JobxClient {
    const deps = {
      fetch,
      clock: { nowMs: () => performance.now() },
      sleep: (ms: number) => sleep(ms),
      randomKey: () => randomUUID(),
    };
    const urls = numbers.map((number) => this.api(number));
    return new JobxClient(deps, { urls, token: this.token, deadlineMs: CALL_MS_MAX });
  }

  /** Runs `jobx` against a node, or against the first of several that answers. */
  jobx(numbers: number | readonly number[], ...args: readonly string[]): Promise<Ended> {
    const apis = [numbers].flat().map((number) => this.api(number));
    const env = { ...process.env, JOBX_API: apis.join(","), JOBX_TOKEN: this.token };
    return runProgram(NODE, [join(ROOT, "bin/jobx.js"), ...args], { env, msMax: CLI_MS_MAX });
  }

  /** Applies a workflow of `test/e2e`. */
  async apply(number: number, workflow: string): Promise<void> {
    await this.applyFile(number, join(ROOT, "test/e2e", workflow, `${workflow}.yaml`));
  }

  /** Applies a workflow file. */
  async applyFile(number: number, file: string): Promise<void> {
    const { code, stderr } = await this.jobx(number, "apply", file);
    if (code !== 0) throw new Error(`jobx apply exited with ${code}: ${stderr}`);
  }

  /** Who schedules a workflow, as node `at` knows; waits through an election. */
  scheduler(workflow: string, at: number): Promise<Scheduler> {
    return eventually(`${workflow} has a scheduler`, ELECTION_MS_MAX, async () => {
      const { schedulerName, term } = await this.client(at).workflow(workflow);
      return schedulerName === null ? undefined : { number: numberOf(schedulerName), term };
    });
  }

  /** The figure of a node's metrics, for one group or for the node, or undefined when it has none. */
  async metric(number: number, name: string, group?: number): Promise<number | undefined> {
    const headers = { authorization: `Bearer ${this.token}` };
    const answer = await fetch(`${this.api(number)}/metrics`, { headers });
    const start = group === undefined ? `${name} ` : `${name}{group="${group}"} `;
    const line = (await answer.text()).split("\n").find((one) => one.startsWith(start));
    return line === undefined ? undefined : Number(line.slice(start.length));
  }

  /** Waits until a node says that it can serve. */
  async ready(number: number): Promise<void> {
    await eventually(`node-${number} is ready`, READY_MS_MAX, async () => {
      const { ok } = await fetch(`${this.api(number)}/readyz`);
      return ok;
    });
  }
}

/** `node-3` is 3. */
export function numberOf(name: string): number {
  return Number(name.replace("node-", ""));
}
