import { expect, test } from "vitest";
import { CondemnedBlocks } from "./condemned.ts";

test("a block that somebody wants after it was condemned is not removed", async () => {
  const blocks = new CondemnedBlocks();
  blocks.condemn("a");
  blocks.condemn("b");
  void blocks.use("a");
  const removed: string[] = [];
  const remove = (cid: string) => blocks.remove(cid, async () => removed.push(cid));
  expect(await remove("a")).toBe(false);
  expect(await remove("b")).toBe(true);
  expect(await remove("b")).toBe(false);
  expect(removed).toEqual(["b"]);
});

test("whoever wants a block while it is being removed waits until it is gone", async () => {
  const blocks = new CondemnedBlocks();
  blocks.condemn("a");
  let end = (): void => {};
  const told: string[] = [];
  const removal = blocks.remove("a", async () => {
    await new Promise<void>((resolve) => {
      end = resolve;
    });
    told.push("gone");
  });
  const wanted = blocks.use("a")?.then(() => told.push("looked"));
  expect(wanted).toBeDefined();
  end();
  await Promise.all([removal, wanted]);
  expect(told).toEqual(["gone", "looked"]);
  expect(blocks.use("a")).toBeUndefined();
});

test("a removal that fails is told, and whoever waits for it goes on", async () => {
  const blocks = new CondemnedBlocks();
  blocks.condemn("a");
  const removal = blocks.remove("a", () => Promise.reject(new Error("the disk")));
  const wanted = blocks.use("a");
  await expect(removal).rejects.toThrow("the disk");
  await wanted;
  expect(blocks.count).toBe(0);
});
