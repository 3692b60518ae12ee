/** What tells one kind of group from another: what its log says and what that does to its rows. */
import type { Envelope } from "../scheduler/commands.ts";
import type { Effect } from "../scheduler/effects.ts";
import type { Answer, Row } from "../scheduler/rows.ts";
import type { SystemEnvelope } from "../scheduler/system/commands.ts";
import type { SystemEffect } from "../scheduler/system/effect.ts";
import type { SystemRow } from "../scheduler/system/rows.ts";
import type { Transaction } from "../scheduler/transaction.ts";
import type { PayloadPort } from "./ports.ts";

/** One entry's content: commands and the time that the leader stamped them with (R14). */
export interface Batch<E> {
  readonly stampMs: number;
  readonly envelopes: readonly E[];
}

/** Where a command stands in the log. */
export interface LogPosition {
  readonly index: number;
  readonly ordinal: number;
  readonly stampMs: number;
}

/** A deterministic state machine over rows `R`, commands `E`, and effects `F`. */
export interface Machine<R, E, F> {
  readonly payloads: PayloadPort<Batch<E>>;
  /** R10: the lowest cluster version in which the command may be put into the log. Pure. */
  versionNeeded(envelope: E): number;
  /** Pure. @throws {MissingRows} when rows have to be loaded first. */
  apply(tx: Transaction<R, F>, at: LogPosition, envelope: E): Answer;
}

/** What logs say to a program, and what that does: for the groups of workflows, and for the system group. */
export interface Machines {
  readonly workflow: Machine<Row, Envelope, Effect>;
  readonly system: Machine<SystemRow, SystemEnvelope, SystemEffect>;
}

/** What a command came to. */
export interface Applied {
  readonly answer: Answer;
  readonly index: number;
  readonly ordinal: number;
}
