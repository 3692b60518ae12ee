/** Faults at random: every three seconds a node is killed, paused or told to stop, or the network is cut. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TestNetwork } from "../lib/e2e-network.ts";
import type { Chance } from "../sim/chance.ts";
import type { Fault } from "./arguments.ts";
import type { ChaosNodes } from "./chaos-nodes.ts";
import type { Watch } from "./watch.ts";

const EVERY_MS = 3_000;
/** Silence on an open connection counts after four seconds: some pauses are shorter, some longer. */
const PAUSE_MS = { min: 500, max: 8_000 };
const DOWN_MS_MAX = 4_000;
const CUT_MS = { min: 2_000, max: 8_000 };
/** Share of the faults that hit who schedules a workflow. */
const SCHEDULER_RATIO = 0.6;

type StormFault = Exclude<Fault, "restart" | "stall">;

/** Ways to cut a network. */
const CUTS = ["halves", "one node", "bridge", "one-way"] as const;

/** What was done. */
export interface StormCounts {
  kills: number;
  pauses: number;
  /** Nodes that were told to stop, by SIGTERM. */
  stops: number;
  cuts: number;
  /** Nothing was done, since as many nodes were away as may be. */
  passed: number;
}

export interface StormDeps {
  readonly nodes: ChaosNodes;
  readonly network: TestNetwork | undefined;
  readonly watch: Watch;
  readonly chance: Chance;
  readonly faults: readonly Fault[];
  readonly say: (text: string) => void;
}

/** One time of faults. */
export class Storm {
  readonly counts: StormCounts = { kills: 0, pauses: 0, stops: 0, cuts: 0, passed: 0 };
  readonly #deps: StormDeps;
  readonly #away = new Set<number>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #over = new AbortController();
  #isCut = false;

  constructor(deps: StormDeps) {
    this.#deps = deps;
  }

  /** Returns when the time is over and nobody is killed, paused or cut off any more. */
  async blow(forMs: number): Promise<void> {
    const endMs = performance.now() + forMs;
    while (performance.now() < endMs) {
      const task = this.#hit();
      this.#underWay.add(task);
      void task.finally(() => this.#underWay.delete(task));
      await sleep(Math.min(EVERY_MS, Math.max(0, endMs - performance.now())));
    }
    this.#over.abort();
    await Promise.all(this.#underWay);
  }

  async #hit(): Promise<void> {
    const { chance, faults, nodes } = this.#deps;
    // Everything is drawn each time, so that what one fault takes does not shift the next.
    const kind = chance.pick(stormFaults(faults));
    const drawn = { down: chance.next(), pause: chance.next(), cut: chance.next() };
    const victim = this.#victim();
    const order = chance.sample(nodes.numbers, nodes.numbers.length);
    const way = chance.pick(CUTS);
    switch (kind) {
      case "kill":
        return victim === undefined
          ? this.#pass()
          : this.#restart(victim, "kill", drawn.down * DOWN_MS_MAX);
      case "roll":
        return victim === undefined
          ? this.#pass()
          : this.#restart(victim, "stop", drawn.down * DOWN_MS_MAX);
      case "pause":
        return victim === undefined
          ? this.#pass()
          : this.#pause(victim, within(PAUSE_MS, drawn.pause));
      case "partition":
        return this.#isCut ? this.#pass() : this.#cut(way, order, within(CUT_MS, drawn.cut));
    }
  }

  /** One that is there; undefined while as many are away as leave a majority of all. */
  #victim(): number | undefined {
    const { chance, nodes, watch } = this.#deps;
    const prefers = chance.hits(SCHEDULER_RATIO);
    const share = chance.next();
    const here = nodes.numbers.filter((number) => !this.#away.has(number));
    if (2 * (here.length - 1) <= nodes.numbers.length) return undefined;
    const schedulers = here.filter((number) => watch.schedulers.includes(number));
    const among = prefers && schedulers.length > 0 ? schedulers : here;
    return among[Math.floor(share * among.length)];
  }

  async #pass(): Promise<void> {
    this.counts.passed += 1;
  }

  async #restart(number: number, how: "kill" | "stop", downMs: number): Promise<void> {
    const { nodes, say } = this.#deps;
    this.#away.add(number);
    this.counts[`${how}s`] += 1;
    const what = how === "kill" ? "killed" : "told to stop, and away";
    say(`node-${number} is ${what} for ${downMs.toFixed(0)} ms`);
    await nodes[how](number);
    await this.#wait(downMs);
    nodes.start(number);
    // Until it takes part again it counts as away.
    await nodes.ready(number).catch((error: unknown) => nodes.misdeeds.push(String(error)));
    this.#away.delete(number);
  }

  async #pause(number: number, pauseMs: number): Promise<void> {
    const { nodes, say } = this.#deps;
    this.#away.add(number);
    this.counts.pauses += 1;
    say(`node-${number} is paused for ${pauseMs.toFixed(0)} ms`);
    nodes.pause(number);
    await this.#wait(pauseMs);
    nodes.resume(number);
    this.#away.delete(number);
  }

  async #cut(way: (typeof CUTS)[number], order: readonly number[], cutMs: number): Promise<void> {
    const { network, say } = this.#deps;
    if (network === undefined) throw new Error("these nodes have no network that can be cut");
    this.#isCut = true;
    this.counts.cuts += 1;
    say(`${cutText(way, order)} for ${cutMs.toFixed(0)} ms`);
    for (const [from, to] of cutsOf(way, order)) network.cutOneWay(from, to);
    await this.#wait(cutMs);
    network.heal();
    this.#isCut = false;
  }

  /** Shorter when the storm is over. */
  async #wait(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#over.signal }).catch(() => {});
  }
}

/** Those of the faults that come at random. */
export function stormFaults(faults: readonly Fault[]): readonly StormFault[] {
  const known: readonly StormFault[] = ["kill", "pause", "roll", "partition"];
  return known.filter((one) => faults.includes(one));
}

/** Which directions are cut; `order` holds all nodes. */
export function cutsOf(
  way: (typeof CUTS)[number],
  order: readonly number[],
): readonly (readonly [number, number])[] {
  const [first = 0, ...others] = order;
  const both = (some: readonly number[], more: readonly number[]): readonly [number, number][] =>
    some.flatMap((one) =>
      more.flatMap((other): [number, number][] => [
        [one, other],
        [other, one],
      ]),
    );
  const half = Math.floor(order.length / 2);
  const rest = Math.floor(others.length / 2);
  switch (way) {
    case "halves":
      return both(order.slice(0, half), order.slice(half));
    case "one node":
      return both([first], others);
    case "bridge":
      return both(others.slice(0, rest), others.slice(rest));
    case "one-way":
      return others.map((other) => [first, other]);
  }
}

function cutText(way: (typeof CUTS)[number], order: readonly number[]): string {
  const [first, ...others] = order;
  const half = order.slice(0, Math.floor(order.length / 2)).join(" ");
  switch (way) {
    case "halves":
      return `cut in halves: ${half} from the others`;
    case "one node":
      return `node-${first} is cut off`;
    case "bridge":
      return `only node-${first} hears all: ${others.slice(0, Math.floor(others.length / 2)).join(" ")} from the others`;
    case "one-way":
      return `nobody hears node-${first}`;
  }
}

function within(
  { min, max }: { readonly min: number; readonly max: number },
  share: number,
): number {
  return min + share * (max - min);
}
