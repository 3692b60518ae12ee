/** What is asked of a group's leader, and the answers that belong to it. */
import type { Call, CallAnswer } from "./ports.ts";
import type { TreeCall } from "./tree-calls.ts";

/** What a workflow's group answers itself. */
export type WorkflowCall =
  | Extract<Call, { kind: "command" | "read" | "wait" | "events" }>
  | TreeCall;

/** The answer of one kind. */
export type AnswerOf<K extends CallAnswer["kind"]> = Extract<CallAnswer, { kind: K }>;

/** Rows of a workflow: single ones, and a stretch of keys in their order. */
export interface RowsWanted {
  readonly keys: readonly string[];
  readonly scan?: {
    readonly gte: string;
    readonly lt: string;
    readonly limit: number;
    readonly reverse?: boolean;
  };
  /** Skips asking a majority: for what follows a read that did. */
  readonly follows?: boolean;
  /** From this node's own replica, whoever leads: the rows may be old. */
  readonly stale?: boolean;
}

/**
 * The answer, which is of this kind: a leader answers each call with its own kind or refuses.
 * @throws {Error} when a node answers something else, which only another version would do.
 */
export function answerAs<K extends CallAnswer["kind"]>(kind: K, answer: CallAnswer): AnswerOf<K> {
  if (isOf(kind, answer)) return answer;
  throw new Error(`a call for ${kind} was answered with ${answer.kind}`);
}

function isOf<K extends CallAnswer["kind"]>(kind: K, answer: CallAnswer): answer is AnswerOf<K> {
  return answer.kind === kind;
}
