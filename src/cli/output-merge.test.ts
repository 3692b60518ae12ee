import { expect, test } from "vitest";
import { OutputTail } from "../handlers/output-tail.ts";
import { outputView } from "../node/output-views.ts";
import { StreamMerge } from "./output-merge.ts";

const part = (from: number, text: string) => ({ from, to: from + text.length, text });

/** A merge that has been told a text from its beginning. */
function told(...texts: readonly string[]): StreamMerge {
  const merge = new StreamMerge();
  for (const text of texts) merge.live(part(merge.place, text));
  return merge;
}

test("parts follow each other, and a gap is said", () => {
  const merge = new StreamMerge();
  expect(merge.live(part(0, "one\n"))).toEqual({ from: 0, leftOut: 0, text: "one\n" });
  expect(merge.live(part(4, ""))).toEqual({ from: 4, leftOut: 0, text: "" });
  expect(merge.live(part(100, "late\n"))).toEqual({ from: 100, leftOut: 96, text: "late\n" });
  expect(merge.place).toBe(105);
});

test("of what is stored as a whole only the rest is told", () => {
  expect(told("one\n", "two\n").stored("one\ntwo\nthree\n").text).toBe("three\n");
  expect(told("one\n").stored("one\n").text).toBe("");
  expect(new StreamMerge().stored("one\n")).toEqual({ from: 0, leftOut: 0, text: "one\n" });
});

test("of a stored end only the rest is told, and what lies between is said to be left out", () => {
  const head = "[6 bytes before this were not kept]\n";
  expect(told("0123456789").stored(`${head}6789abc`)).toEqual({
    from: 10,
    leftOut: 0,
    text: "abc",
  });
  expect(told("0123").stored(`${head}6789abc`)).toEqual({ from: 6, leftOut: 2, text: "6789abc" });
  expect(told("012345").stored(`${head}6789`)).toEqual({ from: 6, leftOut: 0, text: "6789" });
});

test("a line that a handler prints is not taken for the node's", () => {
  const head = "[9 bytes before this were not kept]\n";
  expect(told(head).stored(`${head}more`).text).toBe("more");
});

test("what cannot be compared is told, with a word that it may be again", () => {
  expect(told("abc").stored("xyz").text).toMatch(/^\[.*perhaps told before\]\nxyz$/u);
  const head = "[2 bytes before this were not kept]\n";
  const gap = new StreamMerge();
  gap.live(part(50, "abc"));
  expect(gap.stored(`${head}xyz`).text).toMatch(/^\[.*perhaps told before\]\n\[2 bytes/u);
});

test("wherever an attempt ends, parts and what is stored make the stream, in whatever characters", () => {
  const stream = "añ…🙂\n".repeat(40);
  const bytes = new TextEncoder().encode(stream);
  for (let read = 0; read <= bytes.length; read++) {
    const tail = new OutputTail();
    tail.push(bytes.subarray(0, read));
    const merge = new StreamMerge();
    const nothing = { from: 0, bytes: new Uint8Array() };
    const answer = { state: "running", stdout: tail.after(0), stderr: nothing } as const;
    const first = merge.live(outputView(answer, { stdout: 0, stderr: 0 }).stdout).text;
    tail.push(bytes.subarray(read));
    // Stored as a whole, and as an end that may begin in the middle of a character.
    for (const kept of [bytes.length, 101, 100, 99, 98]) {
      const rest = merge.stored(tail.text(kept));
      const from = bytes.length - kept;
      if (merge.place === 0) expect(rest.text).toBe(tail.text(kept));
      else if (from <= merge.place) expect([rest.leftOut, first + rest.text]).toEqual([0, stream]);
      else {
        const text = new TextDecoder().decode(bytes.subarray(from));
        expect(rest).toEqual({ from, leftOut: from - merge.place, text });
      }
    }
  }
});
