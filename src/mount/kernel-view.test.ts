import { expect, test } from "vitest";
import { KernelView } from "./kernel-view.ts";

const [OLD, NEW] = [
  { parent: 1, name: "old" },
  { parent: 1, name: "new" },
];

test("an inode that was looked up by two names lately is looked up again before it is opened", () => {
  const view = new KernelView(1000);
  view.named(7, OLD, 0);
  expect(view.isDoubtful(7, 1)).toBe(false);
  view.named(7, NEW, 100);
  expect(view.isDoubtful(7, 101)).toBe(true);
  // Nobody has looked it up since.
  expect(view.isDoubtful(7, 102)).toBe(true);
  view.named(7, NEW, 103);
  expect(view.isDoubtful(7, 104)).toBe(false);
  // The next one may come by the old name again, as long as the kernel knows it.
  expect(view.isDoubtful(7, 105)).toBe(true);
  expect(view.isDoubtful(7, 1400)).toBe(false);
});

test("a name that the kernel has moved itself, or looked up again, is in no doubt", () => {
  const view = new KernelView(1000);
  view.named(7, OLD, 0);
  view.moved(7, NEW);
  view.named(7, NEW, 10);
  expect(view.isDoubtful(7, 11)).toBe(false);
});
