/** One seed: a whole cluster, its users, its faults, and those who watch. */
import { hash } from "node:crypto";
import type { NodeStore } from "../../src/node/node-store.ts";
import type { SystemCommand } from "../../src/scheduler/system/commands.ts";
import type { PlantedBugs } from "../../src/std/planted-bugs.ts";
import { startFaults } from "./all-faults.ts";
import type { SimBlockDisk } from "./blocks.ts";
import { Chance } from "./chance.ts";
import { AllCheckers } from "./checkers/all-checkers.ts";
import { NoteHistory } from "./checkers/note-history.ts";
import { Asker, answerOf, SimClient, type SimWorkflow } from "./client.ts";
import { drawClock } from "./clock-faults.ts";
import { definition } from "./definition.ts";
import { checkAnswers, checkEnd, type Ending } from "./ending.ts";
import { FileUsers } from "./file-users.ts";
import { HANDLERS, sourceOf } from "./handlers.ts";
import type { SimProcess } from "./host.ts";
import { SimHost } from "./host.ts";
import { joinCluster, TICKET } from "./joining.ts";
import { SimLoop } from "./loop.ts";
import { SimNetwork } from "./network.ts";
import { NoteUser } from "./note-user.ts";
import { Operator } from "./operator.ts";
import { Pioneer } from "./pioneer.ts";
import { drawPlan, faultsText, nodeOptions, type Plan } from "./plan.ts";
import { Rest } from "./rest.ts";
import type { UnitBehaviour } from "./runner.ts";
import { newTotals, type Totals } from "./totals.ts";
import { Trace } from "./trace.ts";
import { Turnover } from "./turnover.ts";
import { chanceBehaviour } from "./unit-behaviour.ts";
import { Upgrade } from "./upgrade.ts";
import { promise, Violation, type World } from "./world.ts";

/**
 * After the end of all faults everything must be complete within so much virtual time, or within so much more
 * while units end well: one slow node with a single slot may be the only one that can do what is left.
 */
const RECOVERY_MS = 150_000;
const RECOVERY_MS_MAX = 600_000;

/**
 * And all replicas must have come to the same place within so much more: a question whose answer was
 * lost on the way is given up after a minute.
 */
const SETTLE_MS = 90_000;

/** So long those are watched that lost more than can be survived, when all else is well again. */
const BEYOND_MS = 40_000;

export interface SimulationOptions {
  readonly seed: number;
  readonly bugs?: PlantedBugs;
  /** Whether commits are compared with the disks at once (R1); true without it. */
  readonly watchesDisks?: boolean;
  /** Whether somebody uses what the next program brings, where nodes get that; true without it. */
  readonly pioneers?: boolean;
  /** Gets each store that is opened. */
  readonly onStore?: (store: NodeStore) => void;
  /** Gets every line of the trace. */
  readonly print?: (line: string) => void;
}

export interface Report {
  readonly seed: number;
  /** Undefined when nothing was found. */
  readonly failure: string | undefined;
  /** Hash of all that happened: the same for the same seed and program. */
  readonly traceHash: string;
  readonly tail: readonly string[];
  readonly plan: Plan;
  readonly totals: Totals;
}

/** Runs one seed to its end. */
export async function simulate(options: SimulationOptions): Promise<Report> {
  return new Simulation(options).run();
}

class Simulation {
  readonly #plan: Plan;
  readonly #world: World;
  readonly #loop = new SimLoop();
  readonly #trace: Trace;
  readonly #totals = newTotals();
  readonly #network: SimNetwork;
  /** Also those that have left; newcomers are added. */
  readonly #hosts: SimHost[];
  readonly #checkers: AllCheckers;
  readonly #rest: Rest;
  readonly #bugs: PlantedBugs;
  readonly #healed = new Set<string>();
  readonly #behaviour: UnitBehaviour;
  readonly #users: SimClient[] = [];
  /** Nearly always one: a list costs less than a set that is emptied after every event. */
  readonly #touched: SimProcess[] = [];
  readonly #onStore: SimulationOptions["onStore"];
  readonly #pioneers: boolean;
  #failure: Error | undefined;
  readonly #workflows: SimWorkflow[] = [];
  #clientsDone = false;
  #operator: Operator | undefined;
  #turnover: Turnover | undefined;
  #upgrade: Upgrade | undefined;
  #pioneer: Pioneer | undefined;
  readonly #files: FileUsers;
  readonly #notes = new Map<string, NoteHistory>();
  #notesDone: Promise<unknown> = Promise.resolve();

