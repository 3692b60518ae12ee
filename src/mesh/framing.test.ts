import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrames, type Frame, FrameDecoder } from "./framing.ts";

const frames = fc.array(
  fc.record({ kind: fc.nat(255), payload: fc.uint8Array({ maxLength: 40 }) }),
  { maxLength: 20 },
);

describe("frames", () => {
  it("come out as they went in, however the bytes are cut", () => {
    fc.assert(
      fc.property(
        frames,
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }),
        (sent, cuts) => {
          const bytes = encodeFrames(sent);
          const got: Frame[] = [];
          const decoder = new FrameDecoder(40);
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const end = at + (cuts[turn % cuts.length] ?? 1);
            decoder.push(bytes.subarray(at, end), (frame) => got.push(frame));
            at = end;
          }
          const plain = (all: readonly Frame[]) =>
            all.map(({ kind, payload }) => ({ kind, payload: [...payload] }));
          expect(plain(got)).toEqual(plain(sent));
        },
      ),
    );
  });

  it("never throw anything but a coded error for garbage", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        const decoder = new FrameDecoder(100);
        try {
          for (const chunk of chunks) decoder.push(chunk, () => {});
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: "JobxError" });
        }
      }),
    );
  });

  it("above the bound are refused before memory is taken for them", () => {
    const decoder = new FrameDecoder(10);
    const head = encodeFrames([{ kind: 1, payload: new Uint8Array(11) }]).subarray(0, 5);
    expect(() => decoder.push(head, () => {})).toThrow(
      expect.objectContaining({
        details: { code: "MESH_FRAME_TOO_LARGE", bytes: 11, bytesMax: 10 },
      }),
    );
  });
});
