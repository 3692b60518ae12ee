/**
 * Applies what the log says, command by command: a pure function of the rows and the entry, so that
 * every replica comes to the same state. R15: a command that was answered before changes nothing and
 * gets the same answer.
 */
import { unreachable } from "../std/assert.ts";
import { applyDue, applyEnd, applyGrant, applySetAside, applyTakeBack } from "./apply-attempt.ts";
import {
  applyCancel,
  applyCreate,
  applyDefine,
  applyResume,
  applySubmit,
  applyUnpark,
  refused,
} from "./apply-client.ts";
import { type Position, rowOf, type WorkflowTransaction } from "./apply-kit.ts";
import { ANSWER_WINDOW, type Command, type Envelope } from "./commands.ts";
import { keys } from "./keys.ts";
import type { Answer } from "./rows.ts";

/**
 * Applies one command and keeps its answer where it may be repeated. Writes nothing unless it returns.
 * @throws {MissingRows} when rows have to be loaded first; drop the transition and try it again.
 */
export function applyEnvelope(tx: WorkflowTransaction, at: Position, envelope: Envelope): Answer {
  const { id, command } = envelope;
  switch (id.kind) {
    case "none":
      return applyCommand(tx, at, command);
    case "entry": {
      const key = keys.answer(id.node, id.boot, id.sequence);
      const known = rowOf(tx, "answer", key);
      if (known !== undefined) return known.answer;
      const floorKey = keys.answerFloor(id.node, id.boot);
      const floor = rowOf(tx, "answer-floor", floorKey)?.sequence ?? 0;
      if (id.sequence < floor) {
        return refused("COMMAND_TOO_OLD", "the command was answered too long ago to repeat it");
      }
      const answer = applyCommand(tx, at, command);
      tx.put(key, { kind: "answer", answer });
      const dropped = id.sequence - ANSWER_WINDOW;
      if (dropped >= 0) tx.delete(keys.answer(id.node, id.boot, dropped));
      if (dropped >= floor) tx.put(floorKey, { kind: "answer-floor", sequence: dropped + 1 });
      return answer;
    }
    case "key": {
      const key = keys.keyed(id.key);
      const known = rowOf(tx, "keyed", key);
      if (known !== undefined) {
        if (known.bodyHash === id.bodyHash) return known.answer;
        return refused("IDEMPOTENCY_CONFLICT", "the same key was used for something else");
      }
      const answer = applyCommand(tx, at, command);
      // A refusal is not kept: after its reason is gone the same key may succeed.
      if (answer.kind !== "refused") {
        tx.put(key, { kind: "keyed", bodyHash: id.bodyHash, answer, stampMs: at.stampMs });
      }
      return answer;
    }
    default:
      return unreachable(id);
  }
}

function applyCommand(tx: WorkflowTransaction, at: Position, command: Command): Answer {
  switch (command.kind) {
    case "create":
      return applyCreate(tx, command);
    case "source":
      tx.put(keys.source(command.version), { kind: "source", source: command.source });
      return DONE;
    case "define":
      return applyDefine(tx, at, command);
    case "submit":
      return applySubmit(tx, at, command);
    case "cancel":
      return applyCancel(tx, at, command.request);
    case "resume":
      return applyResume(tx, command.request);
    case "noop":
      return DONE;
    case "grant":
      applyGrant(tx, at, command);
      return DONE;
    case "end":
      applyEnd(tx, at, command);
      return DONE;
    case "take-back":
      applyTakeBack(tx, at, command);
      return DONE;
    case "due":
      applyDue(tx, at, command.delayedKey);
      return DONE;
    case "set-aside":
      applySetAside(tx, command.key);
      return DONE;
    case "unpark":
      applyUnpark(tx, command.key);
      return DONE;
    default:
      return unreachable(command);
  }
}

const DONE: Answer = { kind: "ok" };
