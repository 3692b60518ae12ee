/**
 * A cluster of real processes under load while nodes are killed, paused, cut off and restarted. Whatever
 * happened, it ends with the same checks: nothing acknowledged is lost, every request ended once with the
 * right result, no unit was done twice, replicas agree, and nobody has ended by himself.
 */
import { join } from "node:path";
import { ROOT } from "../lib/e2e-nodes.ts";
import { Chance } from "../sim/chance.ts";
import type { ChaosOptions } from "./arguments.ts";
import { ChaosNodes } from "./chaos-nodes.ts";
import { agree, compareLists, orphans, whole } from "./closing.ts";
import { loopback, networks } from "./ground.ts";
import { Ledger } from "./ledger.ts";
import { Load } from "./load.ts";
import {
  type RestartFigures,
  type RollFigures,
  type RoundDeps,
  restart,
  roll,
  type StallFigures,
  stall,
} from "./rounds.ts";
import { Storm, type StormCounts, stormFaults } from "./storm.ts";
import { Watch } from "./watch.ts";
import { WORKFLOWS } from "./work.ts";

/** What is open when the load stops ends in this time. */
const END_MS_MAX = 90_000;
const PROGRESS_MS = 5_000;

/** What a run came to. */
export interface ChaosReport {
  readonly seed: number;
  /** What failed; empty when all is well. */
  readonly failures: readonly string[];
  /** Where the logs are; removed when all is well. */
  readonly folder: string;
  readonly submissions: number;
  readonly acknowledged: number;
  readonly ended: number;
  readonly storm: StormCounts;
  readonly leaderChanges: number;
  /** Pairs of replicas that were at the same index while requests ran, and were equal. */
  readonly statesCompared: number;
  readonly gapMs: number;
  /** From the end of the storm until the cluster was whole. */
  readonly wholeMs: number | undefined;
  readonly roll: RollFigures | undefined;
  readonly restarts: readonly RestartFigures[];
  readonly stalls: readonly StallFigures[];
}

/** Runs it. `say` is told what happens, a line at a time. */
export async function runChaos(
  options: ChaosOptions,
  say: (text: string) => void,
): Promise<ChaosReport> {
  const { seed } = options;
  const ground = options.faults.includes("partition")
    ? networks()
    : loopback(Chance.of(seed + process.pid, "ports"));
  const nodes = new ChaosNodes(ground, options.nodes);
  const endAll = (): void => {
    void nodes.killAll();
    ground.drop();
  };
  process.once("exit", endAll);
  const run = new Run(options, { nodes, ground, say });
  try {
    say(
      `seed ${seed}, ${options.nodes} nodes in ${nodes.folder}, faults ${options.faults.join(",")}`,
    );
    await run.run();
  } catch (error) {
    run.ledger.problem(error instanceof Error ? error.message : String(error));
  }
  const report = run.report();
  await nodes.close({ keep: report.failures.length > 0 });
  process.off("exit", endAll);
  return report;
}

interface RunDeps {
  readonly nodes: ChaosNodes;
  readonly ground: ReturnType<typeof loopback>;
  readonly say: (text: string) => void;
}

class Run {
  readonly ledger = new Ledger();
  readonly #options: ChaosOptions;
  readonly #deps: RunDeps;
  readonly #startMs = performance.now();
  readonly #restarts: RestartFigures[] = [];
  readonly #stalls: StallFigures[] = [];
  #watch: Watch | undefined;
  #storm: Storm | undefined;
  #roll: RollFigures | undefined;
  #wholeMs: number | undefined;

  constructor(options: ChaosOptions, deps: RunDeps) {
    this.#options = options;
    this.#deps = { ...deps, say: (text) => deps.say(`${this.#seconds()} ${text}`) };
  }

