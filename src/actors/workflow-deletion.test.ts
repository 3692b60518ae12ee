import { expect, test } from "vitest";
import { systemKeys } from "../scheduler/system/keys.ts";
import type { WorkflowRow } from "../scheduler/system/rows.ts";
import { silentLog } from "../std/log.ts";
import { Directory } from "./directory.ts";
import { WorkflowDeletion } from "./workflow-deletion.ts";

const rowOf = (group: number, state: WorkflowRow["state"]): WorkflowRow => ({
  ...{ kind: "workflow", group, name: `w${group}`, description: "", state, replicas: [] },
  ...{ weight: 1, revision: 0 },
});

/** The saga on one node, with groups 1 and 2 that are to be deleted and 3 that is not. */
function sagaOf(node: { leads: boolean; readonly unled: Set<number> }) {
  const directory = new Directory();
  const put = (row: WorkflowRow): void =>
    directory.take([{ key: systemKeys.workflow(row.group), row }]);
  put(rowOf(1, "deleting"));
  put(rowOf(2, "deleting"));
  put(rowOf(3, "active"));
  const steps: string[] = [];
  const saga = new WorkflowDeletion({
    ...{ log: silentLog, directory },
    leads: () => node.leads,
    tell: async (group, command) => {
      steps.push(`${command.kind} ${group}`);
      // A group without a leader is asked for ever.
      if (node.unled.has(group)) await new Promise(() => {});
    },
    propose: (command) => {
      if (command.kind !== "workflow-deleted") throw new Error(`proposes ${command.kind}`);
      steps.push(`${command.kind} ${command.group}`);
      put(rowOf(command.group, "deleted"));
      return Promise.resolve();
    },
  });
  const look = async (): Promise<void> => {
    for (let time = 0; time < 5; time += 1) {
      saga.look();
      await new Promise((settled) => setImmediate(settled));
    }
  };
  return { look, steps };
}

test("a workflow is deleted after its group has closed, and one that is not to be is left alone", async () => {
  const { look, steps } = sagaOf({ leads: true, unled: new Set() });
  await look();
  for (const group of [1, 2]) {
    expect(steps.filter((step) => step.endsWith(` ${group}`))).toEqual([
      `close ${group}`,
      `workflow-deleted ${group}`,
    ]);
  }
  expect(steps).toHaveLength(4);
});

test("a group that cannot close is not deleted, and keeps no other waiting", async () => {
  const { look, steps } = sagaOf({ leads: true, unled: new Set([1]) });
  await look();
  expect(steps).not.toContain("workflow-deleted 1");
  expect(steps).toContain("workflow-deleted 2");
});

test("only who leads the system group drives it, and a new leader takes up what was begun", async () => {
  const node = { leads: false, unled: new Set<number>() };
  const { look, steps } = sagaOf(node);
  await look();
  expect(steps).toEqual([]);
  node.leads = true;
  await look();
  expect(steps).toContain("workflow-deleted 1");
  expect(steps).toContain("workflow-deleted 2");
});
