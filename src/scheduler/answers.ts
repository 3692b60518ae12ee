/** R15: a command that was answered before changes nothing and gets the same answer. */
import { assert, unreachable } from "../std/assert.ts";
import { ANSWER_WINDOW, type CommandId } from "./commands.ts";
import { keys } from "./keys.ts";
import type { Answer, AnswerFloorRow, AnswerRow, KeyedAnswerRow } from "./rows.ts";

/** Rows that remember answers, in the state of any kind of group. */
export type MemoryRow = AnswerRow | AnswerFloorRow | KeyedAnswerRow;

/** As much of a transaction as remembering needs. */
export interface AnswerMemory {
  /** Such a row or undefined. @throws {MissingRows} when it is not in memory. */
  recall(key: string): MemoryRow | undefined;
  remember(key: string, row: MemoryRow): void;
  forget(key: string): void;
}

/** Makes a refusal. */
export function refused(code: string, message: string): Answer {
  return { kind: "refused", code, message };
}

/**
 * Runs `apply` unless the command was answered before, and remembers its answer.
 * @throws {MissingRows} as `apply` and the memory do.
 */
export function answerOnce(
  memory: AnswerMemory,
  command: { readonly id: CommandId; readonly stampMs: number },
  apply: () => Answer,
): Answer {
  const { id } = command;
  switch (id.kind) {
    case "none":
      return apply();
    case "entry":
      return answerEntry(memory, id, apply);
    case "key": {
      const key = keys.keyed(id.key);
      const known = memory.recall(key);
      if (known !== undefined) {
        assert(known.kind === "keyed", "a key of answers holds an answer");
        if (known.bodyHash === id.bodyHash) return known.answer;
        return refused("IDEMPOTENCY_CONFLICT", "the same key was used for something else");
      }
      const answer = apply();
      // A refusal is not kept: after its reason is gone the same key may succeed.
      if (answer.kind !== "refused") {
        const { stampMs } = command;
        memory.remember(key, { kind: "keyed", bodyHash: id.bodyHash, answer, stampMs });
      }
      return answer;
    }
    default:
      return unreachable(id);
  }
}

function answerEntry(
  memory: AnswerMemory,
  id: Extract<CommandId, { kind: "entry" }>,
  apply: () => Answer,
): Answer {
  const key = keys.answer(id.node, id.boot, id.sequence);
  const known = memory.recall(key);
  if (known !== undefined) {
    assert(known.kind === "answer", "a key of answers holds an answer");
    return known.answer;
  }
  const floorKey = keys.answerFloor(id.node, id.boot);
  const floorRow = memory.recall(floorKey);
  const floor = floorRow?.kind === "answer-floor" ? floorRow.sequence : 0;
  if (id.sequence < floor) {
    return refused("COMMAND_TOO_OLD", "the command was answered too long ago to repeat it");
  }
  const answer = apply();
  memory.remember(key, { kind: "answer", answer });
  const dropped = id.sequence - ANSWER_WINDOW;
  if (dropped >= 0) memory.forget(keys.answer(id.node, id.boot, dropped));
  if (dropped >= floor) memory.remember(floorKey, { kind: "answer-floor", sequence: dropped + 1 });
  return answer;
}
