import { expect, test } from "vitest";
import { KEPT_MAX, KEPT_MS, LiveOutputs, WATCHED_MS } from "./live-output.ts";
import { OUTPUT_TAIL_BYTES, OutputTail } from "./output-tail.ts";

const START = { stdout: 0, stderr: 0 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (part: { readonly bytes: Uint8Array } | undefined): string | undefined =>
  part && new TextDecoder().decode(part.bytes);

test("a tail is read on from any place, also inside of a chunk", () => {
  const tail = new OutputTail();
  for (const chunk of ["abc", "de", "fghi"]) tail.push(bytes(chunk));
  const whole = "abcdefghi";
  for (let place = 0; place <= whole.length; place++) {
    const part = tail.after(place);
    expect([part.from, text(part)]).toEqual([place, whole.slice(place)]);
  }
});

test("a tail begins later where it has dropped what was asked for, and keeps no more than its bound", () => {
  const tail = new OutputTail();
  const chunk = bytes("0123456789");
  const chunks = OUTPUT_TAIL_BYTES / 10 + 100;
  for (let count = 0; count < chunks; count++) tail.push(chunk);
  const part = tail.after(7);
  const total = Math.ceil(chunks) * 10;
  expect([part.from, part.bytes.length]).toEqual([total - OUTPUT_TAIL_BYTES, OUTPUT_TAIL_BYTES]);
  expect(text(part)?.endsWith("23456789")).toBe(true);
  expect(tail.after(total - 3)).toEqual({ from: total - 3, bytes: bytes("789") });
});

test("a place that never was is answered by the end", () => {
  const tail = new OutputTail();
  tail.push(bytes("abc"));
  expect(tail.after(50)).toEqual({ from: 3, bytes: new Uint8Array() });
});

test("what is answered has memory of its own", () => {
  const tail = new OutputTail();
  const chunk = bytes("abc");
  tail.push(chunk);
  const part = tail.after(0);
  part.bytes.fill(0);
  expect(text(tail.after(0))).toBe("abc");
  expect(part.bytes.buffer.byteLength).toBe(3);
});

test("two streams are read on by themselves", () => {
  const outputs = new LiveOutputs();
  const output = outputs.begin("a");
  output.push("stdout", bytes("one\n"));
  output.push("stderr", bytes("bad\n"));
  const first = outputs.read("a", START, 0);
  expect([text(first?.stdout), text(first?.stderr), first?.ended]).toEqual([
    "one\n",
    "bad\n",
    false,
  ]);
  output.push("stdout", bytes("two\n"));
  const next = outputs.read("a", { stdout: 4, stderr: 4 }, 1);
  expect([text(next?.stdout), text(next?.stderr)]).toEqual(["two\n", ""]);
});

test("what nobody has read is gone with the end of its attempt", () => {
  const outputs = new LiveOutputs();
  outputs.begin("a");
  outputs.end("a", 0);
  expect(outputs.read("a", START, 0)).toBeUndefined();
  outputs.begin("b");
  outputs.read("b", START, 0);
  outputs.end("b", WATCHED_MS + 1);
  expect(outputs.read("b", START, WATCHED_MS + 1)).toBeUndefined();
});

test("what somebody reads stays whole for a while after the end", () => {
  const outputs = new LiveOutputs();
  const output = outputs.begin("a");
  outputs.read("a", START, 0);
  output.push("stdout", bytes("last"));
  outputs.end("a", 10);
  const rest = outputs.read("a", START, 10 + KEPT_MS);
  expect([text(rest?.stdout), rest?.ended]).toEqual(["last", true]);
  expect(outputs.read("a", START, 11 + KEPT_MS)).toBeUndefined();
});

test("of very many that somebody reads the first to end goes first", () => {
  const outputs = new LiveOutputs();
  for (let count = 0; count <= KEPT_MAX; count++) {
    outputs.begin(`${count}`);
    outputs.read(`${count}`, START, 0);
    outputs.end(`${count}`, 0);
  }
  expect(outputs.read("0", START, 0)).toBeUndefined();
  expect(outputs.read("1", START, 0)).toMatchObject({ ended: true });
});

test("handlers that begin once more are told as such, if anything was printed before", () => {
  const outputs = new LiveOutputs();
  const output = outputs.begin("a");
  output.again();
  expect(text(outputs.read("a", START, 0)?.stdout)).toBe("");
  output.push("stderr", bytes("x"));
  output.again();
  expect(text(outputs.read("a", START, 0)?.stdout)).toContain("once more");
});