  constructor(options: SimulationOptions) {
    const { seed } = options;
    this.#onStore = options.onStore;
    this.#pioneers = options.pioneers ?? true;
    this.#plan = drawPlan(seed);
    this.#trace = new Trace(this.#loop, options.print);
    this.#world = {
      seed,
      loop: this.#loop,
      trace: this.#trace,
      totals: this.#totals,
      chance: (label) => Chance.of(seed, label),
      violate: (violation) => {
        this.#failure ??= violation;
      },
    };
    this.#behaviour = chanceBehaviour(this.#world, (request) => this.#healed.has(request));
    this.#network = new SimNetwork(this.#world);
    this.#bugs = options.bugs ?? {};
    this.#checkers = new AllCheckers(this.#world, {
      watchesDisks: options.watchesDisks ?? true,
      expires: this.#plan.retentionMs !== undefined,
      neededBy: (node) => this.#rest.neededBy(node),
    });
    this.#hosts = Array.from({ length: this.#plan.nodeCount }, (_, index) => this.#makeHost(index));
    this.#files = new FileUsers({
      ...{ world: this.#world, hosts: this.#hosts, checker: this.#checkers.blocks },
      endMs: this.#plan.submitToMs,
    });
    this.#rest = new Rest({
      hosts: this.#hosts,
      workflows: this.#workflows,
      raft: this.#checkers.raft,
      rows: this.#checkers.rows,
      busy: () =>
        this.#operator?.busy ?? this.#turnover?.busy ?? this.#upgrade?.busy ?? this.#pioneer?.busy,
    });
  }

  async run(): Promise<Report> {
    // Control flow by thrown errors is frequent, and long traces are what it would cost most.
    Error.stackTraceLimit = 6;
    const { seed } = this.#plan;
    this.#trace.note(`seed ${seed}: ${this.#plan.nodeCount} nodes, ${faultsText(this.#plan)}`);
    this.#live().catch((error: unknown) => this.#fail(error));
    startFaults({
      world: this.#world,
      plan: this.#plan,
      network: this.#network,
      hosts: this.#hosts,
      rest: this.#rest,
      hungLeaders: this.#checkers.hungLeaders,
      leaving: () => this.#turnover?.leaving,
    });
    try {
      await this.#phases();
    } catch (error) {
      this.#fail(error);
    }
    this.#totals.seeds = 1;
    this.#totals.events = this.#loop.eventCount;
    this.#totals.virtualMs = this.#loop.nowMs();
    this.#totals.leaderChanges =
      this.#checkers.raft.leaderCount() - this.#checkers.raft.groups().length;
    return {
      seed,
      failure: this.#failure === undefined ? undefined : failureText(this.#failure),
      traceHash: this.#trace.digest(),
      tail: this.#trace.tail(),
      plan: this.#plan,
      totals: this.#totals,
    };
  }

  async #phases(): Promise<void> {
    const { faultsToMs } = this.#plan;
    if (!(await this.#runUntil(faultsToMs, () => false))) return;
    if (this.#plan.beyond) {
      const doneMs = faultsToMs + BEYOND_MS;
      if (await this.#runUntil(doneMs, () => this.#clientsDone)) checkAnswers(this.#ending);
      return;
    }
    if (!(await this.#recover(faultsToMs))) return;
    promise(
      this.#clientsDone,
      () => `not everything was complete long after the end of all faults: ${this.#unfinished()}`,
    );
    const endMs = this.#loop.nowMs() + SETTLE_MS;
    const left = (): string | undefined => this.#rest.unsettled() ?? this.#files.garbage();
    if (!(await this.#runUntil(endMs, () => left() === undefined))) return;
    const unsettled = left();
    promise(unsettled === undefined, () => `the cluster does not come to rest: ${unsettled}`);
    this.#files.check();
    checkEnd(this.#ending);
  }

  /** Until the clients are done or nothing goes on. @returns false when something was found. */
  async #recover(fromMs: number): Promise<boolean> {
    const lastMs = fromMs + RECOVERY_MS_MAX;
    for (let endMs = fromMs + RECOVERY_MS; endMs <= lastMs; endMs += RECOVERY_MS) {
      const before = this.#totals.attemptsDone;
      if (!(await this.#runUntil(endMs, () => this.#clientsDone))) return false;
      if (this.#clientsDone || this.#totals.attemptsDone === before) break;
    }
    return true;
  }

  get #ending(): Ending {
    const checkers = this.#checkers;
    return { checkers, workflows: this.#workflows, notes: this.#notes, totals: this.#totals };
  }

  /** @returns false when something was found. */
  async #runUntil(endMs: number, done: () => boolean): Promise<boolean> {
    await this.#loop.runUntil(endMs, {
      done: () => this.#failure !== undefined || done(),
      after: () => this.#look(),
    });
    return this.#failure === undefined;
  }

  #look(): void {
    for (const process of this.#touched) {
      if (process.alive) this.#checkers.look(process);
    }
    this.#touched.length = 0;
  }

  #makeHost(index: number): SimHost {
    const { seed, zombieRatio, runRatio } = this.#plan;
    const clock = drawClock(this.#plan, index, this.#loop, Chance.of(seed, `host ${index}`));
    if (clock.rate !== 1) this.#totals.clocksDrifting += 1;
    const founding = (member: Extract<SystemCommand, { kind: "found" }>["member"]) =>
      ({
        kind: "found",
        clusterId: "simulated",
        member,
        adminTokenHash: hash("sha256", "token", "hex"),
      }) as const;
    return new SimHost({
      world: this.#world,
      id: `n${index + 1}`,
      network: this.#network,
      options: nodeOptions(this.#plan, index),
      behaviour: this.#behaviour,
      bugs: this.#bugs,
      beyond: this.#plan.beyond,
      watch: {
        opened: (process, store) => {
          this.#checkers.opened(process, store);
          this.#onStore?.(store);
        },
        heard: (...heard) => this.#checkers.heard(...heard),
        followed: (...followed) => this.#checkers.obedience.followed(...followed),
        runs: (...begun) => this.#checkers.obedience.runs(...begun),
        deleting: (...deleted) => this.#checkers.blocks.deleting(...deleted),
        unreadable: (...unread) => this.#checkers.unreadable(...unread),
        said: (...said) => this.#checkers.said(...said),
        touched: (process) => this.#touched.includes(process) || this.#touched.push(process),
      },
      reach: (from, to) => this.#reach(from, to),
      reachProcess: (from, to) => this.#reachProcess(from, to),
      zombieRatio,
      runRatio,
      clock,
      founding: index === 0 ? founding : undefined,
    });
  }

  #reach(from: string, to: string): SimBlockDisk | undefined {
    return this.#reachProcess(from, to)?.host.blocks;
  }

  #reachProcess(from: string, to: string): SimProcess | undefined {
    const process = this.#hosts.find(({ id }) => id === to)?.process;
    if (process === undefined || process.paused) return undefined;
    return this.#network.connected(from, to) ? process : undefined;
  }

  /** What the people do: found the cluster, join nodes, define workflows, ask for work. */
  async #live(): Promise<void> {
    const [first, ...others] = this.#hosts;
    if (first === undefined) throw new Error("a cluster has a node");
    first.start();
    const operator = new Asker(this.#world, this.#hosts, "operator");
    const ticket = {
      kind: "ticket",
      madeBy: "nobody",
      id: TICKET,
      verifier: new Uint8Array(32),
      expiresMs: Number.MAX_SAFE_INTEGER,
      uses: 100,
    } as const;
    await this.#system(operator, "ticket", ticket);
    for (const host of others) await this.#join(host);
    for (let number = 1; number <= this.#plan.workflowCount; number++) {
      const workflow = await this.#create(operator, `simulated${number}`);
      this.#workflows.push(workflow);
      const definer = new Asker(this.#world, this.#hosts, `definer ${number}`);
      const revision = await this.#define(definer, workflow, number);
      if (number === 1) this.#startNotes(workflow, revision);
      this.#files.start(workflow, (error) => this.#fail(error));
    }
    if (this.#plan.drains) this.#operate(operator);
    if (this.#plan.turnover) this.#turnOver();
    if (this.#plan.upgrades) this.#runUpgrade();
    await this.#clients();
    await this.#notesDone;
    this.#clientsDone = true;
  }

  #operate(asker: Asker): void {
    this.#operator = new Operator({
      world: this.#world,
      hosts: this.#hosts,
      endMs: this.#plan.faultsToMs,
      command: (what, command) => this.#system(asker, what, command),
    });
    this.#operator.run().catch((error: unknown) => this.#fail(error));
  }

  #turnOver(): void {
    this.#turnover = new Turnover({
      world: this.#world,
      hosts: this.#hosts,
      endMs: this.#plan.faultsToMs,
      newcomer: () => {
        const host = this.#makeHost(this.#hosts.length);
        if (this.#upgrade !== undefined) host.versions = this.#upgrade.newest;
        this.#hosts.push(host);
        return host;
      },
      join: (host) => this.#join(host),
      mayLose: (host) => this.#rest.mayLose(host),
      isRemoved: (node) => this.#checkers.removals.isRemoved(node),
    });
    this.#turnover.run().catch((error: unknown) => this.#fail(error));
  }

  #runUpgrade(): void {
    this.#upgrade = new Upgrade({
      world: this.#world,
      hosts: this.#hosts,
      version: () => this.#checkers.versions.version,
      announced: (node) => this.#checkers.versions.announced(node),
    });
    this.#upgrade.run().catch((error: unknown) => this.#fail(error));
    if (!this.#pioneers) return;
    this.#pioneer = new Pioneer({
      world: this.#world,
      hosts: this.#hosts,
      workflows: this.#workflows,
      endMs: this.#plan.faultsToMs,
      acknowledged: (group) => this.#checkers.later.acknowledged(group),
    });
    this.#pioneer.run().catch((error: unknown) => this.#fail(error));
  }

  /** People who change definitions while others have requests. */
  #startNotes(workflow: SimWorkflow, revision: number): void {
    const notes = new NoteHistory({ revision, note: "" });
    this.#notes.set(workflow.name, notes);
    const { noteUsers, faultsToMs } = this.#plan;
    const options = { world: this.#world, hosts: this.#hosts, workflow, plan: this.#plan };
    const users = Array.from({ length: noteUsers }, (_, number) => {
      const user = new NoteUser({ ...options, history: notes, endMs: faultsToMs }, `u${number}`);
      return user.run();
    });
    this.#notesDone = Promise.all(users);
    this.#notesDone.catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  async #create(operator: Asker, name: string): Promise<SimWorkflow> {
    const answer = await this.#system(operator, `create ${name}`, {
      kind: "create-workflow",
      name,
      description: "",
      weight: 1,
      exclusive: false,
      replicas: [],
    });
    promise(answer.kind === "revision", "a workflow was created");
    return { name, group: answer.revision };
  }

  async #join(host: SimHost): Promise<void> {
    const chance = this.#world.chance(`join ${host.id}`);
    await this.#loop.sleep(chance.between(0, 300));
    await joinCluster(host, {
      world: this.#world,
      chance,
      hosts: this.#hosts,
      isOpen: (a, b) => this.#network.isOpenBothWays(a, b),
    });
  }

  async #system(asker: Asker, what: string, command: SystemCommand) {
    const bodyHash = hash("sha256", what, "hex");
    const id = { kind: "key", key: `operator-${what}`, bodyHash } as const;
    return asker.until(async (node) => {
      // Before the first node leads there is no cluster to talk to.
      if (node.directory.cluster === undefined) return undefined;
      const call = { kind: "system-command", envelope: { id, command } } as const;
      const answer = await answerOf(node, 0, call);
      if (answer?.kind !== "answered") return undefined;
      // Only what will be refused for ever is an answer.
      const { answer: said } = answer;
      return said.kind === "refused" && said.code !== "NODE_REMOVED" ? undefined : said;
    });
  }

  /** @returns the revision of the definitions. */
  async #define(asker: Asker, { name, group }: SimWorkflow, number: number): Promise<number> {
    let revision = 0;
    const commands = [
      ...HANDLERS.map(({ handler }) => ({
        kind: "source" as const,
        version: handler.version,
        source: sourceOf(handler.name),
      })),
      definition(this.#plan, { revision: 0, note: undefined, number }),
    ];
    for (const [at, command] of commands.entries()) {
      const bodyHash = hash("sha256", `define ${at}`, "hex");
      const id = { kind: "key", key: `define-${at}`, bodyHash } as const;
      const defined = await asker.until(async (node) => {
        const call = { kind: "command", group, envelope: { id, command } } as const;
        const answer = await answerOf(node, group, call);
        if (answer?.kind !== "answered") return undefined;
        if (answer.answer.kind !== "refused") return answer.answer;
        this.#trace.note(`refused: ${answer.answer.code}`);
        return undefined;
      });
      if (defined.kind === "revision") revision = defined.revision;
    }
    this.#trace.note(`the workflow ${name} is defined`);
    return revision;
  }

  async #clients(): Promise<void> {
    const chance = this.#world.chance("arrivals");
    const { requestCount, partitions, submitToMs } = this.#plan;
    const spanMs = Math.max(1_000, submitToMs - this.#loop.nowMs());
    const options = {
      world: this.#world,
      hosts: this.#hosts,
      partitions,
      heal: (request: string) => this.#healed.add(request),
      missed: (group: number, request: number) => this.#checkers.rows.missed(group, request),
      removes: (group: number, request: number) => this.#checkers.rows.removalAsked(group, request),
      expire: this.#plan.retentionMs !== undefined,
    };
    await Promise.all(
      Array.from({ length: requestCount }, async (_, number) => {
        await this.#loop.sleep(chance.between(0, spanMs));
        const workflow = chance.pick(this.#workflows);
        const user = new SimClient({ ...options, workflow }, `c${number}`);
        this.#users.push(user);
        await user.run();
      }),
    );
  }

  #unfinished(): string {
    const waiting = this.#users.flatMap(({ waitsFor }) =>
      waitsFor === undefined ? [] : [waitsFor],
    );
    const rows = this.#workflows.map(({ group }) => this.#checkers.rows.unfinished(group));
    return [...waiting, ...rows].join(", ");
  }
}

function failureText(error: Error): string {
  return error instanceof Violation ? error.message : (error.stack ?? error.message);
}
