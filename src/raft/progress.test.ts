import fc from "fast-check";
import { expect, test } from "vitest";
import { Inflights } from "./inflights.ts";
import { Progress } from "./progress.ts";

function probing(next: number): Progress {
  return new Progress({ next, messagesMax: 4, bytesMax: 1_000 });
}

test("a late rejection of an earlier probe changes nothing", () => {
  const progress = probing(10);
  progress.sent({ count: 1, lastIndex: 0, bytes: 1, commit: 0 });
  expect(progress.reject({ index: 9, hintIndex: 4 })).toBe(true);
  expect(progress.next).toBe(5);
  progress.sent({ count: 1, lastIndex: 0, bytes: 1, commit: 0 });
  expect(progress.reject({ index: 9, hintIndex: 7 })).toBe(false);
  expect(progress).toMatchObject({ next: 5, paused: true });
});

test("a rejection never goes back behind the match", () => {
  const progress = probing(10);
  progress.accept(6);
  progress.next = 10;
  expect(progress.reject({ index: 9, hintIndex: 2 })).toBe(true);
  expect(progress.next).toBe(7);
});

test("a late rejection while replicating changes nothing, another one starts over from the match", () => {
  const progress = probing(1);
  progress.accept(5);
  progress.becomeReplicate();
  progress.sent({ count: 3, lastIndex: 0, bytes: 3, commit: 0 });
  expect(progress.reject({ index: 5, hintIndex: 0 })).toBe(false);
  expect(progress.next).toBe(9);
  expect(progress.reject({ index: 8, hintIndex: 0 })).toBe(true);
  expect(progress.next).toBe(6);
});

test("an empty append does not pause a probe, one with entries does", () => {
  const progress = probing(3);
  progress.sent({ count: 0, lastIndex: 0, bytes: 0, commit: 0 });
  expect(progress.paused).toBe(false);
  progress.sent({ count: 1, lastIndex: 0, bytes: 1, commit: 0 });
  expect(progress.paused).toBe(true);
});

test("after a snapshot it is probed behind it, after a failed one behind the match", () => {
  const progress = probing(3);
  progress.becomeSnapshot(20);
  expect(progress.paused).toBe(true);
  progress.becomeProbe();
  expect(progress.next).toBe(21);
  progress.becomeSnapshot(0);
  progress.becomeProbe();
  expect(progress.next).toBe(1);
});

test("what is in flight is what was sent and not answered, within both limits", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("add"), bytes: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant("free"), bytes: fc.nat(8) }),
    fc.record({ kind: fc.constant("clear"), bytes: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
      const inflights = new Inflights({ messagesMax: 5, bytesMax: 100 });
      let model: { readonly lastIndex: number; readonly bytes: number }[] = [];
      let lastIndex = 0;
      for (const { kind, bytes } of actions) {
        if (kind === "add" && !inflights.full) {
          lastIndex += 1;
          inflights.add({ lastIndex, bytes });
          model.push({ lastIndex, bytes });
        } else if (kind === "free") {
          inflights.freeUpTo(lastIndex - bytes);
          model = model.filter((one) => one.lastIndex > lastIndex - bytes);
        } else if (kind === "clear") {
          inflights.clear();
          model = [];
        }
        const total = model.reduce((sum, one) => sum + one.bytes, 0);
        expect(inflights.count).toBe(model.length);
        expect(inflights.full).toBe(model.length === 5 || total >= 100);
      }
    }),
  );
});
