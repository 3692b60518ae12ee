/**
 * Applies what the log says, command by command: a pure function of the rows and the entry, so that
 * every replica comes to the same state. R15: a command that was answered before changes nothing and
 * gets the same answer.
 */
import { assert, unreachable } from "../std/assert.ts";
import { type AnswerMemory, answerOnce, type MemoryRow, refused } from "./answers.ts";
import { applyDue, applyEnd, applyGrant, applySetAside, applyTakeBack } from "./apply-attempt.ts";
import {
  applyCancel,
  applyCreate,
  applyDefine,
  applyResume,
  applyRetry,
  applySubmit,
  applyUnpark,
} from "./apply-client.ts";
import type { Position, WorkflowTransaction } from "./apply-kit.ts";
import { applyForgetKeys, applyRemove, applyRemoveRows } from "./apply-retention.ts";
import type { Command, Envelope } from "./commands.ts";
import { CLOSED_KEY, COMMAND_ORDINALS, keys } from "./keys.ts";
import { applyNamed } from "./named/apply.ts";
import type { Answer, Row } from "./rows.ts";
import { applyTree } from "./tree/apply.ts";

/**
 * Applies one command and keeps its answer where it may be repeated. Writes nothing unless it returns.
 * @throws {MissingRows} when rows have to be loaded first; drop the transition and try it again.
 */
export function applyEnvelope(tx: WorkflowTransaction, at: Position, envelope: Envelope): Answer {
  const memory: AnswerMemory = {
    recall: (key) => {
      const row = tx.get(key);
      assert(row === undefined || isMemoryRow(row), "a key of answers holds an answer");
      return row;
    },
    remember: (key, row) => {
      tx.put(key, row);
      if (row.kind === "keyed") tx.put(keys.expiry(row.stampMs, key), { kind: "expiry" });
    },
    forget: (key) => tx.delete(key),
    bugs: tx.bugs,
  };
  const { id, command } = envelope;
  // From here on an ordinal is a place among those that the command has for itself.
  const first = { ...at, ordinal: at.ordinal * COMMAND_ORDINALS };
  const applied = { isNew: false };
  const answer = answerOnce(memory, { id, stampMs: at.stampMs }, () => {
    applied.isNew = true;
    return isOpenFor(tx, command) ? applyCommand(tx, first, command) : closed();
  });
  // What nodes say again by themselves is no news to a client.
  if (applied.isNew || id.kind !== "key" || answer.kind !== "request") return answer;
  return { ...answer, repeated: true };
}

function isMemoryRow(row: Row): row is MemoryRow {
  return row.kind === "answer-block" || row.kind === "answer-window" || row.kind === "keyed";
}

/**
 * R9: what was acknowledged before the group closed stays so, and nothing is afterwards. What the
 * scheduler does by itself acknowledges nothing.
 */
function isOpenFor(tx: WorkflowTransaction, { kind }: Command): boolean {
  return OWN_KINDS.has(kind) || tx.get(CLOSED_KEY) === undefined;
}

const OWN_KINDS: ReadonlySet<Command["kind"]> = new Set<Command["kind"]>([
  "close",
  "grant",
  "ends",
  "take-back",
  "due",
  "set-aside",
  "unpark",
  "remove-rows",
  "forget-keys",
  "fs-lapse",
  "fs-expire",
  "fs-sweep",
  "fs-sweep-content",
]);

function closed(): Answer {
  return refused("WORKFLOW_DELETING", "the workflow is being deleted");
}

/** Commands of the tree are told by the beginning of their kind, which no others have. */
function isOfTree(
  command: Command,
): command is Extract<Command, { readonly kind: `fs-${string}` }> {
  return command.kind.startsWith("fs-");
}

function applyCommand(tx: WorkflowTransaction, at: Position, command: Command): Answer {
  if (isOfTree(command)) return applyTree(tx, at, command);
  switch (command.kind) {
    case "create":
      return applyCreate(tx, command);
    case "source":
      tx.put(keys.source(command.version), { kind: "source", source: command.source });
      return DONE;
    case "define":
      return applyDefine(tx, at, command);
    case "submit":
    case "submit-objects":
      return applySubmit(tx, at, command);
    case "retry":
      return applyRetry(tx, at, command);
    case "remove":
      return applyRemove(tx, at, command);
    case "remove-rows":
      applyRemoveRows(tx, command);
      return DONE;
    case "forget-keys":
      applyForgetKeys(tx, command.keys);
      return DONE;
    case "cancel":
      return applyCancel(tx, at, command);
    case "resume":
      return applyResume(tx, at, command);
    case "close":
      tx.put(CLOSED_KEY, { kind: "closed" });
      return DONE;
    case "noop":
      return DONE;
    case "grant":
      applyGrant(tx, at, command);
      return DONE;
    case "ends":
      for (const [place, end] of command.ends.entries()) {
        const isAlone = command.ends.length === 1;
        applyEnd(tx, { ...at, ordinal: at.ordinal + place }, { ...end, isAlone });
      }
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
    case "named-add":
    case "named-grant":
    case "named-end":
    case "named-renew":
    case "named-due":
    case "named-take-back":
    case "named-remove":
      return applyNamed(tx, at, command);
    default:
      return unreachable(command);
  }
}

const DONE: Answer = { kind: "ok" };
