/**
 * Who may vote, as far as that is a matter of the network: only a node that all present voters can dial.
 * A vote behind a connection that only its owner can make would be lost with it. The leader asks the
 * others, and only while it has somebody whom it might make a voter.
 */
import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock } from "../std/clock.ts";
import type { Caller } from "./caller.ts";
import type { CallAnswer, MeshPort } from "./ports.ts";

/** What a voter said holds for so long; a connection may have ended since. */
const YES_MS = 60_000;

/** A voter that was asked for the first time only begins to dial. */
const NO_MS = 1_000;

/** Longer than a dial and the next try of it may take. */
const NEVER_AFTER_MS = 15_000;

const ASK_MS = 5_000;

/** What nobody has asked about for so long is forgotten: the node may have been removed. */
const FORGET_MS = 300_000;

/** Whether a node may become a voter. `never`: it was there for long and could not be dialled. */
export type MayVote = "yes" | "not yet" | "never";

export interface ReachDeps {
  readonly clock: Clock;
  readonly mesh: Pick<MeshPort, "self" | "isUp" | "isDialable">;
  readonly caller: Pick<Caller, "ask">;
}

interface Said {
  readonly yes: boolean;
  readonly atMs: number;
}

interface Walled {
  readonly sinceMs: number;
  readonly atMs: number;
}

export class Reach {
  readonly #deps: ReachDeps;
  /** What voters said of nodes, by both; the one said last is at the end. */
  readonly #said = new Map<string, Said>();
  readonly #asking = new Set<string>();
  /** Nodes that are up and that some voter cannot dial, by node and group; the one seen last at the end. */
  readonly #walled = new Map<string, Walled>();

  constructor(deps: ReachDeps) {
    this.#deps = deps;
  }

  /** Whether `node` may become a voter of the group beside `voters`; asked again, the answer may change. */
  mayVote(
    node: NodeId,
    group: { readonly group: number; readonly voters: readonly NodeId[] },
  ): MayVote {
    const { clock, mesh } = this.#deps;
    const name = `${node} ${group.group}`;
    if (node !== mesh.self && !mesh.isUp(node)) {
      this.#walled.delete(name);
      return "not yet";
    }
    // All are asked at once; one that is down has no say, or the dead would keep others from taking over.
    const voters = group.voters.filter((voter) => voter !== node && voter !== mesh.self);
    const said = voters.map((voter) => !mesh.isUp(voter) || this.#canDial(voter, node));
    if (mesh.isDialable(node) && said.every((yes) => yes)) {
      this.#walled.delete(name);
      return "yes";
    }
    const atMs = clock.nowMs();
    const sinceMs = this.#walled.get(name)?.sinceMs ?? atMs;
    putLast(this.#walled, name, { sinceMs, atMs });
    return atMs - sinceMs >= NEVER_AFTER_MS ? "never" : "not yet";
  }

  #canDial(voter: NodeId, node: NodeId): boolean {
    const { clock } = this.#deps;
    const name = `${voter} ${node}`;
    const said = this.#said.get(name);
    const ageMs = clock.nowMs() - (said?.atMs ?? Number.NEGATIVE_INFINITY);
    if (ageMs >= (said?.yes === true ? YES_MS : NO_MS)) void this.#ask(voter, node);
    return said?.yes === true;
  }

  async #ask(voter: NodeId, node: NodeId): Promise<void> {
    const name = `${voter} ${node}`;
    if (this.#asking.has(name)) return;
    this.#asking.add(name);
    const answer = await this.#deps.caller.ask(voter, { kind: "can-dial", node }, ASK_MS);
    this.#asking.delete(name);
    const yes = answer?.kind === "dialable" && answer.yes;
    putLast(this.#said, name, { yes, atMs: this.#deps.clock.nowMs() });
  }
}

/** Puts a value at the end of a map that is in the order of time, and drops what is old at its front. */
function putLast<T extends { readonly atMs: number }>(
  map: Map<string, T>,
  name: string,
  value: T,
): void {
  map.delete(name);
  map.set(name, value);
  for (const [other, { atMs }] of map) {
    if (value.atMs - atMs < FORGET_MS) return;
    map.delete(other);
  }
}

/** What a voter answers. */
export function serveReachCall(
  mesh: Pick<MeshPort, "isDialable">,
  { node }: { readonly node: NodeId },
): CallAnswer {
  return { kind: "dialable", yes: mesh.isDialable(node) };
}
