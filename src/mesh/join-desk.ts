// Where strangers are let in: only to prove a ticket, a few at once, for a few seconds.
import type { Connection, Stream } from "@libp2p/interface";
import type { Clock, Timer, Timers } from "../std/clock.ts";
import { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { LogOnce } from "../std/log-once.ts";
import { codeOf, meshError, reportable, toError } from "./errors.ts";
import { refuse, tryWrite } from "./frame-writer.ts";
import { hearNewcomer, JOIN_KIND, type JoinParties } from "./join-protocol.ts";
import type { MeshLimits } from "./limits.ts";
import type { Admission, NodeId } from "./ports.ts";

/** Length of the window that `joinsPerMinuteMax` counts in, ms. */
const MINUTE_MS = 60_000;

/**
 * How long a newcomer may take to read our last words, ms. The library's own graceful close loses
 * what the encryption has not sent yet.
 */
const FAREWELL_MS = 500;

/** What the desk needs. */
export interface JoinDeskOptions {
  readonly self: NodeId;
  readonly admission: Admission | undefined;
  readonly limits: MeshLimits;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

/** The strangers that are connected now, and what they may do. */
export class JoinDesk {
  readonly #options: JoinDeskOptions;
  readonly #visitors = new Map<Connection, { timer: Timer; served: boolean }>();
  readonly #logged = new LogOnce();
  #minuteStartMs: number;
  #inMinute = 0;

  constructor(options: JoinDeskOptions) {
    this.#options = options;
    this.#minuteStartMs = options.clock.nowMs();
  }

  /** Strangers connected now. */
  get visitors(): number {
    return this.#visitors.size;
  }

  /** Whether one more stranger may connect now; asked before it may open anything. */
  hasRoom(): boolean {
    const { limits, clock, admission } = this.#options;
    if (clock.nowMs() - this.#minuteStartMs >= MINUTE_MS) {
      this.#minuteStartMs = clock.nowMs();
      this.#inMinute = 0;
    }
    return (
      admission !== undefined &&
      this.#visitors.size < limits.joinsAtOnceMax &&
      this.#inMinute < limits.joinsPerMinuteMax
    );
  }

  /** A stranger's connection is open: it has `joinMs` from now. */
  entered(connection: Connection): void {
    // Several may have passed `hasRoom` before the first of them came here.
    if (!this.hasRoom()) {
      connection.abort(new Error("too many newcomers"));
      return;
    }
    this.#inMinute += 1;
    const timer = this.#options.timers.after(this.#options.limits.joinMs, () => {
      this.#dismiss(connection, "a newcomer took too long");
    });
    this.#visitors.set(connection, { timer, served: false });
  }

  /** The connection is gone. */
  left(connection: Connection): void {
    this.#visitors.get(connection)?.timer.cancel();
    this.#visitors.delete(connection);
  }

  /** Serves the one join stream of a stranger's connection, then closes the connection. */
  async serve(stream: Stream, connection: Connection): Promise<void> {
    const visitor = this.#visitors.get(connection);
    const { admission } = this.#options;
    if (visitor === undefined || visitor.served || admission === undefined) {
      stream.abort(new Error("a connection may join once, and only a stranger's"));
      return;
    }
    visitor.served = true;
    const parties = { joiner: connection.remotePeer.toString(), member: this.#options.self };
    try {
      const proven = await hearNewcomer(stream, parties, admission);
      this.#setTimer(connection, this.#options.limits.admitMs, () => {
        this.#dismiss(connection, "admission took too long");
      });
      const newcomer = { node: parties.joiner, ticketId: proven.ticketId };
      tryWrite(stream, JOIN_KIND.answer, await admission.admit(newcomer, proven.request));
    } catch (thrown) {
      this.#reject(stream, parties, thrown);
    }
    this.#farewell(connection);
  }

  #setTimer(connection: Connection, ms: number, run: () => void): void {
    const visitor = this.#visitors.get(connection);
    if (visitor === undefined) return;
    visitor.timer.cancel();
    visitor.timer = this.#options.timers.after(ms, run);
  }

  #reject(stream: Stream, parties: JoinParties, thrown: unknown): void {
    const { log, clock } = this.#options;
    if (stream.status === "open" && this.#logged.due(parties.joiner, clock.nowMs())) {
      const code = codeOf(thrown);
      const error = code === undefined ? toError(thrown) : undefined;
      log.warn("a newcomer was turned away", { node: parties.joiner, code, error });
    }
    const told =
      thrown instanceof JobxError
        ? thrown
        : meshError({ code: "MESH_JOIN_REFUSED" }, "this node cannot admit anybody now");
    refuse(stream, reportable(told));
  }

  /** Leaves the newcomer time to read our last words; it usually closes first. */
  #farewell(connection: Connection): void {
    this.#setTimer(connection, FAREWELL_MS, () => connection.abort(new Error("joining is over")));
  }

  #dismiss(connection: Connection, why: string): void {
    const node = connection.remotePeer.toString();
    if (this.#logged.due(node, this.#options.clock.nowMs())) this.#options.log.warn(why, { node });
    connection.abort(new Error(why));
  }
}
