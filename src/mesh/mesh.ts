// The mesh of one node: who is connected, frames to peers, bulk data, gossip and joining. All other
// files of this folder are parts of it; bytes in, bytes out, their meaning is the owner's.
import { randomBytes } from "node:crypto";
import type { Connection, Stream } from "@libp2p/interface";
import { assert } from "../std/assert.ts";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import type { Log } from "../std/log.ts";
import type { Random } from "../std/random.ts";
import { BULK_PROTOCOL, requestBulk, serveBulk } from "./bulk.ts";
import { meshError, toError } from "./errors.ts";
import { createGossip, type Gossip } from "./gossip.ts";
import { BOOT_ID_BYTES, CONTROL_PROTOCOL } from "./hello.ts";
import { createHost, type Host, startHost } from "./host.ts";
import { JoinDesk } from "./join-desk.ts";
import { JOIN_PROTOCOL, type Ticket } from "./join-protocol.ts";
import { askToJoin } from "./join-request.ts";
import { parseKey } from "./keys.ts";
import { BULK_STREAMS_PER_PEER_MAX, DEFAULT_LIMITS, DIAL_MS, type MeshLimits } from "./limits.ts";
import { Link } from "./link.ts";
import { createGater, Membership } from "./membership.ts";
import type { Admission, BulkHandler, Member, MeshHandlers, NodeId } from "./ports.ts";
import { Presence } from "./presence.ts";
import { StallWatch } from "./stall-watch.ts";

/** Ticks per `silenceMs`: how finely silence is judged. */
const TICKS_PER_SILENCE = 8;

/** Tries to tell a peer our protocols, and the wait between them, ms. */
const IDENTIFY_TRIES = 5;
const IDENTIFY_AGAIN_MS = 500;

/** Between two tries to dial a peer that is connected because it dialled, ms. */
const TRY_DIAL_MS = 30_000;

/** What was sent just before closing gets so long to leave, ms. */
const FAREWELL_MS = 20;

/** What a mesh is started with. */
export interface MeshOptions {
  /** As `loadOrCreateKey` returns it. */
  readonly privateKey: Uint8Array;
  /** Multiaddrs to listen on; none for a node that only dials. */
  readonly listen: readonly string[];
  /** Multiaddrs to tell others instead of those listened on; none: those listened on. */
  readonly advertise?: readonly string[];
  readonly handlers: MeshHandlers;
  /** Who decides about newcomers; without it strangers are refused. */
  readonly admission?: Admission;
  readonly members?: readonly Member[];
  readonly limits?: Partial<MeshLimits>;
  readonly clock: Clock;
  readonly timers: Timers;
  /** For jitter only. */
  readonly random: Random;
  readonly log: Log;
}

/**
 * One node's connections to all others. Frames between two nodes arrive in order while a connection
 * lives and may be lost when it ends, which `onPeerUp` and `onPeerDown` tell.
 */
export class Mesh implements AsyncDisposable {
  readonly self: NodeId;
  /** Random per start; peers see it in `PeerUp`. */
  readonly bootId: string;
  readonly gossip: Gossip;
  readonly #options: MeshOptions;
  readonly #limits: MeshLimits;
  readonly #host: Host;
  readonly #membership: Membership;
  readonly #desk: JoinDesk;
  readonly #peers = new Map<NodeId, { readonly link: Link; readonly presence: Presence }>();
  /** Members that were dialled in this process, with success. */
  readonly #dialled = new Set<NodeId>();
  readonly #dialTriedMs = new Map<NodeId, number>();
  readonly #watch: StallWatch;
  #bulkHandler: BulkHandler | undefined;
  #tickTimer: Timer | undefined;
  #closed = false;

