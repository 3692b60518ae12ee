/** The calls that are being answered: counted, bounded, and ended when the caller or the server goes. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { assert } from "../std/assert.ts";
import { apiError } from "./errors.ts";
import { IN_FLIGHT_MAX } from "./limits.ts";

/** One for each server. */
export class InFlight {
  readonly #calls = new Map<FastifyRequest, AbortController>();
  readonly #callsMax: number;
  #stopping = false;

  constructor(options: { readonly callsMax?: number } = {}) {
    this.#callsMax = options.callsMax ?? IN_FLIGHT_MAX;
  }

  /**
   * Counts a call until its answer is out or its connection is gone.
   * @throws {JobxError} `API_BUSY` when there are too many, `API_STOPPING`.
   */
  begin(request: FastifyRequest, reply: FastifyReply): void {
    if (this.#stopping) throw stoppingError();
    if (this.#calls.size >= this.#callsMax) {
      throw apiError(
        { code: "API_BUSY", inFlightMax: this.#callsMax },
        "this node answers as many calls as it can",
      );
    }
    const controller = new AbortController();
    this.#calls.set(request, controller);
    const end = (): void => {
      this.#calls.delete(request);
      controller.abort(
        apiError({ code: "API_CALLER_GONE" }, "the caller hung up before the answer was there"),
      );
    };
    reply.raw.once("finish", end);
    reply.raw.once("close", end);
  }

  /** Aborted when nobody waits for the answer any more. */
  signalOf(request: FastifyRequest): AbortSignal {
    const controller = this.#calls.get(request);
    // A caller that has gone is not counted any more; its handler may still be on its way.
    return controller?.signal ?? AbortSignal.abort();
  }

  /** Ends all waits; calls from now on are refused. */
  stop(): void {
    assert(!this.#stopping, "a server stops once");
    this.#stopping = true;
    for (const controller of this.#calls.values()) controller.abort(stoppingError());
  }

  /** Whether connections should end with their answer. */
  get stopping(): boolean {
    return this.#stopping;
  }
}

function stoppingError(): Error {
  return apiError({ code: "API_STOPPING" }, "this node is stopping; ask another one");
}
