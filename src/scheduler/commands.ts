/**
 * What can be written into a workflow's log. Clients' commands are answered; the scheduler's own
 * transitions carry their precondition and are skipped alone when it does not hold (R12).
 */
import type { Dataset, NodeId } from "./dataset.ts";
import { COMMAND_ORDINALS } from "./keys.ts";
import type { NamedCommand } from "./named/commands.ts";
import type { ObjectInput } from "./objects.ts";
import type { HandlerDefinition, JobDefinition, Retention, StepDefinition } from "./rows.ts";
import type { TreeCommand } from "./tree/commands.ts";
import type { Token } from "./unit.ts";
import type { AttemptRun, Outcome } from "./work.ts";

/** R15: who asked. The same id gets the same answer, however often the command is repeated. */
export type CommandId =
  /** The client's own key, with a hash of what it asked for. */
  | { readonly kind: "key"; readonly key: string; readonly bodyHash: string }
  /** Where the command entered the cluster, that node's run, and a number that rises by one. */
  | {
      readonly kind: "entry";
      readonly node: NodeId;
      readonly boot: number;
      readonly sequence: number;
    }
  /** A transition of the scheduler itself: its precondition makes it harmless to repeat. */
  | { readonly kind: "none" };

/** A step that names its handlers; applying finds them. */
export interface StepInput extends Omit<StepDefinition, "mapper" | "combiner" | "reducer"> {
  readonly map: string;
  readonly combine: string | undefined;
  readonly reduce: string;
}

/** The request that is to be changed; refused when it is not at the revision that is expected, if any. */
export interface RequestChange {
  readonly request: number;
  readonly revision?: number | undefined;
}

export type ClientCommand =
  /** The group's first command: makes the workflow exist. */
  | {
      readonly kind: "create";
      readonly group: number;
      readonly name: string;
      readonly description: string;
      /** 1 to `WEIGHT_MAX`, as in `define`. */
      readonly weight: number;
    }
  /** Keeps a handler's source under its version; harmless to repeat. */
  | { readonly kind: "source"; readonly version: string; readonly source: string }
  /** Replaces all definitions at once or not at all; refused when `revision` is not the present one. */
  | {
      readonly kind: "define";
      readonly revision: number;
      readonly description: string;
      readonly handlers: readonly HandlerDefinition[];
      readonly steps: readonly StepInput[];
      readonly jobs: readonly JobDefinition[];
      readonly retention: Retention | undefined;
      readonly weight: number;
    }
  /** `keep`: a name under which retention does not touch the request. */
  | {
      readonly kind: "submit";
      readonly job: string;
      readonly arguments: Dataset;
      readonly keep: string | undefined;
    }
  /** A request over a list of objects; `arguments` tell where they are. */
  | {
      readonly kind: "submit-objects";
      readonly job: string;
      readonly arguments: Dataset;
      readonly keep: string | undefined;
      readonly objects: ObjectInput;
    }
  | { readonly kind: "retry"; readonly request: number; readonly keep: string | undefined }
  /** Removes an ended request. `expired`: by retention, so not when it is kept. */
  | ({ readonly kind: "remove"; readonly expired: boolean } & RequestChange)
  | ({ readonly kind: "cancel" } & RequestChange)
  | ({ readonly kind: "resume" } & RequestChange)
  /** The group's last command: from here on it acknowledges nothing that a client asks. */
  | { readonly kind: "close" }
  /** Changes nothing: measures what consensus costs. */
  | { readonly kind: "noop"; readonly bytes: Uint8Array };

/** What the leader does about removed requests and forgotten keys. */
export type RetentionCommand =
  | {
      readonly kind: "remove-rows";
      readonly request: number;
      readonly keys: readonly string[];
      /** Nothing else lies under the request. */
      readonly last: boolean;
    }
  /** `keys` are those of expiry rows. */
  | { readonly kind: "forget-keys"; readonly keys: readonly string[] };

/** How an attempt ended. */
export interface AttemptEnd {
  readonly token: Token;
  readonly outcome: Outcome;
  /** Undefined when no worker took it, or its executor cannot tell. */
  readonly run: AttemptRun | undefined;
}

/** Ends in one command: each has an ordinal of the command for what follows from it. */
export const ENDS_MAX = COMMAND_ORDINALS;

export type SchedulerCommand =
  /** Lends the head of a queue row to an executor: of a range the `count` children from `child` on. */
  | {
      readonly kind: "grant";
      readonly queueKey: string;
      readonly child: number;
      readonly count: number;
      readonly node: NodeId;
      readonly executor: string;
    }
  /** Ends of attempts as their executor told them. Each is without effect unless its token is live. */
  | { readonly kind: "ends"; readonly ends: readonly AttemptEnd[] }
  /** Takes a unit back: its executor died (`lost`) or never got it (`released`). */
  | { readonly kind: "take-back"; readonly token: Token; readonly how: "lost" | "released" }
  /** A delayed unit's time has come. */
  | { readonly kind: "due"; readonly delayedKey: string }
  /** Removes a queue row whose request has ended, or parks it while that is paused. */
  | { readonly kind: "set-aside"; readonly key: string }
  /** Brings a parked row back when its request runs again. */
  | { readonly kind: "unpark"; readonly key: string };

export type Command =
  | ClientCommand
  | SchedulerCommand
  | RetentionCommand
  | NamedCommand
  | TreeCommand;

export interface Envelope {
  readonly id: CommandId;
  readonly command: Command;
}

/** One entry of a workflow's log (R13: many commands in one). */
export interface Payload {
  /** R14: wall time as the leader stamped it, for delays and display; never decides who is right. */
  readonly stampMs: number;
  readonly envelopes: readonly Envelope[];
}

/** Commands in one entry; apply keeps a batch's rows in memory. */
export const PAYLOAD_COMMANDS_MAX = 1024;

/** Bytes of one entry (R12). */
export const PAYLOAD_BYTES_MAX = 1024 * 1024;

/** Keys of rows that one command deletes: a few thousand bytes of keys each hundred. */
export const RETENTION_KEYS_MAX = 512;

/**
 * So many answers at least are kept per entry node, for its newest run; a repetition older than that
 * is refused. More than the commands that a node can have under way at one group.
 */
export const ANSWER_WINDOW = 4096;

/**
 * Answers to so many consecutive commands share a row: an entry with many commands writes few rows,
 * and rewriting the row for a single one stays cheap.
 */
export const ANSWER_BLOCK = 64;
