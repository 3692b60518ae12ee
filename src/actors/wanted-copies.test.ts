import { expect, test } from "vitest";
import type { Row } from "../scheduler/rows.ts";
import type { WorkflowRow } from "../scheduler/system/rows.ts";
import { treeKeys, VOLUME_KEY } from "../scheduler/tree/keys.ts";
import { OPTIONS_DEFAULT } from "../scheduler/tree/reading.ts";
import { type CopiesGround, wantedCopies } from "./wanted-copies.ts";

const NAMED: Row = { kind: "fs-block", bytes: 1, references: 1 };

function volume(copies: number): Row {
  return {
    ...{ kind: "fs-volume", ...OPTIONS_DEFAULT, copies, revision: 1 },
    ...{ usedBytes: 0, usedInodes: 0, pins: 0, nextInode: 2, nextContent: 1 },
  };
}

function workflow(group: number): WorkflowRow {
  return {
    ...{ kind: "workflow", group, name: `w${group}`, description: "", weight: 1 },
    ...{ revision: 0, state: "active", replicas: [] },
  };
}

/** Workflows 1 and up, each with these rows. */
function ground(...groups: readonly ReadonlyMap<string, Row>[]): CopiesGround {
  return {
    directory: {
      members: () => [],
      workflows: () => groups.map((_, at) => workflow(at + 1)),
    },
    read: (group, { keys }) =>
      Promise.resolve({
        kind: "rows",
        values: keys.map((key) => groups[group - 1]?.get(key)),
        ...{ scanned: [], term: 1, appliedIndex: 1 },
        more: false,
      }),
  };
}

test("a block is to be on as many nodes as the volumes ask for that name it, and a run's on two", async () => {
  const first = new Map<string, Row>([
    [VOLUME_KEY, volume(3)],
    [treeKeys.block("a"), NAMED],
    [treeKeys.block("b"), NAMED],
  ]);
  const second = new Map<string, Row>([
    [VOLUME_KEY, volume(1)],
    [treeKeys.block("b"), NAMED],
    [treeKeys.block("c"), NAMED],
  ]);
  const third = new Map<string, Row>([[treeKeys.block("d"), NAMED]]);
  const wanted = await wantedCopies(["a", "b", "c", "d", "run"], ground(first, second, third));
  expect(wanted).toEqual([3, 3, 1, OPTIONS_DEFAULT.copies, 2]);
});

test("while a workflow cannot be asked nobody knows what its files need", async () => {
  const { directory } = ground(new Map());
  const read = () => Promise.reject(new Error("no leader"));
  await expect(wantedCopies(["a"], { directory, read })).rejects.toThrow("no leader");
});
