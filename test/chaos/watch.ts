/** Looks at all nodes regularly: who leads, and whether replicas at the same index have the same state. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ChaosNodes } from "./chaos-nodes.ts";
import { WORKFLOWS } from "./work.ts";

const LOOK_MS = 500;
/** States of a group that are kept for comparing: what replicas lag behind each other in a run. */
const STATES_MAX = 5_000;

/** Runs from its making until it is stopped. */
export class Watch {
  readonly #nodes: ChaosNodes;
  readonly #problem: (text: string) => void;
  /** By group: the newest term that was seen led, and by which node. */
  readonly #leaders = new Map<string, { readonly term: number; readonly number: number }>();
  readonly #terms = new Set<string>();
  readonly #states = new Map<string, { readonly hash: string; readonly number: number }>();
  readonly #looking: Promise<void>;
  #stopped = false;
  #compared = 0;

  constructor(nodes: ChaosNodes, problem: (text: string) => void) {
    this.#nodes = nodes;
    this.#problem = problem;
    this.#looking = this.#look();
  }

  /** Times that a group was seen with another leader or term than before. */
  get leaderChanges(): number {
    return this.#terms.size - this.#leaders.size;
  }

  /** Pairs of replicas that were seen at the same index. */
  get comparedCount(): number {
    return this.#compared;
  }

  /** Nodes that schedule a workflow, as last seen. */
  get schedulers(): readonly number[] {
    return WORKFLOWS.flatMap((name) => this.#leaders.get(name)?.number ?? []);
  }

  /** Who leads each group in which term, as text; looks anew. */
  async leadership(): Promise<Readonly<Record<string, string>>> {
    await this.#lookOnce();
    return Object.fromEntries(
      [...this.#leaders].map(([name, { term, number }]) => [
        name,
        `node-${number} in term ${term}`,
      ]),
    );
  }

  /** The node that leads a group, as last seen. */
  leaderOf(name: string): number | undefined {
    return this.#leaders.get(name)?.number;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#looking;
  }

  async #look(): Promise<void> {
    while (!this.#stopped) {
      await this.#lookOnce();
      await sleep(LOOK_MS);
    }
  }

  async #lookOnce(): Promise<void> {
    const { numbers } = this.#nodes;
    const awake = numbers.filter((one) => this.#nodes.runs(one) && !this.#nodes.isPaused(one));
    await Promise.all(
      awake.map(async (number) => {
        for (const view of (await this.#nodes.replicasOf(number)) ?? []) {
          const { name, role, term, appliedIndex, stateHash } = view;
          if (role === "leader") this.#led(name, { term, number });
          if (stateHash !== null)
            this.#seen(`${name} ${appliedIndex}`, { hash: stateHash, number });
        }
      }),
    );
  }

  #led(name: string, leader: { readonly term: number; readonly number: number }): void {
    this.#terms.add(`${name} ${leader.term}`);
    const known = this.#leaders.get(name);
    if (known === undefined || known.term < leader.term) this.#leaders.set(name, leader);
    else if (known.term === leader.term && known.number !== leader.number)
      this.#problem(
        `node-${known.number} and node-${leader.number} both lead ${name} in term ${leader.term}`,
      );
  }

  #seen(place: string, state: { readonly hash: string; readonly number: number }): void {
    const known = this.#states.get(place);
    if (known === undefined) {
      this.#states.set(place, state);
      const [oldest] = this.#states.keys();
      if (this.#states.size > STATES_MAX && oldest !== undefined) this.#states.delete(oldest);
      return;
    }
    if (known.number === state.number) return;
    this.#compared += 1;
    if (known.hash === state.hash) return;
    this.#problem(`node-${known.number} and node-${state.number} have other rows at ${place}`);
  }
}
