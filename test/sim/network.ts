/**
 * The network below every node's `FrameMesh`: frames as bytes, with loss, duplicates, delays and
 * partitions, and the judgement who is up. A link keeps the order unless told otherwise.
 */
import { crc32 } from "node:zlib";
import { Membership } from "../../src/mesh/membership.ts";
import type { Frames } from "../../src/node/frame-mesh.ts";
import { isJobxError } from "../../src/std/errors.ts";
import type { Chance } from "./chance.ts";
import type { World } from "./world.ts";

/** R6: silence after which a node counts as down. */
const SILENCE_MS = 4_000;

/** Between two signs of life of a node. */
const PING_MS = 1_000;

/** A look that comes so late was held up itself, and judges nobody. */
const STALL_MS = 500;

/** How messages fare at present. */
export interface NetworkWeather {
  readonly lossRatio: number;
  readonly duplicateRatio: number;
  readonly reorderRatio: number;
  readonly delayMsMin: number;
  readonly delayMsMax: number;
  /** Chance of a delay of up to `tailMs`. */
  readonly tailRatio: number;
  readonly tailMs: number;
}

/** A network where nothing goes wrong. */
export const CALM: NetworkWeather = {
  lossRatio: 0,
  duplicateRatio: 0,
  reorderRatio: 0,
  delayMsMin: 0.2,
  delayMsMax: 2,
  tailRatio: 0,
  tailMs: 0,
};

/** A running process as the network sees it. */
export interface NetworkProcess {
  readonly id: string;
  /** Names this run of the process. */
  readonly run: number;
  readonly alive: boolean;
  /** Runs in the process, when it runs. */
  enter(run: () => void): void;
  /** A timer of the process. */
  after(delayMs: number, run: () => void): void;
  onFrame(from: string, frame: Uint8Array): void;
  onPeerUp(node: string): void;
  onPeerDown(node: string): void;
}

/** One process's end of all its links. */
export class SimFrames implements Frames {
  readonly self: string;
  readonly process: NetworkProcess;
  readonly #network: SimNetwork;
  /** The program's own gate: who is no member, or not any more, has no connection. */
  readonly #membership = new Membership();
  #members: readonly string[] = [];
  /** Peers that count as up, with the run of theirs that was last heard. */
  readonly #up = new Map<string, number>();
  readonly #heardMs = new Map<string, number>();
  readonly #links = new Map<string, Link>();

  constructor(network: SimNetwork, process: NetworkProcess, members: readonly string[]) {
    this.#network = network;
    this.self = process.id;
    this.process = process;
    this.setMembers(members.map((node) => ({ node })));
  }

