import { expect, test } from "vitest";
import { SystemKit } from "../../../test/lib/system-kit.ts";
import { systemKeys } from "./keys.ts";

const FIRST = [{ replica: 1, node: "n1", storeId: "store-of-n1", role: "voter" }] as const;

const create = (exclusive: boolean) =>
  ({
    kind: "create-workflow",
    ...{ name: "w", description: "", weight: 2, exclusive, replicas: FIRST },
  }) as const;

/** A cluster with the active workflow `w` of group 1. */
function withWorkflow(): SystemKit {
  const kit = SystemKit.founded(1);
  kit.must(create(true));
  kit.must({ kind: "workflow-active", group: 1 });
  return kit;
}

const stateOf = (kit: SystemKit, group: number): unknown => {
  const row = kit.row(systemKeys.workflow(group));
  return row?.kind === "workflow" ? row.state : undefined;
};

test("a workflow that is to be deleted keeps its name until its group has closed", () => {
  const kit = withWorkflow();
  kit.must({ kind: "delete-workflow", name: "w" });
  kit.must({ kind: "delete-workflow", name: "w" });
  expect(stateOf(kit, 1)).toBe("deleting");
  for (const exclusive of [true, false])
    expect(kit.apply(create(exclusive))).toBe("WORKFLOW_DELETING");
  kit.must({ kind: "workflow-deleted", group: 1 });
  kit.must({ kind: "workflow-deleted", group: 1 });
  expect(stateOf(kit, 1)).toBe("deleted");
  expect(kit.apply({ kind: "delete-workflow", name: "w" })).toBe("WORKFLOW_UNKNOWN");
});

test("the tombstone stays when another workflow takes the name", () => {
  const kit = withWorkflow();
  kit.must({ kind: "delete-workflow", name: "w" });
  kit.must({ kind: "workflow-deleted", group: 1 });
  kit.must(create(true));
  // Late, of whoever drove the deletion before.
  kit.must({ kind: "workflow-deleted", group: 1 });
  expect(stateOf(kit, 1)).toBe("deleted");
  expect(stateOf(kit, 2)).toBe("creating");
  expect(kit.row(systemKeys.name("w"))).toMatchObject({ group: 2 });
});

test("a group that becomes active while it is to be deleted is deleted nevertheless", () => {
  const kit = SystemKit.founded(1);
  kit.must(create(true));
  kit.must({ kind: "delete-workflow", name: "w" });
  kit.must({ kind: "workflow-active", group: 1 });
  expect(stateOf(kit, 1)).toBe("deleting");
});

test("only a workflow that was to be deleted is", () => {
  const kit = withWorkflow();
  expect(kit.apply({ kind: "workflow-deleted", group: 1 })).toBe("WORKFLOW_NOT_DELETING");
  expect(kit.apply({ kind: "workflow-deleted", group: 9 })).toBe("WORKFLOW_UNKNOWN");
  expect(stateOf(kit, 1)).toBe("active");
});

test("a list has what the workflow's group told of its newest revision, in whatever order that comes", () => {
  const kit = withWorkflow();
  const told = (revision: number, description: string, weight: number) =>
    kit.must({ kind: "workflow-told", group: 1, revision, description, weight });
  const said = () => {
    const row = kit.row(systemKeys.workflow(1));
    return row?.kind === "workflow" ? [row.revision, row.description, row.weight] : undefined;
  };
  expect(said()).toEqual([0, "", 2]);
  told(9, "new", 4);
  told(8, "old", 3);
  told(9, "again", 5);
  expect(said()).toEqual([9, "new", 4]);
  told(10, "newest", 1);
  expect(said()).toEqual([10, "newest", 1]);
  kit.must({ kind: "delete-workflow", name: "w" });
  kit.must({ kind: "workflow-deleted", group: 1 });
  told(11, "late", 7);
  expect(said()).toEqual([10, "newest", 1]);
  kit.must({ kind: "workflow-told", group: 99, revision: 1, description: "", weight: 1 });
  expect(kit.row(systemKeys.workflow(99))).toBeUndefined();
});
