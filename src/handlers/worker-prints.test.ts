import { expect, test } from "vitest";
import { WorkerPrints } from "./worker-prints.ts";

test("a print is told of also while it may be the beginning of a secret", () => {
  const prints = new WorkerPrints();
  prints.hide(["aaaaaaaa"]);
  let heard = 0;
  let shown = 0;
  prints.onPrint = () => {
    heard += 1;
  };
  prints.onOutput = () => {
    shown += 1;
  };
  prints.push("stdout", Buffer.from("aa"));
  expect([heard, shown]).toEqual([1, 0]);
});
