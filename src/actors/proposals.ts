/**
 * Commands on their way through a group's log: gathered into entries while the loop turns (R13), and
 * answered when those are applied.
 */

import { PAYLOAD_BYTES_MAX, PAYLOAD_COMMANDS_MAX } from "../scheduler/commands.ts";
import type { Answer } from "../scheduler/rows.ts";
import { assert } from "../std/assert.ts";
import { ActorError } from "./errors.ts";
import type { Applied, Batch } from "./machine.ts";
import type { PayloadPort } from "./ports.ts";

/** Commands that may wait to be put into an entry; more are refused (R21). */
export const PROPOSALS_WAITING_MAX = 20_000;

interface Waiter<E> {
  readonly envelope: E;
  readonly resolve: (applied: Applied) => void;
  readonly reject: (error: Error) => void;
}

interface InFlight<E> {
  readonly term: number;
  readonly batch: Batch<E>;
  readonly waiters: readonly Waiter<E>[];
}

/** An entry's bytes and the commands in it. */
export interface Packed<E> {
  readonly bytes: Uint8Array;
  readonly batch: Batch<E>;
  readonly waiters: readonly Waiter<E>[];
}

/** The proposals of one replica. */
export class Proposals<E> {
  readonly #payloads: PayloadPort<Batch<E>>;
  #waiting: Waiter<E>[] = [];
  readonly #inFlight = new Map<number, InFlight<E>>();
  #appliedTerm = 0;

  constructor(payloads: PayloadPort<Batch<E>>) {
    this.#payloads = payloads;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Resolves when the command is applied. @throws {ActorError} `COMMAND_QUEUE_FULL`, or as it is refused later. */
  add(envelope: E): Promise<Applied> {
    if (this.#waiting.length >= PROPOSALS_WAITING_MAX) {
      return Promise.reject(
        new ActorError({ code: "COMMAND_QUEUE_FULL" }, "too many commands wait for this workflow"),
      );
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ envelope, resolve, reject });
    });
  }

  /** Puts what waits into entries of bounded size. A command that fits in none is refused. */
  pack(stampMs: number): readonly Packed<E>[] {
    const packed: Packed<E>[] = [];
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let from = 0; from < waiting.length; from += PAYLOAD_COMMANDS_MAX) {
      this.#packSome(waiting.slice(from, from + PAYLOAD_COMMANDS_MAX), stampMs, packed);
    }
    return packed;
  }

  #packSome(waiters: readonly Waiter<E>[], stampMs: number, packed: Packed<E>[]): void {
    const batch = { stampMs, envelopes: waiters.map((waiter) => waiter.envelope) };
    const bytes = this.#encode(batch);
    if (bytes !== undefined && bytes.length <= PAYLOAD_BYTES_MAX) {
      packed.push({ bytes, batch, waiters });
      return;
    }
    if (waiters.length === 1) {
      const details = {
        code: "COMMAND_TOO_LARGE",
        bytes: bytes?.length ?? 0,
        limitBytes: PAYLOAD_BYTES_MAX,
      } as const;
      waiters[0]?.reject(new ActorError(details, "the command is larger than a log entry may be"));
      return;
    }
    const half = waiters.length >>> 1;
    this.#packSome(waiters.slice(0, half), stampMs, packed);
    this.#packSome(waiters.slice(half), stampMs, packed);
  }

  /**
   * Undefined when some part is out of its format's bounds. Nothing is shared yet, so only the command
   * suffers: it would stop this replica, and each next leader that it is repeated at.
   */
  #encode(batch: Batch<E>): Uint8Array | undefined {
    try {
      return this.#payloads.encode(batch);
    } catch {
      return undefined;
    }
  }

  /** The entry stands in this leader's log. */
  accepted(packed: Packed<E>, at: { readonly index: number; readonly term: number }): void {
    const { batch, waiters } = packed;
    this.#inFlight.set(at.index, { term: at.term, batch, waiters });
  }

  /** The entry did not get into the log. */
  refused(packed: Packed<E>, error: ActorError): void {
    for (const waiter of packed.waiters) waiter.reject(error);
  }

  /** What this replica proposed at that place, so that it need not be decoded again. */
  batchAt(index: number, term: number): Batch<E> | undefined {
    const flight = this.#inFlight.get(index);
    return flight?.term === term ? flight.batch : undefined;
  }

  /** The entry at `index` was applied; `answers` are those of its commands. */
  applied(index: number, term: number, answers: readonly Answer[]): void {
    if (term > this.#appliedTerm) {
      this.#appliedTerm = term;
      this.#displaced(index, term);
    }
    const flight = this.#inFlight.get(index);
    if (flight === undefined) return;
    this.#inFlight.delete(index);
    if (flight.term !== term) {
      reject(flight, displacedError());
      return;
    }
    flight.waiters.forEach((waiter, ordinal) => {
      const answer = answers[ordinal];
      assert(answer !== undefined, "every command of an entry is answered");
      waiter.resolve({ answer, index, ordinal });
    });
  }

  /**
   * Terms never fall along a log: from `index` on nothing of an earlier term is in a majority's log, or
   * ever will be. The other way round only one place is known: the leader of a later term may commit at
   * `index` what an earlier leader left there, in place of what was proposed here between them (figure 8
   * of the Raft paper); what follows it falls to that leader's own first entry.
   */
  #displaced(index: number, term: number): void {
    const error = displacedError();
    for (const [at, flight] of this.#inFlight) {
      if (at < index || flight.term >= term) continue;
      this.#inFlight.delete(at);
      reject(flight, error);
    }
  }

  /** A snapshot took the place of what was to be applied up to `index`: nobody will learn what it said. */
  skipped(index: number): void {
    const error = new ActorError(
      { code: "COMMAND_OUTCOME_UNKNOWN" },
      "the replica got a snapshot before the command was applied",
    );
    for (const [at, flight] of this.#inFlight) {
      if (at > index) continue;
      this.#inFlight.delete(at);
      reject(flight, error);
    }
  }

  /** The replica stops: nobody will learn what became of the commands here. */
  close(): void {
    const unknown = new ActorError(
      { code: "COMMAND_OUTCOME_UNKNOWN" },
      "the replica stopped before the command was applied",
    );
    for (const flight of this.#inFlight.values()) reject(flight, unknown);
    this.#inFlight.clear();
    const error = notAccepted("the replica has stopped", undefined);
    for (const waiter of this.#waiting) waiter.reject(error);
    this.#waiting = [];
  }
}

function reject<E>(flight: InFlight<E>, error: ActorError): void {
  for (const waiter of flight.waiters) waiter.reject(error);
}

function displacedError(): ActorError {
  return notAccepted("another leader's command took its place", undefined);
}

/** The command certainly had no effect. */
export function notAccepted(why: string, leader: string | undefined): ActorError {
  return new ActorError({ code: "COMMAND_NOT_ACCEPTED", leader }, why);
}
