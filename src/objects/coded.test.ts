import { createReadStream } from "node:fs";
import { expect, test } from "vitest";
import { AssertionError } from "../std/assert.ts";
import { JobxError } from "../std/errors.ts";
import { coded, codedError, endOf } from "./coded.ts";

const NEVER = new AbortController().signal;

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: it went wrong`), { code });
}

test("what the system says has a code: no room where it is full, else a failed fetch", () => {
  const codes = ["ENOSPC", "EDQUOT", "EIO", "EMFILE", "ENOENT"].map((code) => [
    code,
    codedError(systemError(code), "o"),
  ]);
  expect(codes).toMatchObject([
    ["ENOSPC", { details: { code: "OBJECT_NO_ROOM", object: "o" } }],
    ["EDQUOT", { details: { code: "OBJECT_NO_ROOM", object: "o" } }],
    ["EIO", { details: { code: "OBJECT_FETCH_FAILED", object: "o" } }],
    ["EMFILE", { details: { code: "OBJECT_FETCH_FAILED", object: "o" } }],
    ["ENOENT", { details: { code: "OBJECT_FETCH_FAILED", object: "o" } }],
  ]);
});

test("what has a code keeps it, and a mistake in the program stays one", () => {
  const errors = [new JobxError({ code: "FS_IO" }, "said"), new AssertionError("wrong")];
  expect(errors.map((error) => codedError(error, "o"))).toEqual(errors);
});

test("after an abort it ends with what the abort was given for", () => {
  const abort = new AbortController();
  const reason = new JobxError({ code: "FS_STOPPED" }, "the unit was given up");
  abort.abort(reason);
  expect(endOf(new Error("aborted"), { object: "o", signal: abort.signal })).toBe(reason);
});

test("records of a file that is gone end with a code", async () => {
  const gone = createReadStream("/nonexistent/object");
  const reading = coded(gone, { object: "o", signal: NEVER }).next();
  await expect(reading).rejects.toMatchObject({ details: { code: "OBJECT_FETCH_FAILED" } });
});
