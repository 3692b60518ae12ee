/** The nodes of a run: processes of ours that are killed, paused and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ReplicaStateView } from "../../src/api/admin-port.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { ClusterNodes, NODE, ROOT } from "../lib/e2e-nodes.ts";
import { asReplicas } from "./answers.ts";
import type { Ground, Place } from "./ground.ts";

/** As on a small machine: units wait for a slot sometimes. */
const SLOTS = 2;
/** A node that is alive answers a look at itself at once; one that is paused never does. */
const LOOK_MS_MAX = 1_500;
/** Joining, elections, copies: on a machine that does other things as well. */
const FORM_MS_MAX = 90_000;
/** A node drains for half a minute at most; then its disks close. */
const STOP_MS_MAX = 60_000;

interface Process {
  readonly child: ChildProcess;
  /** We have told it to end. */
  told: boolean;
  paused: boolean;
}

/** Nodes are numbered from 1; node 1 founds the cluster. */
export class ChaosNodes extends ClusterNodes {
  override readonly folder = mkdtempSync(join(tmpdir(), "jobx-chaos-"));
  readonly numbers: readonly number[];
  /** What nodes did that nobody told them to do. */
  readonly misdeeds: string[] = [];
  readonly #ground: Ground;
  readonly #places = new Map<number, Place>();
  readonly #processes = new Map<number, Process>();

  constructor(ground: Ground, count: number) {
    super();
    this.#ground = ground;
    this.numbers = Array.from({ length: count }, (_, at) => at + 1);
  }

  override api(number: number): string {
    const place = this.#places.get(number);
    if (place === undefined) throw new Error(`node-${number} was never started`);
    return place.api;
  }

  override home(number: number): string {
    return join(this.folder, `node-${number}`);
  }

  /** Founds the cluster, lets the others join, and waits until every group has all its voters. */
  async form(): Promise<void> {
    for (const number of this.numbers) {
      await mkdir(this.home(number));
      this.#places.set(number, await this.#ground.place(number, this.home(number)));
    }
    const [first = 1, ...others] = this.numbers;
    this.start(first);
    await this.ready(first);
    const { ticket } = await this.client(first).createTicket({ uses: others.length });
    for (const number of others) this.#launch(number, { JOBX_JOIN: ticket });
    for (const number of others) await this.ready(number);
  }

  /** Waits until the groups have the voters that they want, all of them heard of. */
  async complete(deadlineMs = FORM_MS_MAX): Promise<void> {
    await eventually("every group has all its voters", deadlineMs, async () => {
      const groups = await this.client(...this.numbers).groups();
      const short = groups.filter(
        ({ led, members, votersWanted }) =>
          !led ||
          members.filter(({ role, active }) => role !== "learner" && active).length < votersWanted,
      );
      if (short.length === 0) return true;
      throw new Error(`not so: ${short.map(({ name }) => name).join(", ")}`);
    });
  }

  /** Starts a node that does not run, as the member that it is, and does not wait for it. */
  start(number: number): void {
    this.#launch(number, {});
  }

  /** Whether its process runs, paused or not. */
  runs(number: number): boolean {
    return this.#running(number) !== undefined;
  }

  isPaused(number: number): boolean {
    return this.#running(number)?.paused === true;
  }

  /** Of the processes that run now. */
  pids(): readonly number[] {
    return this.numbers.flatMap((number) => this.#running(number)?.child.pid ?? []);
  }

  /** SIGKILL. Returns when the process is gone. */
  kill(number: number): Promise<void> {
    return this.#end(number, "SIGKILL");
  }

  /** SIGTERM. Returns when the process has ended; what it ends with is noted when it is not 0. */
  stop(number: number): Promise<void> {
    return this.#end(number, "SIGTERM");
  }

  /** SIGSTOP. */
  pause(number: number): void {
    const process = this.#running(number);
    if (process === undefined) return;
    process.paused = true;
    process.child.kill("SIGSTOP");
  }

  /** SIGCONT. */
  resume(number: number): void {
    const process = this.#running(number);
    if (process === undefined) return;
    process.paused = false;
    process.child.kill("SIGCONT");
  }

  /** The replicas of one node; undefined when it does not answer soon. */
  async replicasOf(number: number): Promise<readonly ReplicaStateView[] | undefined> {
    try {
      const answer = await fetch(`${this.api(number)}/v1/raft/replicas`, {
        headers: { authorization: `Bearer ${this.token}` },
        signal: AbortSignal.timeout(LOOK_MS_MAX),
      });
      return answer.ok ? asReplicas(await answer.json()) : undefined;
    } catch {
      return undefined;
    }
  }

  /** Lines of a node's log that ask for somebody to act. */
  errorLines(number: number): readonly string[] {
    const lines = readFileSync(join(this.home(number), "log"), "utf8").split("\n");
    return lines.filter((line) => /"level":[56]0/.test(line) || isAlien(line));
  }

  /** Ends all processes by SIGKILL at once. */
  async killAll(): Promise<void> {
    await Promise.all(this.numbers.map((number) => this.kill(number)));
  }

  /** Ends what is left; removes the folder unless somebody has to look into it. */
  async close({ keep }: { readonly keep: boolean }): Promise<void> {
    await this.killAll();
    await this.#ground.close();
    if (!keep) await rm(this.folder, { recursive: true, force: true });
  }

  #running(number: number): Process | undefined {
    const process = this.#processes.get(number);
    if (process === undefined) return undefined;
    const { exitCode, signalCode } = process.child;
    return exitCode === null && signalCode === null ? process : undefined;
  }

  #launch(number: number, more: NodeJS.ProcessEnv): void {
    if (this.runs(number)) throw new Error(`node-${number} runs already`);
    const place = this.#places.get(number);
    if (place === undefined) throw new Error(`node-${number} has no place`);
    const home = this.home(number);
    const flags = ["--data", join(home, "data"), "--name", `node-${number}`];
    const program = [NODE, join(ROOT, "bin/jobx-node.js"), ...flags, ...place.flags];
    const [file = NODE, ...args] = [...place.prefix, ...program, "--slots", String(SLOTS)];
    const log = openSync(join(home, "log"), "a");
    const env = { ...withoutSettings(), ...more };
    const child = spawn(file, args, { cwd: home, env, stdio: ["ignore", log, log] });
    closeSync(log);
    const process: Process = { child, told: false, paused: false };
    this.#processes.set(number, process);
    child.once("exit", (code, signal) => {
      if (process.told) return;
      this.misdeeds.push(`node-${number} ended by itself with ${signal ?? `code ${code}`}`);
    });
  }

  async #end(number: number, how: "SIGKILL" | "SIGTERM"): Promise<void> {
    const process = this.#running(number);
    if (process === undefined) return;
    process.told = true;
    const { child } = process;
    const exit = once(child, "exit", { signal: AbortSignal.timeout(STOP_MS_MAX) });
    child.kill(how);
    // A paused process would never read it.
    if (process.paused) child.kill("SIGCONT");
    try {
      await exit;
      const { exitCode, signalCode } = child;
      if (how === "SIGTERM" && exitCode !== 0)
        this.misdeeds.push(
          `node-${number} was told to stop and ended with ${signalCode ?? exitCode}`,
        );
    } catch {
      this.misdeeds.push(`node-${number} did not end within ${STOP_MS_MAX} ms of ${how}`);
      child.kill("SIGKILL");
    }
  }
}

/** The tester's own settings are not the nodes'. */
function withoutSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("JOBX_")),
  );
}

/** What does not come from the log: a runtime that dies prints so. */
function isAlien(line: string): boolean {
  return line !== "" && !line.startsWith("{");
}