  /** Listens and starts to connect. @throws {JobxError} `MESH_KEY_INVALID`, `MESH_LISTEN_FAILED`. */
  static async start(options: MeshOptions): Promise<Mesh> {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    assert(limits.queueBytesMax > limits.frameBytesMax, "a queue holds at least one frame");
    const membership = new Membership();
    const privateKey = parseKey(options.privateKey, "");
    const self = privateKey.publicKey.toString();
    const { admission, clock, timers, log } = options;
    const desk = new JoinDesk({ self, admission, limits, clock, timers, log });
    const host = await createHost({
      privateKey,
      listen: options.listen,
      advertise: options.advertise ?? [],
      gater: createGater(membership, () => desk.hasRoom()),
      serves: (connection) => mesh.#serves(connection),
    });
    const mesh = new Mesh(options, { limits, host, membership, desk });
    assert(self === mesh.self, "a peer id is the text of its public key");
    await mesh.#open();
    return mesh;
  }

  /** Use `Mesh.start`. */
  constructor(
    options: MeshOptions,
    parts: { limits: MeshLimits; host: Host; membership: Membership; desk: JoinDesk },
  ) {
    this.#options = options;
    this.#limits = parts.limits;
    this.#host = parts.host;
    this.#membership = parts.membership;
    this.#desk = parts.desk;
    this.self = parts.host.peerId.toString();
    this.bootId = randomBytes(BOOT_ID_BYTES).toString("hex");
    this.gossip = createGossip(parts.host.services.gossip, {
      isMember: (node) => this.#membership.has(node),
      log: options.log,
    });
    this.#watch = new StallWatch(this.#tickMs(), options.clock.nowMs());
  }

  /** Where others can dial this node, each with `/p2p/` and its id. */
  addresses(): string[] {
    return this.#host.getMultiaddrs().map(String);
  }

