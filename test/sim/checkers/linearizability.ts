/**
 * Whether operations on one object could have happened one after the other, each at one moment between
 * its call and its return (Herlihy and Wing). The search is that of Wing and Gong: take any operation
 * that was called before the first return, see whether the model allows it, go on, and step back where
 * nothing fits; with Lowe's memory of what was tried: the same operations that led to the same state need
 * not be tried in another order. Objects are independent of each other, so each has a history of its own.
 */
import { assert } from "../../../src/std/assert.ts";

export interface Operation<Input, Output> {
  readonly input: Input;
  /** A place on one line of time; no two calls or returns have the same. */
  readonly called: number;
  /** Undefined where nobody knows what became of it: it happens at some time after its call, or never. */
  readonly end: { readonly returned: number; readonly output: Output } | undefined;
}

/** What the object would do if there were only one copy of it and one caller at a time. */
export interface Model<State extends object, Input, Output> {
  readonly initial: State;
  /**
   * The state after the operation; undefined where it cannot have had that output. Of an operation
   * without an output, undefined says that it changes nothing here.
   */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  /** Equal for equal states only. */
  keyOf(state: State): string;
}

export type Verdict<Input, Output> =
  | { readonly kind: "linearizable" }
  /** `stuck`: what had to have happened by its return, and could not, where the search came furthest. */
  | { readonly kind: "impossible"; readonly stuck: Operation<Input, Output> }
  /** The search took more steps than it was given. */
  | { readonly kind: "undecided" };

/** Steps of one search; thousands of operations of a few callers need far fewer. */
const STEPS_MAX = 2_000_000;

/** A call or a return. */
interface Event<Input, Output> {
  readonly operation: Operation<Input, Output>;
  /** The operation's place in the history. */
  readonly number: number;
  /** The place of the return in the line; 0 of a call that never returned. Undefined for a return. */
  readonly returnAt: number | undefined;
}

/** Searches for an order. Operations whose outcome nobody knows may be left out of it. */
export function checkLinearizable<State extends object, Input, Output>(
  history: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
): Verdict<Input, Output> {
  const line = new Line(history);
  const tried = new Set<string>();
  const taken: { readonly at: number; readonly state: State }[] = [];
  let missing = history.filter(({ end }) => end !== undefined).length;
  let state = model.initial;
  let done = 0n;
  let at = line.after(0);
  let furthest: { readonly depth: number; readonly at: number } = { depth: -1, at: 0 };
  for (let steps = 0; missing > 0; steps++) {
    if (steps >= STEPS_MAX) return { kind: "undecided" };
    const event = line.event(at);
    if (event?.returnAt !== undefined) {
      const { operation, number } = event;
      const next = model.step(state, operation.input, operation.end?.output);
      const now = done | (1n << BigInt(number));
      if (next === undefined || !isNew(tried, `${now.toString(36)} ${model.keyOf(next)}`)) {
        at = line.after(at);
        continue;
      }
      taken.push({ at, state });
      state = next;
      done = now;
      if (operation.end !== undefined) missing -= 1;
      line.take(at);
      at = line.after(0);
      continue;
    }
    // A return whose call could not be taken, or the end: something that was taken before has to go.
    if (event !== undefined && taken.length > furthest.depth)
      furthest = { depth: taken.length, at };
    const last = taken.pop();
    if (last === undefined) {
      const stuck = line.event(furthest.at)?.operation;
      assert(stuck !== undefined, "a search that fails has met a return");
      return { kind: "impossible", stuck };
    }
    const back = line.event(last.at);
    assert(back !== undefined, "what was taken is in the line");
    state = last.state;
    done ^= 1n << BigInt(back.number);
    if (back.operation.end !== undefined) missing += 1;
    line.putBack(last.at);
    at = line.after(last.at);
  }
  return { kind: "linearizable" };
}

function isNew(tried: Set<string>, text: string): boolean {
  const { size } = tried;
  return tried.add(text).size > size;
}

/** Calls and returns in the order of time, from which pairs are taken and put back; 0 is before the first. */
class Line<Input, Output> {
  readonly #events: readonly (Event<Input, Output> | undefined)[];
  readonly #after: number[];
  readonly #before: number[];

  constructor(history: readonly Operation<Input, Output>[]) {
    const times = history.flatMap((operation, number) => {
      const { called, end } = operation;
      assert(end === undefined || called < end.returned, "a return comes after its call");
      const call = { time: called, operation, number, isCall: true };
      return end === undefined ? [call] : [call, { ...call, time: end.returned, isCall: false }];
    });
    times.sort((left, right) => left.time - right.time);
    const returns = new Map<number, number>();
    times.forEach(({ number, isCall }, place) => {
      if (!isCall) returns.set(number, place + 1);
    });
    this.#events = [
      undefined,
      ...times.map(({ operation, number, isCall }) => ({
        operation,
        number,
        returnAt: isCall ? (returns.get(number) ?? 0) : undefined,
      })),
    ];
    const count = this.#events.length;
    this.#after = Array.from({ length: count }, (_, place) => (place + 1) % count);
    this.#before = Array.from({ length: count }, (_, place) => (place + count - 1) % count);
  }

  /** Undefined at 0, which follows the last. */
  event(at: number): Event<Input, Output> | undefined {
    return this.#events[at];
  }

  after(at: number): number {
    return this.#after[at] ?? 0;
  }

  /** Takes a call and its return out. */
  take(call: number): void {
    this.#unlink(call);
    const returnAt = this.#events[call]?.returnAt ?? 0;
    if (returnAt > 0) this.#unlink(returnAt);
  }

  /** Puts back what was taken last and is not back. */
  putBack(call: number): void {
    const returnAt = this.#events[call]?.returnAt ?? 0;
    if (returnAt > 0) this.#link(returnAt);
    this.#link(call);
  }

  #unlink(at: number): void {
    const before = this.#before[at] ?? 0;
    const after = this.after(at);
    this.#after[before] = after;
    this.#before[after] = before;
  }

  #link(at: number): void {
    this.#after[this.#before[at] ?? 0] = at;
    this.#before[this.after(at)] = at;
  }
}
