import { expect, test } from "vitest";
import { RowCache } from "./row-cache.ts";

const row = (bytes: number): { value: Uint8Array; hash: undefined } => ({
  value: new Uint8Array(bytes),
  hash: undefined,
});

test("the cache stays within its bytes and keeps what is used", () => {
  const cache = new RowCache(100_000);
  cache.set("hot", row(100));
  for (let at = 0; at < 5000; at++) {
    cache.set(`cold-${at}`, row(at % 500));
    expect(cache.get("hot")?.value?.length).toBe(100);
    expect(cache.bytes).toBeLessThanOrEqual(100_000 + 1000);
  }
  expect(cache.get("cold-0")).toBeUndefined();
  expect(cache.get("cold-4999")).toBeDefined();
});

test("a row that is replaced counts once, and one without value is known", () => {
  const cache = new RowCache(10_000);
  for (let at = 0; at < 1000; at++) cache.set("key", row(1000));
  expect(cache.bytes).toBeLessThan(1500);
  cache.set("gone", { value: undefined, hash: undefined });
  expect(cache.get("gone")).toEqual({ value: undefined, hash: undefined });
});

test("a bound of nothing keeps nothing for long", () => {
  const cache = new RowCache(0);
  cache.set("a", row(1));
  cache.set("b", row(1));
  expect(cache.get("a")).toBeUndefined();
});
