/** R15: a command that was answered before changes nothing and gets the same answer. */
import { assert, unreachable } from "../std/assert.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import { ANSWER_BLOCK, ANSWER_WINDOW, type CommandId } from "./commands.ts";
import { keys } from "./keys.ts";
import type { Answer, AnswerBlockRow, AnswerWindowRow, KeyedAnswerRow } from "./rows.ts";

/** Rows that remember answers, in the state of any kind of group. */
export type MemoryRow = AnswerBlockRow | AnswerWindowRow | KeyedAnswerRow;

type EntryId = Extract<CommandId, { readonly kind: "entry" }>;

/** Blocks behind the newest one whose answers are kept. */
const WINDOW_BLOCKS = ANSWER_WINDOW / ANSWER_BLOCK;

assert(Number.isInteger(WINDOW_BLOCKS), "a window is made of whole blocks");

/** As much of a transaction as remembering needs. */
export interface AnswerMemory {
  /** Such a row or undefined. @throws {MissingRows} when it is not in memory. */
  recall(key: string): MemoryRow | undefined;
  remember(key: string, row: MemoryRow): void;
  forget(key: string): void;
  readonly bugs: PlantedBugs;
}

/** The answer that changes nothing. */
export type Refusal = Extract<Answer, { kind: "refused" }>;

/** Makes a refusal. */
export function refused(code: string, message: string): Refusal {
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

/**
 * The window of a node says which blocks of answers there are, so that only a repetition, or a command
 * that was overtaken, ever reads one that is not hot.
 */
function answerEntry(memory: AnswerMemory, id: EntryId, apply: () => Answer): Answer {
  const window = windowOf(memory, id.node);
  const block = Math.floor(id.sequence / ANSWER_BLOCK);
  const newRun = window === undefined || id.boot > window.boot;
  if (!newRun && (id.boot < window.boot || block < window.firstBlock)) {
    return refused("COMMAND_TOO_OLD", "the command was answered too long ago to repeat it");
  }
  const newBlock = newRun || block > window.lastBlock;
  const key = keys.answerBlock(id.node, id.boot, block);
  const answers = newBlock ? [] : answersOf(memory, key);
  const place = id.sequence % ANSWER_BLOCK;
  const known = answers[place];
  if (known !== undefined && memory.bugs.applyAgain !== true) return known;
  const answer = apply();
  if (newBlock) moveWindow(memory, { ...id, block }, window);
  memory.remember(key, { kind: "answer-block", answers: withAnswer(answers, place, answer) });
  return answer;
}

/** Makes `block` the newest of the window, and forgets what is too old for it. */
function moveWindow(
  memory: AnswerMemory,
  to: { readonly node: string; readonly boot: number; readonly block: number },
  before: AnswerWindowRow | undefined,
): void {
  const { node, boot, block } = to;
  const firstBlock = Math.max(0, block - WINDOW_BLOCKS);
  if (before !== undefined) {
    // Of an earlier run nobody repeats anything: whoever would is gone.
    const keptFrom = before.boot === boot ? firstBlock : before.lastBlock + 1;
    const end = Math.min(keptFrom, before.lastBlock + 1);
    for (let old = before.firstBlock; old < end; old++)
      memory.forget(keys.answerBlock(node, before.boot, old));
  }
  const row = { kind: "answer-window", boot, firstBlock, lastBlock: block } as const;
  memory.remember(keys.answerWindow(node), row);
}

function windowOf(memory: AnswerMemory, node: string): AnswerWindowRow | undefined {
  const row = memory.recall(keys.answerWindow(node));
  if (row === undefined) return undefined;
  assert(row.kind === "answer-window", "a key of windows holds a window");
  return row;
}

function answersOf(memory: AnswerMemory, key: string): AnswerBlockRow["answers"] {
  const row = memory.recall(key);
  if (row === undefined) return [];
  assert(row.kind === "answer-block", "a key of answers holds answers");
  return row.answers;
}

function withAnswer(
  answers: AnswerBlockRow["answers"],
  place: number,
  answer: Answer,
): AnswerBlockRow["answers"] {
  const next = [...answers];
  // No holes: an array of a row is written and read item by item.
  while (next.length < place) next.push(undefined);
  next[place] = answer;
  return next;
}
