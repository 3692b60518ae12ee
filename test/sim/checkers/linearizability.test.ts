import { expect, test } from "vitest";
import { Chance } from "../chance.ts";
import { checkLinearizable, type Model, type Operation } from "./linearizability.ts";

interface State {
  readonly value: number;
}

type Input =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly value: number }
  | { readonly kind: "swap"; readonly expected: number; readonly value: number };

/** What was read; of a swap 1 if it took place. */
type Output = number;

const REGISTER: Model<State, Input, Output> = {
  initial: { value: 0 },
  step: ({ value }, input, output) => {
    switch (input.kind) {
      case "read":
        return output === value ? { value } : undefined;
      case "write":
        return { value: input.value };
      case "swap": {
        const takesPlace = value === input.expected;
        if (output !== undefined && (output === 1) !== takesPlace) return undefined;
        return takesPlace ? { value: input.value } : output === undefined ? undefined : { value };
      }
    }
  },
  keyOf: ({ value }) => `${value}`,
};

const read = (value: number, called: number, returned: number): Operation<Input, Output> => ({
  input: { kind: "read" },
  called,
  end: { returned, output: value },
});

const write = (
  value: number,
  called: number,
  returned: number | undefined,
): Operation<Input, Output> => ({
  input: { kind: "write", value },
  called,
  end: returned === undefined ? undefined : { returned, output: 0 },
});

test("a read that begins after a write has returned sees it", () => {
  expect(checkLinearizable([write(1, 0, 1), read(1, 2, 3)], REGISTER).kind).toBe("linearizable");
  expect(checkLinearizable([write(1, 0, 1), read(0, 2, 3)], REGISTER)).toEqual({
    kind: "impossible",
    stuck: read(0, 2, 3),
  });
});

test("a read beside a write sees either, but what was seen stays", () => {
  const during = write(1, 0, 9);
  expect(checkLinearizable([during, read(0, 1, 2), read(1, 3, 4)], REGISTER).kind).toBe(
    "linearizable",
  );
  expect(checkLinearizable([during, read(1, 1, 2), read(0, 3, 4)], REGISTER).kind).toBe(
    "impossible",
  );
});

test("a write of which nobody heard may take place late, or never, but only once", () => {
  const lost = write(1, 0, undefined);
  const reads = (...values: readonly number[]): readonly Operation<Input, Output>[] =>
    values.map((value, at) => read(value, 10 + 2 * at, 11 + 2 * at));
  expect(checkLinearizable([lost, ...reads(0, 0)], REGISTER).kind).toBe("linearizable");
  expect(checkLinearizable([lost, ...reads(0, 1, 1)], REGISTER).kind).toBe("linearizable");
  const again = [write(2, 20, 21), read(1, 22, 23), write(2, 24, 25), read(1, 26, 27)];
  expect(checkLinearizable([lost, ...again.slice(0, 2)], REGISTER).kind).toBe("linearizable");
  expect(checkLinearizable([lost, ...again], REGISTER).kind).toBe("impossible");
});

test("a thousand operations of a few callers are few steps", () => {
  const shape = { count: 1_000, callers: 5 };
  const some = happened(Chance.of(1, "lost"), { ...shape, lostRatio: 0.02 });
  expect(checkLinearizable(some, REGISTER).kind).toBe("linearizable");
  // What nobody heard of may explain much, and all of it would have to be tried.
  const all = happened(Chance.of(1, "all"), { ...shape, lostRatio: 0 });
  const last = Math.max(...all.map(({ called, end }) => end?.returned ?? called));
  const late = read(-1, last + 1, last + 2);
  expect(checkLinearizable([...all, late], REGISTER)).toEqual({ kind: "impossible", stuck: late });
});

test("says of small histories what trying all orders says", () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const chance = Chance.of(seed, "histories");
  const counts = { linearizable: 0, impossible: 0, undecided: 0 };
  for (let round = 0; round < 4_000; round++) {
    const shape = { count: chance.whole(1, 6), callers: 3, lostRatio: 0.2 };
    const history = spoilt(chance, happened(chance, shape));
    const { kind } = checkLinearizable(history, REGISTER);
    counts[kind] += 1;
    const fits = fitsSomehow(history, { state: REGISTER.initial, left: history });
    expect(kind, `seed ${seed}: ${JSON.stringify(history)}`).toBe(
      fits ? "linearizable" : "impossible",
    );
  }
  // Else the rounds would say little.
  expect(Math.min(counts.linearizable, counts.impossible)).toBeGreaterThan(400);
});

/** Tries every operation that may be the next, and every way on from there. */
function fitsSomehow(
  history: readonly Operation<Input, Output>[],
  now: { readonly state: State; readonly left: readonly Operation<Input, Output>[] },
): boolean {
  const { state, left } = now;
  if (left.every(({ end }) => end === undefined)) return true;
  const firstReturn = Math.min(...left.map(({ end }) => end?.returned ?? Number.POSITIVE_INFINITY));
  return left.some((operation) => {
    if (operation.called > firstReturn) return false;
    const next = REGISTER.step(state, operation.input, operation.end?.output);
    const others = left.filter((one) => one !== operation);
    return next !== undefined && fitsSomehow(history, { state: next, left: others });
  });
}

/** A history of an object that is as it should be: each operation takes place at one moment. */
function happened(
  chance: Chance,
  shape: { readonly count: number; readonly callers: number; readonly lostRatio: number },
): readonly Operation<Input, Output>[] {
  const open: { input: Input; called: number; output: Output | undefined }[] = [];
  const history: Operation<Input, Output>[] = [];
  let state = REGISTER.initial;
  let begun = 0;
  for (let time = 0; begun < shape.count || open.length > 0; time++) {
    if (begun < shape.count && open.length < shape.callers && chance.hits(0.5)) {
      begun += 1;
      open.push({ input: drawInput(chance), called: time, output: undefined });
      continue;
    }
    const one = open.length === 0 ? undefined : chance.pick(open);
    if (one === undefined) continue;
    if (one.output === undefined) {
      const value = state.value;
      const { input } = one;
      one.output =
        input.kind === "read" ? value : input.kind === "swap" && value !== input.expected ? 0 : 1;
      if (input.kind !== "read" && one.output === 1) state = { value: input.value };
      // Some are never heard of, whether they took place or not.
      if (!chance.hits(shape.lostRatio)) continue;
      history.push({ input, called: one.called, end: undefined });
    } else {
      const end = { returned: time, output: one.output };
      history.push({ input: one.input, called: one.called, end });
    }
    open.splice(open.indexOf(one), 1);
  }
  return history;
}

/** Mostly with another output of one operation. */
function spoilt(
  chance: Chance,
  history: readonly Operation<Input, Output>[],
): readonly Operation<Input, Output>[] {
  const victim = chance.pick(history);
  if (victim.end === undefined || chance.hits(0.3)) return history;
  const { returned } = victim.end;
  const output = victim.input.kind === "read" ? chance.whole(0, 3) : 1 - victim.end.output;
  return history.map((one) => (one === victim ? { ...one, end: { returned, output } } : one));
}

function drawInput(chance: Chance): Input {
  const value = chance.whole(1, 3);
  const kind = chance.pick(["read", "write", "swap"] as const);
  if (kind === "read") return { kind };
  return kind === "write" ? { kind, value } : { kind, expected: chance.whole(0, 3), value };
}
