/** The calls that are being answered: counted, bounded, and ended when the caller or the server goes. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { assert } from "../std/assert.ts";
import { apiError } from "./errors.ts";
import { BODIES_BYTES_MAX, IN_FLIGHT_MAX, WAITS_MAX } from "./limits.ts";

/** How many calls there may be at once. */
export interface InFlightBounds {
  /** Default `IN_FLIGHT_MAX`. */
  readonly callsMax?: number;
  /** Of these, calls that wait or follow. Default `WAITS_MAX`. */
  readonly waitsMax?: number;
  /** Bytes of all bodies. Default `BODIES_BYTES_MAX`; a single larger one is taken nevertheless. */
  readonly bodiesBytesMax?: number;
}

/** A call that is being answered. */
interface Call {
  readonly controller: AbortController;
  waits: boolean;
  bodyBytes: number;
}

/** One for each server. */
export class InFlight {
  readonly #calls = new Map<FastifyRequest, Call>();
  readonly #callsMax: number;
  readonly #waitsMax: number;
  readonly #bodiesBytesMax: number;
  #waits = 0;
  #bodiesBytes = 0;
  #stopping = false;

  constructor(bounds: InFlightBounds = {}) {
    const { callsMax, waitsMax, bodiesBytesMax } = bounds;
    this.#callsMax = callsMax ?? IN_FLIGHT_MAX;
    this.#waitsMax = waitsMax ?? WAITS_MAX;
    this.#bodiesBytesMax = bodiesBytesMax ?? BODIES_BYTES_MAX;
  }

  /**
   * Counts a call until its answer is out or its connection is gone. A probe asks whether the node works,
   * and is answered by a node that is full as well: else it would be taken for broken and restarted.
   * @throws {JobxError} `API_BUSY` when there are too many, `API_STOPPING`.
   */
  begin(request: FastifyRequest, reply: FastifyReply, kind: "call" | "probe" = "call"): void {
    if (this.#stopping) throw stoppingError();
    if (kind === "call" && this.#calls.size >= this.#callsMax) {
      throw apiError(
        { code: "API_BUSY", inFlightMax: this.#callsMax },
        "this node answers as many calls as it can",
      );
    }
    const call = { controller: new AbortController(), waits: false, bodyBytes: 0 };
    this.#calls.set(request, call);
    const end = (): void => {
      if (!this.#calls.delete(request)) return;
      if (call.waits) this.#waits -= 1;
      this.#bodiesBytes -= call.bodyBytes;
      call.controller.abort(
        apiError({ code: "API_CALLER_GONE" }, "the caller hung up before the answer was there"),
      );
    };
    reply.raw.once("finish", end);
    reply.raw.once("close", end);
  }

  /**
   * Counts the body that a call is about to bring, until the call is over or `bodyDone`.
   * @throws {JobxError} `API_BODIES_FULL`.
   */
  takeBody(request: FastifyRequest, bytes: number): void {
    const call = this.#calls.get(request);
    if (call === undefined || bytes === 0) return;
    if (this.#bodiesBytes > 0 && this.#bodiesBytes + bytes > this.#bodiesBytesMax) {
      throw apiError(
        { code: "API_BODIES_FULL", bytesMax: this.#bodiesBytesMax },
        "the calls under way bring as much as this node takes at once",
      );
    }
    call.bodyBytes = bytes;
    this.#bodiesBytes += bytes;
  }

  /** What the call brought has been worked on; it may still wait for something. */
  bodyDone(request: FastifyRequest): void {
    const call = this.#calls.get(request);
    if (call === undefined) return;
    this.#bodiesBytes -= call.bodyBytes;
    call.bodyBytes = 0;
  }

  /**
   * Counts a call, until it is over, among those that wait. To be asked before anything is changed for
   * it. Once is enough; again is harmless.
   * @throws {JobxError} `API_WAITS_FULL`.
   */
  wait(request: FastifyRequest): void {
    const call = this.#calls.get(request);
    if (call === undefined || call.waits) return;
    if (this.#waits >= this.#waitsMax) {
      throw apiError(
        { code: "API_WAITS_FULL", waitsMax: this.#waitsMax },
        "as many calls wait at this node as may; ask without waiting, or ask another node",
      );
    }
    call.waits = true;
    this.#waits += 1;
  }

  /** Aborted when nobody waits for the answer any more. */
  signalOf(request: FastifyRequest): AbortSignal {
    // A caller that has gone is not counted any more; its handler may still be on its way.
    return this.#calls.get(request)?.controller.signal ?? AbortSignal.abort();
  }

  /** Ends all waits; calls from now on are refused. */
  stop(): void {
    assert(!this.#stopping, "a server stops once");
    this.#stopping = true;
    for (const { controller } of this.#calls.values()) controller.abort(stoppingError());
  }

  /** Whether connections should end with their answer. */
  get stopping(): boolean {
    return this.#stopping;
  }
}

function stoppingError(): Error {
  return apiError({ code: "API_STOPPING" }, "this node is stopping; ask another one");
}