  async run(): Promise<void> {
    const { nodes, say } = this.#deps;
    const { seed, clients } = this.#options;
    await nodes.form();
    for (const name of WORKFLOWS)
      await nodes.applyFile(1, join(ROOT, "test/chaos/workflow", `${name}.yaml`));
    await nodes.complete();
    say("the cluster is whole; the load begins");
    const problem = (text: string): void => this.ledger.problem(text);
    const watch = new Watch(nodes, problem);
    this.#watch = watch;
    const load = new Load({ nodes, ledger: this.ledger, seed, clients });
    const progress = setInterval(() => this.#deps.say(this.#progress()), PROGRESS_MS);
    try {
      await this.#faults(watch, load);
    } finally {
      say("no more submissions; what is open ends");
      this.ledger.rest();
      await load.stop(END_MS_MAX);
      await watch.stop();
      clearInterval(progress);
    }
    await this.#close();
  }

  report(): ChaosReport {
    const { nodes } = this.#deps;
    const { ledger } = this;
    const failures = [...ledger.problems, ...nodes.misdeeds];
    for (const { node, lost } of this.#stalls)
      failures.push(...lost.map((what) => `a stall of node-${node} cost leadership: ${what}`));
    return {
      seed: this.#options.seed,
      failures,
      folder: nodes.folder,
      submissions: ledger.submissions.length,
      acknowledged: ledger.acknowledgedCount,
      ended: ledger.endedCount,
      storm: this.#storm?.counts ?? { kills: 0, pauses: 0, stops: 0, cuts: 0, passed: 0 },
      leaderChanges: this.#watch?.leaderChanges ?? 0,
      statesCompared: this.#watch?.comparedCount ?? 0,
      gapMs: ledger.gapMs,
      wholeMs: this.#wholeMs,
      roll: this.#roll,
      restarts: this.#restarts,
      stalls: this.#stalls,
    };
  }

  async #faults(watch: Watch, load: Load): Promise<void> {
    const { nodes, ground, say } = this.#deps;
    const { seed, faults, stormMs, rounds } = this.#options;
    // A rolling restart alone is measured only.
    if (stormFaults(faults).some((one) => one !== "roll")) {
      load.calm = false;
      const chance = Chance.of(seed, "storm");
      this.#storm = new Storm({ nodes, network: ground.network, watch, chance, faults, say });
      await this.#storm.blow(stormMs);
      say("the storm is over");
      this.#wholeMs = await whole(nodes);
      say(`whole again after ${this.#wholeMs.toFixed(0)} ms`);
    }
    const chance = Chance.of(seed, "rounds");
    const deps: RoundDeps = { nodes, ledger: this.ledger, watch, load, chance, say };
    // Attempts of the storm are over by now, or belong to what was submitted in it.
    if (faults.includes("roll")) {
      load.calm = true;
      this.#roll = await roll(deps);
      await whole(nodes);
    }
    if (faults.includes("stall")) {
      load.calm = true;
      for (let round = 0; round < rounds; round++) this.#stalls.push(await stall(deps));
    }
    if (faults.includes("restart")) {
      load.calm = false;
      for (let round = 0; round < rounds; round++) {
        this.#restarts.push(await restart(deps));
        await whole(nodes);
      }
    }
  }

  async #close(): Promise<void> {
    const { nodes, say } = this.#deps;
    const { ledger } = this;
    await whole(nodes);
    const replicas = await agree(nodes);
    say(`${replicas} replicas agree; the lists of requests are compared`);
    await compareLists(nodes, ledger);
    for (const orphan of await orphans(nodes)) ledger.problem(`${orphan} has no node`);
    for (const number of nodes.numbers) {
      const [line] = nodes.errorLines(number);
      if (line !== undefined) ledger.problem(`the log of node-${number} says: ${line}`);
    }
    await Promise.all(nodes.numbers.map((number) => nodes.stop(number)));
    for (const orphan of await orphans(nodes)) ledger.problem(`${orphan} outlived its node`);
  }

  #progress(): string {
    const { ledger } = this;
    const { kills = 0, pauses = 0, stops = 0, cuts = 0 } = this.#storm?.counts ?? {};
    return (
      `acknowledged ${ledger.acknowledgedCount}, ended ${ledger.endedCount}, open ${ledger.openCount}; ` +
      `kills ${kills}, pauses ${pauses}, stops ${stops}, cuts ${cuts}, leader changes ${this.#watch?.leaderChanges ?? 0}`
    );
  }

  #seconds(): string {
    return `${((performance.now() - this.#startMs) / 1000).toFixed(1).padStart(6)} s`;
  }
}
