import { expect, test } from "vitest";
import { SystemKit } from "../../../test/lib/system-kit.ts";
import { systemKeys } from "./keys.ts";
import type { WrappedKey } from "./rows.ts";

const FIRST = [{ replica: 1, node: "n1", storeId: "store-of-n1", role: "voter" }] as const;
const ID = "a".repeat(32);
const OTHER = "b".repeat(32);

const wrapFor = (node: string, byte = 1): WrappedKey => ({
  node,
  wrapped: new Uint8Array([byte]),
});

/** A cluster of n1 and n2 with the active workflow `w` of group 1. */
function withWorkflow(): SystemKit {
  const kit = SystemKit.founded(1);
  const verifier = new Uint8Array([1]);
  kit.must({ kind: "ticket", id: "t", verifier, expiresMs: 1e9, uses: 9, madeBy: "n1" });
  kit.join("n2");
  const about = { name: "w", description: "", weight: 1, exclusive: true, replicas: FIRST };
  kit.must({ kind: "create-workflow", ...about });
  kit.must({ kind: "workflow-active", group: 1 });
  return kit;
}

const havingKey = (kit: SystemKit): readonly string[] => {
  const row = kit.row(systemKeys.sealKey(1));
  return row?.kind === "seal-key" ? row.wraps.map(({ node }) => node) : [];
};

test("a workflow has the key that it was given first, whoever brings another", () => {
  const kit = withWorkflow();
  kit.must({ kind: "seal-key", group: 1, id: ID, wraps: [wrapFor("n1")] });
  kit.must({ kind: "seal-key", group: 1, id: OTHER, wraps: [wrapFor("n2")] });
  const row = kit.row(systemKeys.sealKey(1));
  expect(row).toEqual({ kind: "seal-key", id: ID, wraps: [wrapFor("n1")] });
  expect(kit.effects.at(-1)).toEqual({ key: systemKeys.sealKey(1), row });
});

test("only a workflow that is there gets a key, and the key goes with it", () => {
  const kit = withWorkflow();
  const wraps = [wrapFor("n1")];
  expect(kit.apply({ kind: "seal-key", group: 2, id: ID, wraps })).toBe("WORKFLOW_UNKNOWN");
  kit.must({ kind: "seal-key", group: 1, id: ID, wraps });
  kit.must({ kind: "delete-workflow", name: "w" });
  expect(havingKey(kit)).toEqual(["n1"]);
  kit.must({ kind: "workflow-deleted", group: 1 });
  expect(kit.row(systemKeys.sealKey(1))).toBe(undefined);
  expect(kit.effects).toContainEqual({ key: systemKeys.sealKey(1), row: undefined });
  expect(kit.apply({ kind: "seal-key", group: 1, id: ID, wraps })).toBe("WORKFLOW_UNKNOWN");
});

test("a node that joined later gets the key once, and another key's wrap is none", () => {
  const kit = withWorkflow();
  kit.must({ kind: "seal-key", group: 1, id: ID, wraps: [wrapFor("n1")] });
  kit.must({ kind: "seal-wrap", group: 1, id: OTHER, wraps: [wrapFor("n2")] });
  expect(havingKey(kit)).toEqual(["n1"]);
  kit.must({ kind: "seal-wrap", group: 1, id: ID, wraps: [wrapFor("n2"), wrapFor("n2", 2)] });
  kit.must({ kind: "seal-wrap", group: 1, id: ID, wraps: [wrapFor("n1", 3)] });
  const row = kit.row(systemKeys.sealKey(1));
  expect(row).toMatchObject({ wraps: [wrapFor("n1"), wrapFor("n2")] });
});

test("who does not belong, or is leaving, gets no key", () => {
  const kit = withWorkflow();
  kit.must({ kind: "remove-node", node: "n2" });
  kit.must({ kind: "seal-key", group: 1, id: ID, wraps: [wrapFor("n1"), wrapFor("n2")] });
  kit.must({ kind: "seal-wrap", group: 1, id: ID, wraps: [wrapFor("n2"), wrapFor("n3")] });
  expect(havingKey(kit)).toEqual(["n1"]);
});

test("a wrap for a workflow without a key changes nothing", () => {
  const kit = withWorkflow();
  kit.must({ kind: "seal-wrap", group: 1, id: ID, wraps: [wrapFor("n1")] });
  expect(kit.row(systemKeys.sealKey(1))).toBe(undefined);
});