  send(to: string, frame: Uint8Array): boolean {
    if (!this.#up.has(to)) return false;
    this.#network.carry(this, to, frame);
    return true;
  }

  /** Whoever can be reached here can be dialled. */
  isDialable(node: string): boolean {
    return this.isUp(node);
  }

  isUp(node: string): boolean {
    return this.#up.has(node);
  }

  /** As the mesh does: connections with those who are no members any more end at once. */
  setMembers(members: readonly { readonly node: string }[], revoked: readonly string[] = []): void {
    this.#members = members.map(({ node }) => node).filter((node) => node !== this.self);
    this.#membership.replace(new Set(this.#members), revoked);
    for (const node of [...this.#up.keys()]) {
      if (this.accepts(node)) continue;
      this.#down(node);
      this.#network.close(this, node);
    }
  }

  /** Whether the other is a member as far as this process knows. */
  accepts(node: string): boolean {
    return this.#membership.has(node);
  }

  /** The way to another node, which outlives both ends. */
  linkTo(node: string): Link {
    const known = this.#links.get(node);
    if (known !== undefined) return known;
    const link = this.#network.link(this.self, node);
    this.#links.set(node, link);
    return link;
  }

  start(): void {
    this.#look(this.#network.nowMs);
  }

  /** A frame or a sign of life has come; strangers are not listened to. */
  arrived(from: NetworkProcess, frame: Uint8Array | undefined): void {
    if (!this.accepts(from.id)) return;
    this.#heardMs.set(from.id, this.#network.nowMs);
    if (this.#up.get(from.id) !== from.run) {
      // A connection of an earlier run says nothing about the present one.
      if ((this.#up.get(from.id) ?? 0) > from.run) return;
      this.#up.set(from.id, from.run);
      this.process.onPeerUp(from.id);
    }
    if (frame !== undefined) this.#frame(from.id, frame);
  }

  /** As the mesh does: whoever sends what cannot be read is disconnected. */
  #frame(from: string, frame: Uint8Array): void {
    try {
      this.process.onFrame(from, frame);
    } catch (error) {
      if (!isJobxError(error)) throw error;
      this.#down(from);
      this.#network.close(this, from);
    }
  }

  /** The other's process was seen to end. */
  refused(node: string, run: number): void {
    if (this.#up.get(node) === run) this.#down(node);
  }

  #look(dueMs: number): void {
    const { nowMs } = this.#network;
    const stalled = nowMs - dueMs > STALL_MS;
    for (const node of this.#members) {
      this.#network.carry(this, node, undefined);
      if (stalled) this.#heardMs.set(node, nowMs);
      const heardMs = this.#heardMs.get(node) ?? nowMs;
      if (this.#up.has(node) && nowMs - heardMs >= SILENCE_MS) this.#down(node);
    }
    this.process.after(PING_MS, () => this.#look(nowMs + PING_MS));
  }

  #down(node: string): void {
    this.#up.delete(node);
    this.process.onPeerDown(node);
  }
}

/** One direction between two nodes. */
interface Link {
  /** For the trace. */
  readonly name: string;
  blocked: boolean;
  /** No frame that keeps the order arrives before this time. */
  lastDueMs: number;
  sentCount: number;
  /** Number of the newest frame that has arrived. */
  arrivedCount: number;
}

export class SimNetwork {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #ends = new Map<string, SimFrames>();
  readonly #links = new Map<string, Link>();
  weather: NetworkWeather = CALM;

  constructor(world: World) {
    this.#world = world;
    this.#chance = world.chance("network");
  }

  get nowMs(): number {
    return this.#world.loop.nowMs();
  }

  /** A process has started. */
  attach(process: NetworkProcess, members: readonly string[]): SimFrames {
    const end = new SimFrames(this, process, members);
    this.#ends.set(process.id, end);
    return end;
  }

  /** A process has died: who can reach its machine finds out soon. */
  detach(process: NetworkProcess): void {
    if (this.#ends.get(process.id)?.process === process) this.#ends.delete(process.id);
    for (const end of [...this.#ends.values()]) {
      this.#world.loop.after(this.#chance.between(1, 300), () => {
        if (this.isOpen(process.id, end.self)) {
          end.process.enter(() => end.refused(process.id, process.run));
        }
      });
    }
  }

  /** Cuts one direction between two nodes. */
  block(from: string, to: string): void {
    this.link(from, to).blocked = true;
  }

  unblock(from: string, to: string): void {
    this.link(from, to).blocked = false;
  }

  healAll(): void {
    for (const link of this.#links.values()) link.blocked = false;
    this.weather = CALM;
  }

  isOpen(from: string, to: string): boolean {
    return !this.link(from, to).blocked;
  }

  /** A process has closed its connection with another, whom it does not accept any more. */
  close(from: SimFrames, to: string): void {
    const end = this.#ends.get(to);
    if (end === undefined) return;
    this.#world.loop.after(this.#chance.between(1, 300), () => {
      if (!this.isOpen(from.self, to)) return;
      end.process.enter(() => end.refused(from.self, from.process.run));
    });
  }

  /** Whether words go both ways between two machines. */
  isOpenBothWays(a: string, b: string): boolean {
    return this.isOpen(a, b) && this.isOpen(b, a);
  }

  /** Whether both are there, accept each other, and words go both ways. */
  connected(a: string, b: string): boolean {
    const one = this.#ends.get(a);
    const other = this.#ends.get(b);
    if (one === undefined || other === undefined || !this.isOpenBothWays(a, b)) return false;
    return one.accepts(b) && other.accepts(a);
  }

  /** Carries a frame, or a sign of life, to the process that runs on the other node now. */
  carry(from: SimFrames, to: string, frame: Uint8Array | undefined): void {
    const target = this.#ends.get(to);
    const { totals } = this.#world;
    const link = from.linkTo(to);
    if (target === undefined || link.blocked) {
      if (frame !== undefined) totals.messagesLost += 1;
      return;
    }
    const { lossRatio, duplicateRatio } = this.weather;
    if (this.#chance.hits(lossRatio)) {
      if (frame !== undefined) {
        totals.messagesLost += 1;
        this.#world.trace.mark(`${link.name} lost`);
      }
      return;
    }
    this.#carryOnce(from, target, frame);
    if (frame !== undefined && this.#chance.hits(duplicateRatio)) {
      totals.messagesDuplicated += 1;
      this.#carryOnce(from, target, frame);
    }
  }

  #carryOnce(from: SimFrames, target: SimFrames, frame: Uint8Array | undefined): void {
    const link = from.linkTo(target.self);
    link.sentCount += 1;
    const number = link.sentCount;
    const dueMs = this.#dueMs(link);
    this.#world.loop.after(dueMs - this.nowMs, () => {
      // The connection ended with either process; what was in flight may still arrive from a dead one.
      if (this.#ends.get(target.self) !== target || link.blocked) {
        if (frame !== undefined) this.#world.totals.messagesLost += 1;
        return;
      }
      target.process.enter(() => {
        if (frame !== undefined) {
          this.#world.totals.messagesDelivered += 1;
          if (number < link.arrivedCount) this.#world.totals.messagesReordered += 1;
          link.arrivedCount = Math.max(link.arrivedCount, number);
          this.#world.trace.mark(link.name, frame.length, crc32(frame));
        }
        target.arrived(from.process, frame);
      });
    });
  }

  #dueMs(link: Link): number {
    const { delayMsMin, delayMsMax, tailRatio, tailMs, reorderRatio } = this.weather;
    let delayMs = this.#chance.between(delayMsMin, delayMsMax);
    if (this.#chance.hits(tailRatio)) delayMs += this.#chance.between(0, tailMs);
    const dueMs = this.nowMs + delayMs;
    // One that leaves the line may come before those sent earlier, or after those sent later.
    if (this.#chance.hits(reorderRatio)) return dueMs + this.#chance.between(0, 20 * delayMsMax);
    link.lastDueMs = Math.max(link.lastDueMs, dueMs);
    return link.lastDueMs;
  }

  /** One direction between two nodes. */
  link(from: string, to: string): Link {
    const name = `${from}>${to}`;
    const known = this.#links.get(name);
    if (known !== undefined) return known;
    const made: Link = { name, blocked: false, lastDueMs: 0, sentCount: 0, arrivedCount: 0 };
    this.#links.set(name, made);
    return made;
  }
}
