/** The demo's hands: `scripts/cluster.sh` and the CLI of the cluster that it started, as functions. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { asList, asRecord, type JsonRecord, numberOf, parseRecord, textOf } from "./json.ts";

const ROOT = join(import.meta.dirname, "..", "..");
/** A call of the CLI on a busy machine; what takes longer hangs. */
const CALL_MS_MAX = 60_000;
/** Starting or stopping three nodes, each step of which has a bound of its own in the script. */
const SCRIPT_MS_MAX = 300_000;
/** A result of 10 million words would still fit. */
const OUTPUT_BYTES_MAX = 256 * 1024 * 1024;

/** One node as the cluster lists it. */
export interface DemoNode {
  readonly id: string;
  readonly name: string;
  readonly api: string;
  readonly state: string;
}

/** Who schedules a workflow. `scheduler` is a node id, null during an election. */
export interface SchedulerState {
  readonly scheduler: string | null;
  readonly term: number;
  readonly appliedIndex: number;
}

/** Invocations of one step. */
export interface StepCount {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
}

/** One attempt that ended well or not; times in milliseconds since 1970. */
export interface DemoAttempt {
  readonly node: string;
  readonly step: string;
  readonly state: string;
  readonly endedAtMs: number | null;
}

/** A request as the CLI shows it. */
export interface RequestState {
  readonly state: string;
  readonly steps: ReadonlyMap<string, StepCount>;
  readonly attempts: readonly DemoAttempt[];
  /** Whether there were more attempts than one answer holds. */
  readonly attemptsTruncated: boolean;
  /** Pairs of key and value; null while there is no result. */
  readonly pairs: readonly unknown[] | null;
  readonly error: unknown;
}

function run(
  file: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly msMax: number },
): Promise<string> {
  const { env, msMax } = options;
  return new Promise((resolve, reject) => {
    execFile(
      file,
      args,
      { env, cwd: ROOT, timeout: msMax, maxBuffer: OUTPUT_BYTES_MAX },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(stderr.trim() || error.message, { cause: error }));
      },
    );
  });
}

/** Three nodes in a folder of their own. */
export class DemoCluster {
  readonly #folder: string;
  #token = "";
  #api = "";

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Runs `scripts/cluster.sh` for this cluster. @throws {Error} with what it wrote to stderr. */
  script(...args: readonly string[]): Promise<string> {
    const env = { ...process.env, JOBX_CLUSTER_DIR: this.#folder };
    return run(join(ROOT, "scripts/cluster.sh"), args, { env, msMax: SCRIPT_MS_MAX });
  }

  /** Starts nodes and returns the lines that the script printed about them. */
  async up(nodes: number): Promise<readonly string[]> {
    const lines = (await this.script("up", String(nodes))).trim().split("\n");
    const match = /^export JOBX_API=(\S+) JOBX_TOKEN=(\S+)$/.exec(lines.at(-1) ?? "");
    if (match === null) throw new Error("scripts/cluster.sh up did not end with an export line");
    [, this.#api = "", this.#token = ""] = match;
    return lines.slice(0, -1);
  }

  /** From now on calls go to this node. */
  talkTo(node: DemoNode): void {
    this.#api = node.api;
  }

  /** Runs the CLI against the node talked to, or the one given. @throws {Error} with its stderr. */
  jobx(args: readonly string[], node?: DemoNode): Promise<string> {
    const env = { ...process.env, JOBX_API: node?.api ?? this.#api, JOBX_TOKEN: this.#token };
    const program = join(ROOT, "bin/jobx.js");
    return run(process.execPath, [program, ...args], { env, msMax: CALL_MS_MAX });
  }

  /** All nodes, by name. */
  async nodes(at?: DemoNode): Promise<readonly DemoNode[]> {
    const value: unknown = JSON.parse(await this.jobx(["node", "list", "--json"], at));
    const nodes = asList(value, "the list of nodes").map((item) => {
      const node = asRecord(item, "a node");
      return {
        id: textOf(node, "id"),
        name: textOf(node, "name"),
        api: textOf(node, "api"),
        state: textOf(node, "state"),
      };
    });
    return nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Who schedules, as one node sees it. */
  async scheduler(workflow: string, at?: DemoNode): Promise<SchedulerState> {
    const text = await this.jobx(["workflow", "show", workflow, "--json"], at);
    const view = parseRecord(text, "the workflow");
    const { scheduler } = view;
    return {
      scheduler: typeof scheduler === "string" ? scheduler : null,
      term: numberOf(view, "term"),
      appliedIndex: numberOf(view, "appliedIndex"),
    };
  }

  /** Submits and returns the request's id. */
  async submit(workflow: string, job: string, args: readonly string[]): Promise<string> {
    const text = await this.jobx(["submit", workflow, job, ...args, "--json"]);
    return textOf(parseRecord(text, "the submission"), "request");
  }

  /** The request with its steps and attempts. */
  async request(id: string): Promise<RequestState> {
    const view = parseRecord(await this.jobx(["request", "show", id, "--json"]), "the request");
    const steps = Object.entries(asRecord(view["steps"], "steps")).map(
      ([name, value]) => [name, stepCount(asRecord(value, name))] as const,
    );
    const result = view["result"] ?? null;
    return {
      state: textOf(view, "state"),
      steps: new Map(steps),
      attempts: asList(view["attempts"], "attempts").map((item) =>
        attempt(asRecord(item, "attempt")),
      ),
      attemptsTruncated: view["attemptsTruncated"] === true,
      pairs: result === null ? null : asList(asRecord(result, "result")["pairs"], "pairs"),
      error: view["error"],
    };
  }
}

function stepCount(view: JsonRecord): StepCount {
  return {
    total: numberOf(view, "total"),
    done: numberOf(view, "done"),
    failed: numberOf(view, "failed"),
  };
}

function attempt(view: JsonRecord): DemoAttempt {
  const { endedAt } = view;
  return {
    node: textOf(view, "node"),
    step: textOf(view, "step"),
    state: textOf(view, "state"),
    endedAtMs: typeof endedAt === "string" ? Date.parse(endedAt) : null,
  };
}
