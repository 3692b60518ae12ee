/**
 * What users saw of a workflow's definitions, which they read and replace with the revision that they
 * read: one object with compare-and-swap. In the end there must be an order in which all that was
 * answered is what one copy would have answered.
 */
import { promise } from "../world.ts";
import { checkLinearizable, type Model, type Operation } from "./linearizability.ts";

/** The definitions at one revision, by the note in them; no two writes have the same note. */
export interface Noted {
  readonly revision: number;
  readonly note: string;
}

export type NoteInput =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly expected: Noted; readonly note: string };

export type NoteOutput =
  | { readonly kind: "read"; readonly noted: Noted }
  /** Only the revision was looked at. */
  | { readonly kind: "glimpsed"; readonly revision: number }
  | { readonly kind: "written"; readonly revision: number }
  /** Somebody else has changed the definitions since. */
  | { readonly kind: "changed" };

interface State extends Noted {
  /** Nobody was told the revision: it is some higher one. */
  readonly isHigher: boolean;
}

/** One workflow's definitions, from `initial` on. */
export function noteModel(initial: Noted): Model<State, NoteInput, NoteOutput> {
  return {
    initial: { ...initial, isHigher: false },
    step: (state, input, output) =>
      input.kind === "read" ? stepRead(state, output) : stepWrite(state, input, output),
    keyOf: ({ revision, note, isHigher }) => `${revision} ${isHigher} ${note}`,
  };
}

function isState(state: State, { revision, note }: Noted): boolean {
  return state.note === note && mayHave(state, revision);
}

function mayHave(state: State, revision: number): boolean {
  return state.isHigher ? revision > state.revision : revision === state.revision;
}

function stepRead(state: State, output: NoteOutput | undefined): State | undefined {
  if (output?.kind === "glimpsed" && mayHave(state, output.revision))
    return { ...state, revision: output.revision, isHigher: false };
  if (output?.kind !== "read" || !isState(state, output.noted)) return undefined;
  return { ...output.noted, isHigher: false };
}

function stepWrite(
  state: State,
  { expected, note }: Extract<NoteInput, { kind: "write" }>,
  output: NoteOutput | undefined,
): State | undefined {
  const takesPlace = isState(state, expected);
  if (output?.kind === "changed") return takesPlace ? undefined : state;
  if (!takesPlace) return undefined;
  if (output === undefined) return { revision: expected.revision, note, isHigher: true };
  // R22: revisions only rise.
  if (output.kind !== "written" || output.revision <= expected.revision) return undefined;
  return { revision: output.revision, note, isHigher: false };
}

/** A call that has not returned. */
export interface Begun {
  /** `undefined`: the user will never know what became of it. */
  returned(output: NoteOutput | undefined): void;
  /** It is certain that it had no effect. */
  withdrawn(): void;
}

/** Collects what the users of one workflow do. */
export class NoteHistory {
  readonly #initial: Noted;
  readonly #operations: Operation<NoteInput, NoteOutput>[] = [];
  /** Calls that have not returned: a write among them may have happened, or may not. */
  readonly #open = new Set<Operation<NoteInput, NoteOutput>>();
  #time = 0;

  constructor(initial: Noted) {
    this.#initial = initial;
  }

  begin(input: NoteInput): Begun {
    const called = this.#now();
    const open = { input, called, end: undefined };
    this.#open.add(open);
    return {
      returned: (output) => {
        this.#open.delete(open);
        // Who has read and was not told saw nothing.
        if (output === undefined && input.kind === "read") return;
        const end = output === undefined ? undefined : { returned: this.#now(), output };
        this.#operations.push({ input, called, end });
      },
      withdrawn: () => void this.#open.delete(open),
    };
  }

  /** @throws {Violation} when no order explains what was seen. */
  check(name: string): void {
    const writes = [...this.#open].filter(({ input }) => input.kind === "write");
    const verdict = checkLinearizable([...this.#operations, ...writes], noteModel(this.#initial));
    promise(verdict.kind !== "undecided", `the order of reads and writes of ${name} was not found`);
    promise(
      verdict.kind === "linearizable",
      () =>
        `reads and writes of the definitions of ${name} are not linearizable: ${JSON.stringify(verdict)}`,
    );
  }

  #now(): number {
    this.#time += 1;
    return this.#time;
  }
}
