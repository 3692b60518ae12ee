// Whether a peer is there: dials it whenever it is not connected, and tells the owner up and down.
// "Refused" needs evidence: only endpoints that were seen listening while the peer was up count, as
// an address behind a translator refuses although the peer is well.
import type { Connection } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import type { Log } from "../std/log.ts";
import type { Random } from "../std/random.ts";
import { dialAddresses, type Endpoint, endpointOf } from "./addresses.ts";
import { redialDelayMs } from "./backoff.ts";
import { toError } from "./errors.ts";
import type { DownReason, MeshHandlers, NodeId } from "./ports.ts";
import { probe } from "./probe.ts";

/** What a presence needs of the mesh. */
export interface PresenceContext {
  readonly self: NodeId;
  readonly handlers: MeshHandlers;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  /** How long a closed connection may be away before the peer counts as down, ms. */
  readonly graceMs: number;
  dial(addresses: Multiaddr[]): Promise<Connection>;
  /** Whether any connection to the peer is open. */
  connected(node: NodeId): boolean;
}

/** Of two nodes that lost each other the one with the greater id lets the other dial first, ms. */
const YIELD_MS = 50;

/** A peer that was up for so long starts over with quick redials when it is lost, ms. */
const STABLE_MS = 2_000;

/** Watches over one member. */
export class Presence {
  readonly #node: NodeId;
  readonly #context: PresenceContext;
  #addresses: Multiaddr[] = [];
  #listening = new Map<string, Endpoint>();
  #bootId: string | undefined;
  #reported = false;
  #foundMs = 0;
  #lostMs: number;
  #failures = 0;
  #dialing = false;
  #ended = false;
  #dialTimer: Timer | undefined;
  #graceTimer: Timer | undefined;

  constructor(node: NodeId, context: PresenceContext) {
    this.#node = node;
    this.#context = context;
    this.#lostMs = context.clock.nowMs();
  }

  /** Where the peer can be dialled from now on. */
  setAddresses(addresses: readonly string[]): void {
    const usable = dialAddresses(this.#node, addresses);
    if (usable.map(String).join() === this.#addresses.map(String).join()) return;
    this.#addresses = usable;
    this.#listening.clear();
    this.#scheduleDial(this.#yieldMs());
  }

  /** Both control streams are open. */
  found(bootId: string): void {
    this.#dialTimer?.cancel();
    this.#graceTimer?.cancel();
    this.#graceTimer = undefined;
    const restarted = this.#bootId !== undefined && this.#bootId !== bootId;
    this.#bootId = bootId;
    this.#reported = true;
    this.#foundMs = this.#context.clock.nowMs();
    void this.#seeListening();
    this.#context.handlers.onPeerUp(this.#node, { bootId, restarted });
  }

  /** All connections are gone; `wasUp` tells whether `found` came before. */
  lost(wasUp: boolean): void {
    if (this.#ended) return;
    const nowMs = this.#context.clock.nowMs();
    if (wasUp) this.#lostMs = nowMs;
    this.#failures = wasUp && nowMs - this.#foundMs >= STABLE_MS ? 0 : this.#failures + 1;
    if (this.#reported) {
      this.#graceTimer ??= this.#context.timers.after(this.#context.graceMs, () =>
        this.#down("closed"),
      );
      void this.#checkRefused();
    }
    this.#scheduleRedial();
  }

  /**
   * Dials the peer although it may be connected: shows whether it can be. The connection stays, as
   * when both sides dial at once.
   */
  async tryDial(): Promise<void> {
    if (this.#ended || this.#addresses.length === 0) return;
    try {
      await this.#context.dial(this.#addresses);
    } catch (thrown) {
      const error = toError(thrown).message;
      this.#context.log.debug("a peer cannot be dialled", { node: this.#node, error });
    }
  }

  /** The peer says nothing on an open connection. */
  silent(): void {
    this.#down("silent");
  }

  /** The peer is no longer a member, or the mesh closes. Nothing is reported any more. */
  end(): void {
    this.#ended = true;
    this.#dialTimer?.cancel();
    this.#graceTimer?.cancel();
  }

  /** Whether the owner believes that the peer is up. */
  get reported(): boolean {
    return this.#reported;
  }

  #down(reason: DownReason): void {
    this.#graceTimer?.cancel();
    this.#graceTimer = undefined;
    if (!this.#reported || this.#ended) return;
    this.#reported = false;
    this.#context.handlers.onPeerDown(this.#node, reason);
  }

  #yieldMs(): number {
    const first = this.#context.self < this.#node;
    return first ? 0 : YIELD_MS * (1 + this.#context.random.next());
  }

  #scheduleRedial(): void {
    const awayMs = this.#context.clock.nowMs() - this.#lostMs;
    const delayMs =
      this.#failures === 0
        ? this.#yieldMs()
        : redialDelayMs(this.#failures, awayMs, this.#context.random);
    this.#scheduleDial(delayMs);
  }

  #scheduleDial(delayMs: number): void {
    this.#dialTimer?.cancel();
    if (this.#ended || this.#addresses.length === 0) return;
    this.#dialTimer = this.#context.timers.after(delayMs, () => void this.#dial());
  }

  async #dial(): Promise<void> {
    if (this.#ended || this.#dialing || this.#context.connected(this.#node)) return;
    this.#dialing = true;
    try {
      const connection = await this.#context.dial(this.#addresses);
      this.#sawListening(endpointOf(connection.remoteAddr));
      this.#dialing = false;
    } catch (thrown) {
      this.#dialing = false;
      this.#failures += 1;
      const error = toError(thrown).message;
      this.#context.log.debug("a dial failed", {
        node: this.#node,
        error,
        failures: this.#failures,
      });
      if (this.#reported && !this.#context.connected(this.#node)) await this.#checkRefused();
    }
    // The connection may have come and gone while we dialled, when no other dial could be started.
    if (!this.#context.connected(this.#node)) this.#scheduleRedial();
  }

  /** Learns which endpoints answer while the peer is up, unless a dial showed it. */
  async #seeListening(): Promise<void> {
    if (this.#listening.size > 0) return;
    const endpoints = this.#addresses.map(endpointOf);
    await Promise.all(
      endpoints.map(async (endpoint) => {
        if (endpoint === undefined || (await probe(endpoint)) !== "listening") return;
        if (this.#context.connected(this.#node)) this.#sawListening(endpoint);
      }),
    );
  }

  #sawListening(endpoint: Endpoint | undefined): void {
    if (endpoint !== undefined) this.#listening.set(`${endpoint.host} ${endpoint.port}`, endpoint);
  }

  async #checkRefused(): Promise<void> {
    const outcomes = await Promise.all([...this.#listening.values()].map(probe));
    const refused = outcomes.length > 0 && outcomes.every((outcome) => outcome === "refused");
    if (refused && !this.#context.connected(this.#node)) this.#down("refused");
  }
}
