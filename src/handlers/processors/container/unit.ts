/** Which of a step's units a call is: the first, which makes the others, or one of these. */
import { fieldsOf, listOf } from "../../../containers/fields.ts";
import { Fault } from "../javascript/javascript-fault.ts";

/** What a unit is told by the call that made it. */
export interface ContainerUnit {
  readonly index: number;
  readonly count: number;
  /** By digest or id: the same for all of the request. */
  readonly image: string;
  /** Of the request, as JSON: for the container's environment. */
  readonly arguments: string;
}

/** A call as it comes. */
export type ContainerCall =
  | { readonly kind: "first"; readonly count: number | undefined; readonly arguments: string }
  | { readonly kind: "unit"; readonly unit: ContainerUnit };

/** The name under which a unit's part is kept in its value. */
const MARK = "jobx.container";

/** Key of an argument that says how many units there are to be. */
const COUNT = "count";

/** Characters of a request's arguments as JSON: each container gets them in its environment. */
const ARGUMENTS_LENGTH_MAX = 32 * 1024;

/** Pairs that are read before it is clear that they are too many. */
const PAIRS_MAX = 1_000;

/**
 * Which call it is says the node (`isUnit`), never the content: anybody can submit a pair that looks like a unit's.
 * @throws {Fault} `HANDLER_ARGUMENT_INVALID`, also for a first call with a pair that looks so.
 */
export async function readCall(
  argument: AsyncIterable<unknown>,
  { isUnit, countMax }: { readonly isUnit: boolean; readonly countMax: number },
): Promise<ContainerCall> {
  const pairs: unknown[] = [];
  for await (const pair of argument) {
    pairs.push(pair);
    if (pairs.length > PAIRS_MAX) throw tooLarge();
  }
  if (isUnit) {
    const unit = pairs.length === 1 ? unitOf(pairs[0]) : undefined;
    if (unit === undefined) throw invalid("a unit of a container has one pair, made by its step");
    return { kind: "unit", unit };
  }
  if (pairs.some(isMarked)) throw invalid(`${MARK} in an argument is what a step's own units have`);
  const text = JSON.stringify(pairs);
  if (text.length > ARGUMENTS_LENGTH_MAX) throw tooLarge();
  return { kind: "first", count: countOf(pairs, countMax), arguments: text };
}

/** The pair that makes a unit. */
export function unitPair(unit: ContainerUnit): unknown {
  return [unit.index, { [MARK]: unit }];
}

function isMarked(pair: unknown): boolean {
  const [, value] = listOf(pair);
  return Object.hasOwn(fieldsOf(value), MARK);
}

function unitOf(pair: unknown): ContainerUnit | undefined {
  const [, value] = listOf(pair);
  const fields = fieldsOf(fieldsOf(value)[MARK]);
  const { index, count, image } = fields;
  const given = fields["arguments"];
  const fits = typeof index === "number" && typeof count === "number" && typeof image === "string";
  return fits && typeof given === "string" ? { index, count, image, arguments: given } : undefined;
}

function countOf(pairs: readonly unknown[], countMax: number): number | undefined {
  for (const pair of pairs) {
    const [key, value] = listOf(pair);
    if (key !== COUNT) continue;
    const count = typeof value === "string" ? Number(value) : value;
    if (typeof count === "number" && Number.isInteger(count) && count >= 1 && count <= countMax) {
      return count;
    }
    throw invalid(`count is a whole number from 1 to ${countMax}`);
  }
  return undefined;
}

function tooLarge(): Fault {
  const most = `${PAIRS_MAX} pairs and ${ARGUMENTS_LENGTH_MAX} characters`;
  return invalid(`the arguments of a container have at most ${most}: put more into the workspace`);
}

function invalid(message: string): Fault {
  return new Fault("HANDLER_ARGUMENT_INVALID", message);
}

/** What handlers are given as their argument. */
export function isIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
