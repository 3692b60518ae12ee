import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { EntryWindow } from "./entry-window.ts";

/** Collects all that nobody holds any more. */
function collect(): void {
  setFlagsFromString("--expose-gc");
  // Only contexts that are made from now on have it.
  runInNewContext("gc()");
}

test("the bytes of an entry that was dropped are let go of at once", async () => {
  const window = new EntryWindow(1);
  const push = (index: number): WeakRef<Uint8Array> => {
    const data = new Uint8Array(1000);
    window.push({ kind: "normal", index, term: 1, data });
    return new WeakRef(data);
  };
  const entries = Array.from({ length: 100 }, (_, at) => push(at + 1));
  window.dropWhile(60, () => true);
  // What a WeakRef was made for lives until the turn ends.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const alive = entries.map((entry) => entry.deref() !== undefined);
  expect(alive.indexOf(true)).toBe(60);
  expect(alive.filter(Boolean)).toHaveLength(40);
  expect(window.slice(61, 100)).toHaveLength(40);
});
