import { expect, test } from "vitest";
import { rendezvousOrder } from "./rendezvous.ts";

const NODES = ["a", "b", "c", "d", "e"];
const KEYS = Array.from({ length: 5000 }, (_, at) => `key-${at}`);

test("the order does not depend on the order in which the nodes are told", () => {
  for (const key of KEYS.slice(0, 100)) {
    expect(rendezvousOrder(key, NODES.toReversed())).toEqual(rendezvousOrder(key, NODES));
  }
});

test("a node that goes leaves the order of the others as it was", () => {
  for (const key of KEYS.slice(0, 100)) {
    const left = NODES.filter((node) => node !== "c");
    expect(rendezvousOrder(key, left)).toEqual(
      rendezvousOrder(key, NODES).filter((node) => node !== "c"),
    );
  }
});

test("each node is the first for about as many keys, and the second as well", () => {
  for (const place of [0, 1]) {
    const counts = new Map<string | undefined, number>();
    for (const key of KEYS) {
      const node = rendezvousOrder(key, NODES)[place];
      counts.set(node, (counts.get(node) ?? 0) + 1);
    }
    expect(counts.size).toBe(NODES.length);
    for (const count of counts.values()) {
      expect(count).toBeGreaterThan(850);
      expect(count).toBeLessThan(1150);
    }
  }
});

test("nobody is in the order where there is nobody", () => {
  expect(rendezvousOrder("key", [])).toEqual([]);
});
