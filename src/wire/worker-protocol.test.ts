import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  encodeFrame,
  encodeMessage,
  FRAME_BYTES_MAX,
  FrameReader,
  parseBody,
} from "./worker-protocol.ts";
import { WorkerProtocolError } from "./worker-protocol-errors.ts";
import { parseFromWorker, parseToWorker } from "./worker-protocol-parse.ts";

/** Bodies that a reader gives for bytes in pieces, as text; the code of the error that ends them. */
function readAll(pieces: readonly Uint8Array[]): string[] {
  const reader = new FrameReader();
  const got: string[] = [];
  try {
    for (const piece of pieces) {
      reader.push(piece);
      for (let body = reader.next(); body !== undefined; body = reader.next()) {
        got.push(Buffer.from(body).toString());
      }
    }
  } catch (thrown) {
    got.push(thrown instanceof WorkerProtocolError ? thrown.code : String(thrown));
  }
  return got;
}

function cut(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return [...pieces, bytes.subarray(at)];
}

describe("FrameReader", () => {
  test("gives the same frames however the bytes are cut", () => {
    const json = fc.oneof(fc.array(fc.string()), fc.record({ kind: fc.string() }));
    fc.assert(
      fc.property(
        fc.array(json),
        fc.array(fc.nat({ max: 40 }), { maxLength: 30 }),
        (values, sizes) => {
          const texts = values.map((value) => JSON.stringify(value));
          const bytes = Buffer.concat(texts.map(encodeFrame));
          expect(readAll(cut(bytes, sizes))).toEqual(texts);
        },
      ),
    );
  });

  test("any bytes give frames or a coded error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        for (const got of readAll([bytes])) {
          if (got.startsWith("{") || got.startsWith("[")) continue;
          expect(got).toMatch(/^WORKER_FRAME_/);
        }
      }),
    );
  });

  test("text where a frame should be is noticed at once, not after its supposed length", () => {
    expect(readAll([Buffer.from("hello")])).toEqual(["WORKER_FRAME_MALFORMED"]);
    expect(readAll([Buffer.from([0, 0, 1, 0, 0x41])])).toEqual(["WORKER_FRAME_MALFORMED"]);
  });

  test("a frame beyond the bound is refused by both sides", () => {
    const header = Buffer.alloc(5, "[");
    header.writeUInt32BE(FRAME_BYTES_MAX + 1, 0);
    expect(readAll([header])).toEqual(["WORKER_FRAME_TOO_LARGE"]);
    expect(() => encodeFrame(" ".repeat(FRAME_BYTES_MAX + 1))).toThrow(WorkerProtocolError);
  });
});

describe("messages", () => {
  const parse = (value: unknown) => {
    const body = parseBody(encodeFrame(JSON.stringify(value)).subarray(4));
    return body.kind === "control" ? body.fields : {};
  };

  test("a start comes back as it was sent", () => {
    const start = {
      kind: "start",
      call: 7,
      handler: { name: "a.map", version: "00ff", type: "mapper", argumentType: null },
      source: null,
      directory: null,
      logs: "told",
      session: [["k", { v: 1 }]],
      names: { request: "r", invocation: "i", step: "s", fromOwnStep: true },
    } as const;
    const body = parseBody(encodeMessage(start).subarray(4));
    expect(body.kind === "control" && parseToWorker(body.fields)).toEqual(start);
  });

  test.each([
    { kind: "done" },
    { kind: "done", call: -1, logged: 0 },
    { kind: "done", call: "1", logged: 0 },
    { kind: "done", call: 1 },
    { kind: "direction" },
    { kind: "session-set", key: 1 },
    { kind: "log", level: "loud", text: "x" },
    { kind: "failed", call: 1, code: "X", message: 2, traceback: "" },
    { kind: "hello", version: 1, codec: "xml" },
    { kind: "quit" },
    {},
  ])("%j from a worker is refused with a code", (message) => {
    expect(() => parseFromWorker(parse(message))).toThrow(
      expect.objectContaining({ code: "WORKER_FRAME_MALFORMED" }),
    );
  });

  test.each(["1", '"x"', "null", "{", "[1,]", "\uFEFF[]"])("the body %s is refused", (text) => {
    expect(() => parseBody(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: "WORKER_FRAME_MALFORMED" }),
    );
  });
});
