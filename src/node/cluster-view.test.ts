import { expect, test } from "vitest";
import { memberNamed } from "../../test/lib/system-kit.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { clusterView } from "./cluster-view.ts";

const rowOf = (node: string, max: number): MemberRow => ({
  ...memberNamed(node),
  ...{ kind: "member", state: "joined", versions: { min: 1, max } },
});

const viewOf = (...rows: readonly MemberRow[]) =>
  clusterView({
    cluster: { kind: "cluster", id: "x", nextGroup: 1, version: 1 },
    members: () => rows,
  });

test("a raise that waits is told with those for whom it waits", () => {
  const view = viewOf(rowOf("n1", 2), rowOf("n2", 1));
  const late = { node: "n2", name: "name-of-n2", versions: { min: 1, max: 1 } };
  expect(view).toMatchObject({ id: "x", version: 1, next: { version: 2, waitsFor: [late] } });
  expect(view.members).toHaveLength(2);
  expect(view.why).toBe(
    "The cluster has version 1; version 2 waits for name-of-n2, which supports 1 only.",
  );
});

test("a version that nobody goes beyond waits for nothing", () => {
  const view = viewOf(rowOf("n1", 1), rowOf("n2", 1));
  expect(view.next).toBeNull();
  expect(view.why).toBe("The cluster has version 1, and no member supports a higher one.");
});

test("a raise that is due waits for nobody", () => {
  const view = viewOf(rowOf("n1", 2), rowOf("n2", 3));
  expect(view.next).toEqual({ version: 2, waitsFor: [] });
  expect(view.why).toContain("all members support 2");
});

test("a node that does not know its cluster says so", () => {
  expect(() => clusterView({ cluster: undefined, members: () => [] })).toThrow(
    "does not know its cluster yet",
  );
});
