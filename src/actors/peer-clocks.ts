/**
 * R14: how far the clocks of other nodes are from this one's. Nodes tell each other the time now and
 * then; what takes long on its way makes a clock seem late, never early, so of several words the one
 * that puts it furthest ahead is the truest.
 */
import type { NodeId } from "../scheduler/dataset.ts";
import type { Clock, Timer, Timers, WallClock } from "../std/clock.ts";
import type { MeshPort } from "./ports.ts";

/** Between two words about the time to each member that is up. */
const TELL_MS = 10_000;

/** After so long even the truest word gives way to a newer one: clocks are set, and drift. */
const TRUE_MS = 60_000;

/** A clock that is further off the median is wrong: its node is marked and does not lead. */
export const CLOCK_OFF_MS = 10_000;

export interface PeerClocksDeps {
  readonly clock: Clock;
  readonly wall: WallClock;
  readonly timers: Timers;
  readonly mesh: Pick<MeshPort, "self" | "send" | "isUp">;
  readonly members: () => readonly NodeId[];
}

export class PeerClocks {
  readonly #deps: PeerClocksDeps;
  readonly #known = new Map<NodeId, { readonly offsetMs: number; readonly heardMs: number }>();
  #timer: Timer | undefined;

  constructor(deps: PeerClocksDeps) {
    this.#deps = deps;
  }

  start(): void {
    for (const node of this.#deps.members()) this.tell(node);
    this.#timer = this.#deps.timers.after(TELL_MS, () => this.start());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Tells a node the time; also when it has just come up. */
  tell(node: NodeId): void {
    const { mesh, wall } = this.#deps;
    if (node === mesh.self || !mesh.isUp(node)) return;
    mesh.send(node, { kind: "clock", wallMs: Math.floor(wall.wallMs()) });
  }

  heard(from: NodeId, wallMs: number): void {
    const { clock, wall } = this.#deps;
    const heardMs = clock.nowMs();
    const offsetMs = wallMs - wall.wallMs();
    const known = this.#known.get(from);
    const newer = known === undefined || heardMs - known.heardMs >= TRUE_MS;
    if (newer || offsetMs >= known.offsetMs) this.#known.set(from, { offsetMs, heardMs });
  }

  /** A node went down: its clock may be set before it is back, so its next word holds, whatever it says. */
  doubt(node: NodeId): void {
    const known = this.#known.get(node);
    if (known !== undefined) this.#known.set(node, { ...known, heardMs: Number.NEGATIVE_INFINITY });
  }

  /** Whether of most of these nodes it is known what time they have: else a wrong clock may be the median. */
  knowsMost(nodes: readonly NodeId[]): boolean {
    const known = nodes.filter((node) => this.#offsetMs(node) !== undefined);
    return 2 * known.length > nodes.length;
  }

  /** The median of the clocks of these nodes, as far as they are known, now. */
  medianMs(nodes: readonly NodeId[]): number {
    return this.#deps.wall.wallMs() + this.#medianOffsetMs(nodes);
  }

  /** How far a node's clock is ahead of the median of `nodes`; undefined when it is not known. */
  aheadMs(node: NodeId, nodes: readonly NodeId[]): number | undefined {
    const offsetMs = this.#offsetMs(node);
    return offsetMs === undefined ? undefined : offsetMs - this.#medianOffsetMs(nodes);
  }

  #medianOffsetMs(nodes: readonly NodeId[]): number {
    const offsets = nodes
      .map((node) => this.#offsetMs(node))
      .filter((offset) => offset !== undefined)
      .sort((a, b) => a - b);
    // Of two in the middle the earlier one: stamps that came too late can never be taken back.
    return offsets[Math.floor((offsets.length - 1) / 2)] ?? 0;
  }

  #offsetMs(node: NodeId): number | undefined {
    return node === this.#deps.mesh.self ? 0 : this.#known.get(node)?.offsetMs;
  }
}