  /**
   * Replaces the members: who may connect and whom to stay connected to. Who is no longer one is
   * disconnected (with `onPeerDown("closed")` if it was up) and refused from now on, as are
   * `revoked`: nodes removed before this process started. This node's own entry is ignored.
   */
  setMembers(members: readonly Member[], revoked: readonly NodeId[] = []): void {
    const others = members.filter(({ node }) => node !== this.self);
    this.#membership.replace(new Set(others.map(({ node }) => node)), revoked);
    for (const [node, { link, presence }] of this.#peers) {
      if (this.#membership.has(node)) continue;
      this.#peers.delete(node);
      this.#dialled.delete(node);
      this.#dialTriedMs.delete(node);
      presence.end();
      link.reset("removed");
      if (presence.reported) this.#options.handlers.onPeerDown(node, "closed");
    }
    for (const { node, addresses } of others) this.#peer(node).presence.setAddresses(addresses);
    for (const connection of this.#host.getConnections()) {
      if (this.#membership.isRevoked(connection.remotePeer.toString())) {
        connection.abort(new Error("removed"));
      }
    }
  }

  /**
   * Queues a frame, best effort; all frames of a loop turn go out together. The frame must not be
   * changed afterwards. False, and nothing queued: the peer is not up, or too much waits for it.
   * @throws {JobxError} `MESH_FRAME_TOO_LARGE` above `frameBytesMax`.
   */
  send(to: NodeId, frame: Uint8Array): boolean {
    if (frame.length > this.#limits.frameBytesMax) {
      throw meshError(
        { code: "MESH_FRAME_TOO_LARGE", bytes: frame.length, bytesMax: this.#limits.frameBytesMax },
        "a frame is too large to be sent",
      );
    }
    return this.#peers.get(to)?.link.send(frame) ?? false;
  }

  /** The nodes that are up now, as the handlers were told. */
  peersUp(): NodeId[] {
    return [...this.#peers].filter(([, { presence }]) => presence.reported).map(([node]) => node);
  }

  /** Whether the node is up now, as the handlers were told. */
  isUp(node: NodeId): boolean {
    return this.#peers.get(node)?.presence.reported ?? false;
  }

  /**
   * Whether this process has dialled the node and found it. Not known yet where only the node has
   * dialled; then it is tried, and the answer is another one soon.
   */
  isDialable(node: NodeId): boolean {
    if (this.#dialled.has(node)) return true;
    const presence = this.#peers.get(node)?.presence;
    const nowMs = this.#options.clock.nowMs();
    const triedMs = this.#dialTriedMs.get(node) ?? Number.NEGATIVE_INFINITY;
    if (presence?.reported !== true || nowMs - triedMs < TRY_DIAL_MS) return false;
    this.#dialTriedMs.set(node, nowMs);
    void presence.tryDial();
    return false;
  }

  /** Connections of newcomers that are open now. */
  strangers(): number {
    return this.#desk.visitors;
  }

  /** Writes into the present stream to a peer: with frames sent, tells how well they merge. */
  writesTo(node: NodeId): number {
    return this.#peers.get(node)?.link.writes ?? 0;
  }

  /**
   * Asks a peer for bulk data on a stream of its own. Lazy: starts at the first pull; stopping early
   * or aborting resets the stream and aborts the handler's signal there.
   * @throws {JobxError} while it is read: `MESH_NOT_CONNECTED`, `MESH_STREAM_BROKEN`,
   * `MESH_REMOTE_ERROR` (the handler's code is in `details.remoteCode`), `MESH_FRAME_TOO_LARGE` for
   * a header above 64 KiB.
   */
  async *requestBulk(
    to: NodeId,
    header: Uint8Array,
    options: { readonly signal: AbortSignal },
  ): AsyncGenerator<Uint8Array, void, void> {
    const connection = this.#peers.get(to)?.link.connection;
    if (connection === undefined) {
      throw meshError({ code: "MESH_NOT_CONNECTED", node: to }, "the peer is not connected");
    }
    yield* requestBulk(connection, header, {
      signal: options.signal,
      context: this.#bulkContext(),
    });
  }

  /** Answers bulk requests from now on; one handler. What it throws as `JobxError` is sent on. */
  handleBulk(handler: BulkHandler): void {
    this.#bulkHandler = handler;
  }

  /**
   * Joins a cluster through one of its members: proves the ticket, checks the member's proof, sends
   * `request` and returns the answer. Tries the addresses in turn.
   * @throws {JobxError} `MESH_REMOTE_ERROR` (refused, with the member's code), `MESH_JOIN_UNPROVEN`,
   * `MESH_JOIN_TIMEOUT`, `MESH_JOIN_UNREACHABLE`, `MESH_ADDRESS_INVALID`.
   */
  async joinVia(
    addresses: readonly string[],
    ticket: Ticket,
    request: Uint8Array,
  ): Promise<Uint8Array> {
    return askToJoin(
      addresses,
      { ticket, request },
      {
        host: this.#host,
        membership: this.#membership,
        timeoutMs: this.#limits.joinMs + this.#limits.admitMs,
      },
    );
  }

  /** Sends what waits, closes all connections and stops listening. Nothing is reported any more. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#tickTimer?.cancel();
    for (const { link, presence } of this.#peers.values()) {
      presence.end();
      link.flush();
    }
    // What was written is still on its way through the encryption, and closing would drop it.
    await new Promise<void>((resolve) => {
      this.#options.timers.after(FAREWELL_MS, resolve);
    });
    await this.#host.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #open(): Promise<void> {
    const host = this.#host;
    host.addEventListener("connection:open", ({ detail }) => this.#connectionOpened(detail));
    host.addEventListener("connection:close", ({ detail }) => this.#connectionClosed(detail));
    await startHost(host, this.#options.listen);
    await host.handle(
      CONTROL_PROTOCOL,
      (stream, connection) => this.#onControl(stream, connection),
      {
        maxInboundStreams: 2,
        maxOutboundStreams: 2,
      },
    );
    await host.handle(BULK_PROTOCOL, (stream, connection) => this.#onBulk(stream, connection), {
      maxInboundStreams: BULK_STREAMS_PER_PEER_MAX,
      maxOutboundStreams: BULK_STREAMS_PER_PEER_MAX,
    });
    await host.handle(JOIN_PROTOCOL, (stream, connection) => {
      void this.#desk.serve(stream, connection);
    });
    this.setMembers(this.#options.members ?? []);
    this.#scheduleTick();
  }

  #connectionOpened(connection: Connection): void {
    const node = connection.remotePeer.toString();
    if (this.#closed) return;
    if (this.#membership.has(node)) {
      if (connection.direction === "outbound") this.#dialled.add(node);
      this.#peer(node).link.opened(connection);
    } else if (connection.direction === "inbound") this.#desk.entered(connection);
  }

  #connectionClosed(connection: Connection): void {
    const node = connection.remotePeer.toString();
    this.#desk.left(connection);
    if (!this.#closed) this.#peers.get(node)?.link.closed(connection);
    if (this.#membership.has(node)) return;
    // The library remembers every peer that it met; strangers must not fill that memory.
    this.#host.peerStore.delete(connection.remotePeer).catch(() => {});
  }

  #serves(connection: Connection): boolean {
    return this.#peers.get(connection.remotePeer.toString())?.link.owns(connection) ?? false;
  }

  #onControl(stream: Stream, connection: Connection): void {
    const link = this.#peers.get(connection.remotePeer.toString())?.link;
    if (link?.owns(connection) === true) link.accept(stream, connection);
    else stream.abort(new Error("members only"));
  }

  #onBulk(stream: Stream, connection: Connection): void {
    if (!this.#serves(connection)) {
      stream.abort(new Error("members only"));
      return;
    }
    const options = { handler: this.#bulkHandler, context: this.#bulkContext() };
    void serveBulk(stream, connection.remotePeer.toString(), options);
  }

  #bulkContext(): { nowMs: () => number; log: Log } {
    return { nowMs: () => this.#options.clock.nowMs(), log: this.#options.log };
  }

  #peer(node: NodeId): { readonly link: Link; readonly presence: Presence } {
    const known = this.#peers.get(node);
    if (known !== undefined) return known;
    const { handlers, clock, timers, random, log } = this.#options;
    const presence = new Presence(node, {
      self: this.self,
      handlers,
      clock,
      timers,
      random,
      log,
      graceMs: this.#limits.silenceMs,
      // Forced: we know of our own connections, and one that is for joining does not count.
      dial: (addresses) =>
        this.#host.dial(addresses, { force: true, signal: AbortSignal.timeout(DIAL_MS) }),
      connected: () => this.#peers.get(node)?.link.connected ?? false,
    });
    const link = new Link(
      node,
      {
        bootId: this.bootId,
        handlers,
        limits: this.#limits,
        clock,
        timers,
        log,
        onReady: (_node, connection) => void this.#identify(connection),
      },
      presence,
    );
    const peer = { link, presence };
    this.#peers.set(node, peer);
    return peer;
  }

  /** Learns the peer's protocols, upon which the library's gossip opens its streams. */
  async #identify(connection: Connection): Promise<void> {
    for (let left = IDENTIFY_TRIES; left > 0 && this.#serves(connection); left -= 1) {
      try {
        await this.#host.services.identify.identify(connection);
        return;
      } catch (thrown) {
        const node = connection.remotePeer.toString();
        this.#options.log.debug("a peer was not identified", {
          node,
          error: toError(thrown).message,
        });
        await new Promise<void>((resolve) => {
          this.#options.timers.after(IDENTIFY_AGAIN_MS, resolve);
        });
      }
    }
  }

  #tickMs(): number {
    return this.#limits.silenceMs / TICKS_PER_SILENCE;
  }

  #scheduleTick(): void {
    this.#tickTimer = this.#options.timers.after(this.#tickMs(), () => {
      const stalledMs = this.#watch.tick(this.#options.clock.nowMs());
      for (const { link } of this.#peers.values()) link.tick(stalledMs);
      if (!this.#closed) this.#scheduleTick();
    });
  }
}
