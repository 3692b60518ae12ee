// One peer: its connections, a control stream each way, and what its owner is told about it.
//
// L1 Up and down follow from our own control streams (hello with boot id), never from libp2p's
//    events alone: a peer that restarts quickly may reconnect without any.
// L2 Both sides may dial at once; both connections are kept, each side writes on the one where its
//    stream opened first, so nothing flaps.
// L3 When one of a peer's connections ends, all are ended and dialled anew. Thus streams of libraries
//    (gossip) never hang on a connection that died unnoticed beside a healthy one.
// L4 A stream may have ended before it is ours: whoever listens for its end looks at its state first.
// L5 A second hello on another connection says that the peer gave the first one up: then L3.
import type { Connection, Stream } from "@libp2p/interface";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { ControlInbox } from "./control-inbox.ts";
import { toError } from "./errors.ts";
import { decodeRemoteError, ERROR_KIND, malformed } from "./fields.ts";
import { FrameReader } from "./frame-reader.ts";
import { CONTROL_KIND, CONTROL_PROTOCOL, encodeHello } from "./hello.ts";
import { HELLO_MS, type MeshLimits } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import type { MeshHandlers, NodeId } from "./ports.ts";
import type { Presence } from "./presence.ts";

const EMPTY = new Uint8Array(0);

/** An error frame with room to spare. */
const REFUSAL_BYTES_MAX = 4_096;

/** How long a peer may take to read why it is refused, ms; it usually closes first. */
const FAREWELL_MS = 500;

/** What a link needs of the mesh. */
export interface LinkContext {
  readonly bootId: string;
  readonly handlers: MeshHandlers;
  readonly limits: MeshLimits;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  /** Streams of both directions are open on a connection to the peer. */
  onReady(node: NodeId, connection: Connection): void;
}

/** The state of our connection to one member. */
export class Link {
  readonly node: NodeId;
  readonly #context: LinkContext;
  readonly #presence: Presence;
  readonly #connections = new Set<Connection>();
  #opening = false;
  #outbox: Outbox | undefined;
  #inbox: ControlInbox | undefined;
  #ready = false;
  #heardMs = 0;
  #saidMs = 0;
  #helloTimer: Timer | undefined;

  constructor(node: NodeId, context: LinkContext, presence: Presence) {
    this.node = node;
    this.#context = context;
    this.#presence = presence;
  }

  /** Any open connection, for streams beside the control stream. */
  get connection(): Connection | undefined {
    return this.#ready ? this.#inbox?.connection : undefined;
  }

  /** Whether any connection is open, ready or not. */
  get connected(): boolean {
    return this.#connections.size > 0;
  }

  /** Writes so far on the present stream. */
  get writes(): number {
    return this.#outbox?.writes ?? 0;
  }

  /** See `Mesh.send`. */
  send(frame: Uint8Array): boolean {
    if (!this.#ready || this.#outbox === undefined) return false;
    this.#saidMs = this.#context.clock.nowMs();
    return this.#outbox.push({ kind: CONTROL_KIND.data, payload: frame });
  }

  /** Sends what waits without waiting for the end of the turn. */
  flush(): void {
    this.#outbox?.flush();
  }

  /** A connection to the peer opened, by either side. */
  opened(connection: Connection): void {
    this.#connections.add(connection);
    this.#helloTimer ??= this.#context.timers.after(HELLO_MS, () => {
      if (!this.#ready) this.reset("no hello in time");
    });
    void this.#openOut(connection);
  }

