import { expect, test } from "vitest";
import { liveName, outputView, parseLiveName } from "./output-views.ts";

const TEXT = "añ…🙂z";
const BYTES = new TextEncoder().encode(TEXT);
const NOTHING = { from: 0, bytes: new Uint8Array() };
const START = { stdout: 0, stderr: 0 };

test("a name of a running attempt says where it was granted and to whom", () => {
  const token = { index: 12, ordinal: 64 };
  const name = liveName("12D3KooW-node", token);
  expect(parseLiveName(name)).toEqual({ node: "12D3KooW-node", token });
  for (const text of ["", "x", "1-2", "1-2-", "-1-2-n", "1--n", `${"9".repeat(16)}-1-n`]) {
    expect([text, parseLiveName(text)]).toEqual([text, undefined]);
  }
});

test("wherever a running stream is cut, its parts are whole characters and make the text", () => {
  for (let cut = 0; cut <= BYTES.length; cut++) {
    const first = { from: 0, bytes: BYTES.subarray(0, cut) };
    const begun = outputView({ state: "running", stdout: first, stderr: NOTHING }, START).stdout;
    const second = { from: begun.to, bytes: BYTES.subarray(begun.to) };
    const after = { stdout: begun.to, stderr: 0 };
    const rest = outputView({ state: "ended", stdout: second, stderr: NOTHING }, after).stdout;
    expect([begun.text + rest.text, rest.from, rest.to]).toEqual([TEXT, begun.to, BYTES.length]);
    expect(begun.text).not.toContain("\ufffd");
  }
});

test("a part that begins in the middle of a character leaves out the rest of that", () => {
  const stdout = { from: 2, bytes: BYTES.subarray(2) };
  const view = outputView({ state: "running", stdout, stderr: NOTHING }, START);
  expect(view.stdout).toEqual({ from: 3, to: BYTES.length, text: "…🙂z" });
});

test("what never becomes a character is told when the stream has ended", () => {
  const stdout = { from: 0, bytes: new Uint8Array([97, 0xf0, 0x9f]) };
  const running = outputView({ state: "running", stdout, stderr: NOTHING }, START).stdout;
  expect(running).toEqual({ from: 0, to: 1, text: "a" });
  const ended = outputView({ state: "ended", stdout, stderr: NOTHING }, START).stdout;
  expect(ended).toEqual({ from: 0, to: 3, text: "a\ufffd" });
});

test("a mark of byte order is text like any other", () => {
  const stdout = { from: 0, bytes: new TextEncoder().encode("\ufeffa") };
  expect(outputView({ state: "running", stdout, stderr: NOTHING }, START).stdout.text).toBe(
    "\ufeffa",
  );
});

test("a node that does not answer leaves the reader where it is", () => {
  expect(outputView(undefined, { stdout: 5, stderr: 7 })).toEqual({
    state: "unreachable",
    stdout: { from: 5, to: 5, text: "" },
    stderr: { from: 7, to: 7, text: "" },
  });
});
