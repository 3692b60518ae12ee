import { expect, test } from "vitest";
import { Transaction, UNKNOWN } from "./transaction.ts";

/** Nothing of what is below is in memory. */
const transaction = () => new Transaction<string, never>({ peek: () => UNKNOWN });

test("what is inserted is fresh, what is put is not", () => {
  const tx = transaction();
  tx.insert("a", "1");
  tx.put("b", "1");
  tx.keep();
  expect([...tx.fresh()]).toEqual(["a"]);
  expect([...tx.writes()]).toEqual([
    ["a", "1"],
    ["b", "1"],
  ]);
});

test("what was deleted or put before in the same batch may be there below, so inserting it is a put", () => {
  const tx = transaction();
  tx.delete("same");
  tx.insert("same", "1");
  tx.put("put", "1");
  tx.delete("earlier");
  tx.keep();
  tx.insert("put", "2");
  tx.insert("earlier", "1");
  tx.keep();
  expect([...tx.fresh()]).toEqual([]);
});

test("what was inserted stays fresh, whatever becomes of it in the batch", () => {
  const tx = transaction();
  tx.insert("a", "1");
  tx.delete("a");
  tx.insert("b", "1");
  tx.keep();
  tx.put("b", "2");
  tx.keep();
  expect([...tx.fresh()]).toEqual(["a", "b"]);
});

test("a transition that is dropped leaves nothing fresh", () => {
  const tx = transaction();
  tx.insert("a", "1");
  tx.drop();
  tx.put("a", "1");
  tx.keep();
  expect([...tx.fresh()]).toEqual([]);
});
