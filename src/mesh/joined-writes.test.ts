import { describe, expect, test } from "vitest";
import { type Joinable, joinFrames, joinWrites, type Sender } from "./joined-writes.ts";

/** Yamux: version, type, flags (2), stream (4), length (4). */
function header(parts: { type: number; stream: number; length: number; flags?: number }): number[] {
  const bytes = Buffer.alloc(12);
  bytes[1] = parts.type;
  bytes.writeUInt16BE(parts.flags ?? 0, 2);
  bytes.writeUInt32BE(parts.stream, 4);
  bytes.writeUInt32BE(parts.length, 8);
  return [...bytes];
}

function update(stream: number, length: number, flags = 0): number[] {
  return header({ type: 1, stream, length, flags });
}

function data(stream: number, payload: readonly number[]): number[] {
  return [...header({ type: 0, stream, length: payload.length }), ...payload];
}

function sender(join: (stream: Sender) => void) {
  const written: number[][] = [];
  const stream = {
    writableNeedsDrain: false,
    send: (bytes: Joinable) => {
      expect(bytes).toBeInstanceOf(Uint8Array);
      written.push([...bytes.subarray()]);
      return true;
    },
  };
  join(stream);
  return { stream, written, say: (bytes: number[]) => stream.send(Uint8Array.from(bytes)) };
}

describe("writes", () => {
  test("a list of parts becomes one buffer", () => {
    const { stream, written } = sender(joinWrites);
    stream.send({ subarray: () => Uint8Array.of(1, 2, 3) });
    expect(written).toEqual([[1, 2, 3]]);
  });
});

describe("frames of the muxer", () => {
  test("new window waits for the next frame, and updates of one stream become one", () => {
    const { written, say } = sender(joinFrames);
    say(update(3, 100));
    say(update(5, 7));
    say(update(3, 50));
    expect(written).toEqual([]);
    say(data(1, [9]));
    expect(written).toEqual([[...update(3, 150), ...update(5, 7), ...data(1, [9])]]);
    say(data(1, [8]));
    expect(written[1]).toEqual(data(1, [8]));
  });

  test("a frame for a connection that is closed is dropped, and any other error is told", () => {
    const { stream, say } = sender((inner) => {
      inner.send = () => {
        throw Object.assign(new Error("closed"), { name });
      };
      joinFrames(inner);
    });
    let name = "StreamStateError";
    expect([say(update(3, 100, 1)), say(data(1, [9]))]).toEqual([false, false]);
    name = "RangeError";
    expect(() => stream.send(Uint8Array.of(1))).toThrow("closed");
  });

  test("a quarter of the least window is not held back", () => {
    const { written, say } = sender(joinFrames);
    say(update(3, 40_000));
    say(update(3, 25_535));
    expect(written).toEqual([]);
    say(update(3, 1));
    expect(written).toEqual([update(3, 65_536)]);
  });

  test.each([1, 2, 4, 8])(
    "an update with the flag %i goes at once, after what was held",
    (flag) => {
      const { written, say } = sender(joinFrames);
      say(update(3, 10));
      say(update(7, 0, flag));
      expect(written).toEqual([[...update(3, 10), ...update(7, 0, flag)]]);
    },
  );

  test("data that looks like an update is data", () => {
    const { written, say } = sender(joinFrames);
    say(data(1, update(3, 10)));
    expect(written).toEqual([data(1, update(3, 10))]);
  });

  test("a full stream still says so while window is held back", () => {
    const { stream, say } = sender(joinFrames);
    stream.writableNeedsDrain = true;
    expect(say(update(3, 10))).toBe(false);
  });
});
