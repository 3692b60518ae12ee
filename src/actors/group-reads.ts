/** Reads of a group's rows where it is led. */
import type { Answer, Row } from "../scheduler/rows.ts";
import type { AnswerOf } from "./answers.ts";
import type { Call, CallAnswer, StatePort } from "./ports.ts";
import type { Replica } from "./replica.ts";

/** Serves a read from the rows here, after a majority has confirmed the leader if it is to be new. */
export async function readRows<E, F>(
  replica: Replica<Row, E, F>,
  call: Extract<Call, { kind: "read" }>,
): Promise<CallAnswer> {
  if (replica.leadingTerm === undefined) {
    return { kind: "not-scheduler", leader: replica.leaderNode };
  }
  if (call.linear) await replica.linearize();
  return readHere(replica, call);
}

/** Rows as they are here, also where another node leads or nobody does (R15). */
export async function readHere<E, F>(
  replica: Replica<Row, E, F>,
  call: Pick<Extract<Call, { kind: "read" }>, "keys" | "scan">,
): Promise<AnswerOf<"rows">> {
  const values = await replica.state.read(call.keys);
  const scanned =
    call.scan === undefined ? { rows: [], more: false } : await replica.state.scan(call.scan);
  return {
    kind: "rows",
    values,
    scanned: scanned.rows.map(([key, row]) => ({ key, row })),
    more: scanned.more,
    term: replica.core.term,
    appliedIndex: replica.appliedIndex,
  };
}

/** The answer of a command that was applied here, with rows as they are since. */
export async function tell(
  state: Pick<StatePort<Row>, "read">,
  answer: Answer,
  keys: readonly string[],
): Promise<AnswerOf<"told">> {
  return { kind: "told", answer, rows: answer.kind === "refused" ? [] : await state.read(keys) };
}