  /** A connection to the peer closed. */
  closed(connection: Connection): void {
    if (this.#connections.has(connection)) this.reset("a connection closed");
  }

  /** Whether a control or bulk stream on this connection is to be served. */
  owns(connection: Connection): boolean {
    return this.#connections.has(connection);
  }

  /** The peer opened its control stream. */
  accept(stream: Stream, connection: Connection): void {
    const inbox: ControlInbox = new ControlInbox(stream, {
      connection,
      frameBytesMax: this.#context.limits.frameBytesMax,
      onHello: () => this.#hello(inbox),
      onData: (frame) => this.#data(inbox, frame),
      onHeard: () => {
        if (inbox === this.#inbox) this.#heardMs = this.#context.clock.nowMs();
      },
      onEnd: (error) => this.#inboxEnded(inbox, error),
    });
  }

  /**
   * Ends all connections; the presence dials anew if the peer is still a member. Gently when the
   * peer should still read why.
   */
  reset(why: string, manner: "gently" | "at once" = "at once"): void {
    const connections = [...this.#connections];
    this.#connections.clear();
    this.#helloTimer?.cancel();
    this.#helloTimer = undefined;
    this.#outbox?.close();
    this.#outbox = undefined;
    this.#inbox = undefined;
    const wasReady = this.#ready;
    this.#ready = false;
    for (const connection of connections) {
      const abort = (): void => connection.abort(new Error(why));
      if (manner === "gently") this.#context.timers.after(FAREWELL_MS, abort);
      else abort();
    }
    if (connections.length === 0) return;
    this.#context.log.debug("the connections to a peer were reset", { node: this.node, why });
    this.#presence.lost(wasReady);
  }

  /** Keeps the connection talking and judges silence. `stalledMs`: our own loop's fault since the last tick. */
  tick(stalledMs: number): void {
    if (!this.#ready) return;
    const { clock, limits } = this.#context;
    const nowMs = clock.nowMs();
    this.#heardMs = Math.min(nowMs, this.#heardMs + stalledMs);
    if (nowMs - this.#heardMs > limits.silenceMs) {
      this.#presence.silent();
      this.reset("the peer is silent");
      return;
    }
    if (nowMs - this.#saidMs >= limits.silenceMs / 4) {
      this.#saidMs = nowMs;
      this.#outbox?.push({ kind: CONTROL_KIND.keepalive, payload: EMPTY });
    }
  }

  async #openOut(connection: Connection): Promise<void> {
    if (this.#opening || this.#outbox !== undefined) return;
    this.#opening = true;
    try {
      const signal = AbortSignal.timeout(HELLO_MS);
      const stream = await connection.newStream(CONTROL_PROTOCOL, { signal });
      this.#opening = false;
      if (this.#connections.has(connection)) this.#useOut(stream);
      else stream.abort(new Error("the connection was given up"));
    } catch (thrown) {
      this.#opening = false;
      if (this.#connections.has(connection)) {
        this.reset(`the control stream did not open: ${toError(thrown).message}`);
      }
    }
    // A reset while we waited may have been followed by a new connection that found us busy.
    const [next] = this.#connections;
    if (next !== undefined) await this.#openOut(next);
  }

  #useOut(stream: Stream): void {
    // A peer that does not know us as a member yet refuses it, often before anybody hears of its end.
    if (stream.status !== "open") {
      this.reset("our control stream was refused");
      return;
    }
    const outbox = new Outbox(stream, this.#context.limits.queueBytesMax);
    this.#outbox = outbox;
    stream.addEventListener("close", () => {
      if (this.#outbox === outbox) this.reset("our control stream closed");
    });
    outbox.push({ kind: CONTROL_KIND.hello, payload: encodeHello(this.#context.bootId) });
    outbox.flush();
    void this.#hearRefusal(stream);
    this.#saidMs = this.#context.clock.nowMs();
    this.#maybeReady();
  }

  #hello(inbox: ControlInbox): void {
    if (!this.#connections.has(inbox.connection)) return;
    if (this.#inbox !== undefined && this.#inbox.connection !== inbox.connection) {
      this.reset("the peer moved to another connection");
      return;
    }
    this.#inbox = inbox;
    this.#heardMs = this.#context.clock.nowMs();
    this.#maybeReady();
  }

  #maybeReady(): void {
    const bootId = this.#inbox?.bootId;
    if (this.#ready || this.#outbox === undefined || bootId === undefined) return;
    this.#ready = true;
    this.#helloTimer?.cancel();
    this.#helloTimer = undefined;
    this.#presence.found(bootId);
    const { connection } = this;
    if (connection !== undefined) this.#context.onReady(this.node, connection);
  }

  /** @throws {JobxError} of the owner, when it cannot read the frame. */
  #data(inbox: ControlInbox, frame: Uint8Array): void {
    if (inbox === this.#inbox && this.#ready) this.#context.handlers.onFrame(this.node, frame);
  }

  #inboxEnded(inbox: ControlInbox, error: Error | undefined): void {
    if (error instanceof JobxError) {
      this.#context.log.warn("a peer broke the protocol", { node: this.node, code: error.code });
    }
    if (!this.#connections.has(inbox.connection)) return;
    const manner = error === undefined ? "at once" : "gently";
    this.reset("the peer's control stream ended", manner);
  }

  /** The only thing that comes back on our own control stream is why the peer refuses it. */
  async #hearRefusal(stream: Stream): Promise<void> {
    const limits = { payloadBytesMax: REFUSAL_BYTES_MAX, waitingBytesMax: REFUSAL_BYTES_MAX };
    try {
      const frame = await new FrameReader(stream, limits).next();
      if (frame === undefined) return;
      const error = frame.kind === ERROR_KIND ? decodeRemoteError(frame.payload) : malformed();
      const code =
        error.details.code === "MESH_REMOTE_ERROR" ? error.details.remoteCode : error.code;
      this.#context.log.warn("a peer refused what we sent", { node: this.node, code });
    } catch (thrown) {
      this.#context.log.debug("a peer answered nonsense", {
        node: this.node,
        error: toError(thrown),
      });
    }
  }
}
