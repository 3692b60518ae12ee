import fc from "fast-check";
import { expect, test } from "vitest";
import { payloadFormat } from "./command.ts";
import { stateCheckFormat } from "./state-check.ts";

const half = fc.nat(0xffffffff);

test("a check is read as it was written, and is no batch of commands", () => {
  const check = fc.record({
    index: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    hash: fc.record({ high: half, low: half }),
  });
  fc.assert(
    fc.property(fc.option(check, { nil: undefined }), (previous) => {
      const bytes = stateCheckFormat.encode({ previous });
      expect(stateCheckFormat.matches(bytes)).toBe(true);
      expect(stateCheckFormat.decode(bytes)).toEqual({ previous });
      expect(() => payloadFormat.decode(bytes)).toThrow();
    }),
  );
  const batch = payloadFormat.encode({ stampMs: 0, envelopes: [] });
  expect(stateCheckFormat.matches(batch)).toBe(false);
});

test("the bytes of version 1 stay what they are", () => {
  const bytes = Uint8Array.from([0xc1, 1, 0, 0, 1, 2, 255, 0, 0, 3, 0xac, 2]);
  const previous = { index: 300, hash: { high: 258, low: 0xff000003 } };
  expect(stateCheckFormat.decode(bytes)).toEqual({ previous });
  expect(stateCheckFormat.encode({ previous })).toEqual(bytes);
});

test("another version, and bytes that are cut or too many, are told apart", () => {
  const bytes = stateCheckFormat.encode({ previous: { index: 7, hash: { high: 1, low: 2 } } });
  const codeOf = (damaged: Uint8Array): unknown => {
    try {
      return stateCheckFormat.decode(damaged);
    } catch (error) {
      return error;
    }
  };
  const later = Uint8Array.from(bytes);
  later[1] = 2;
  expect(codeOf(later)).toMatchObject({ code: "WIRE_VERSION_UNKNOWN" });
  expect(codeOf(bytes.subarray(0, 10))).toMatchObject({ code: "WIRE_MALFORMED" });
  expect(codeOf(Uint8Array.from([...bytes, 0]))).toMatchObject({ code: "WIRE_MALFORMED" });
});
