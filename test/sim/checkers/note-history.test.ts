import { expect, test } from "vitest";
import { NoteHistory, type NoteInput, type NoteOutput } from "./note-history.ts";

const FIRST = { revision: 1, note: "" };

/** Operations one after the other; of those without an output nobody knows what became of them. */
function after(
  ...operations: readonly (readonly [NoteInput, NoteOutput | undefined])[]
): () => void {
  const history = new NoteHistory(FIRST);
  for (const [input, output] of operations) history.begin(input).returned(output);
  return () => history.check("w");
}

const write = (note: string, expected = FIRST): NoteInput => ({ kind: "write", expected, note });
const written = (revision: number): NoteOutput => ({ kind: "written", revision });
const CHANGED: NoteOutput = { kind: "changed" };
const saw = (revision: number, note: string): readonly [NoteInput, NoteOutput] => [
  { kind: "read" },
  { kind: "read", noted: { revision, note } },
];

test("of two who replace the same revision one is refused", () => {
  expect(after([write("a"), written(2)], [write("b"), CHANGED], saw(2, "a"))).not.toThrow();
  expect(after([write("a"), written(2)], [write("b"), written(3)])).toThrow("not linearizable");
  expect(after([write("a"), CHANGED], saw(1, ""))).toThrow("not linearizable");
});

test("what was replaced is not seen any more, and revisions rise", () => {
  expect(after([write("a"), written(2)], saw(1, ""))).toThrow("not linearizable");
  expect(after([write("a"), written(1)])).toThrow("not linearizable");
});

test("a write of which nobody heard may be seen later, at a revision that nobody was told", () => {
  const lost = [write("a"), undefined] as const;
  expect(after(lost, saw(1, ""), saw(7, "a"), saw(7, "a"))).not.toThrow();
  expect(after(lost, saw(7, "a"), saw(1, ""))).toThrow("not linearizable");
  expect(after(lost, saw(7, "a"), saw(8, "a"))).toThrow("not linearizable");
  // It had not taken place when another replaced what it would have replaced, and never can.
  expect(after(lost, [write("b"), written(2)], saw(7, "a"))).toThrow("not linearizable");
});

test("a glimpse of a revision alone must fit too", () => {
  const glimpse = (revision: number) => [{ kind: "read" }, { kind: "glimpsed", revision }] as const;
  const lost = [write("a"), undefined] as const;
  expect(after([write("a"), written(2)], glimpse(2))).not.toThrow();
  expect(after([write("a"), written(2)], glimpse(1))).toThrow("not linearizable");
  expect(after(lost, glimpse(1), glimpse(7), saw(7, "a"))).not.toThrow();
  expect(after(lost, glimpse(7), saw(8, "a"))).toThrow("not linearizable");
});

test("a write that was refused, or had no effect, is not seen", () => {
  expect(after([write("a"), written(2)], [write("b"), CHANGED], saw(3, "b"))).toThrow(
    "not linearizable",
  );
  const history = new NoteHistory(FIRST);
  history.begin(write("a")).withdrawn();
  history.begin({ kind: "read" }).returned({ kind: "read", noted: { revision: 2, note: "a" } });
  expect(() => history.check("w")).toThrow("not linearizable");
});

test("who read and was not answered has seen nothing", () => {
  expect(after([{ kind: "read" }, undefined], saw(1, ""))).not.toThrow();
});

test("a write that has not returned may be seen or not, and one without an effect may not", () => {
  const history = new NoteHistory(FIRST);
  const begun = history.begin(write("a"));
  history.begin({ kind: "read" }).returned({ kind: "read", noted: { revision: 7, note: "a" } });
  // One that is read and never answered saw nothing.
  history.begin({ kind: "read" });
  expect(() => history.check("w")).not.toThrow();
  begun.withdrawn();
  expect(() => history.check("w")).toThrow("not linearizable");
});
