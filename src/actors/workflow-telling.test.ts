import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { systemKeys } from "../scheduler/system/keys.ts";
import type { WorkflowRow } from "../scheduler/system/rows.ts";
import { silentLog } from "../std/log.ts";
import { Directory } from "./directory.ts";
import { WorkflowTelling, type WorkflowTold } from "./workflow-telling.ts";

const told = (revision: number, weight: number): WorkflowTold => ({
  ...{ group: 1, revision, description: "", weight },
});

/** A node that tells, in a cluster whose system group takes it or not, and applies it when it is let. */
function tellingOf(system: { takes: boolean }) {
  const timers = new FakeTimers();
  const directory = new Directory();
  const said: WorkflowTold[] = [];
  const take = (row: Partial<WorkflowRow>): void => {
    const common = { kind: "workflow", group: 1, name: "w", description: "", weight: 1 } as const;
    const whole = { ...common, revision: 0, state: "active", replicas: [], ...row } as const;
    directory.take([{ key: systemKeys.workflow(1), row: whole }]);
  };
  take({});
  const telling = new WorkflowTelling({
    ...{ timers, log: silentLog, directory },
    propose: ({ kind, ...rest }) => {
      if (kind !== "workflow-told" || !("revision" in rest)) throw new Error(`proposes ${kind}`);
      said.push(rest);
      return system.takes ? Promise.resolve() : Promise.reject(new Error("no majority"));
    },
  });
  return { telling, timers, said, take };
}

test("what a workflow's definitions say is told once when it is taken", async () => {
  const { telling, timers, said } = tellingOf({ takes: true });
  telling.tell(told(5, 3));
  await timers.advance(10_000);
  expect(said).toEqual([told(5, 3)]);
});

test("it is told again until it is taken, and only the newest", async () => {
  const system = { takes: false };
  const { telling, timers, said } = tellingOf(system);
  telling.tell(told(5, 3));
  await timers.advance(2_500);
  expect(said.length).toBeGreaterThan(1);
  telling.tell(told(6, 4));
  system.takes = true;
  await timers.advance(10_000);
  expect(said.at(-1)).toEqual(told(6, 4));
  expect(said.filter(({ revision }) => revision === 6)).toHaveLength(1);
});

test("what came while another was on its way is told after it, though this node has not seen that yet", async () => {
  const { telling, timers, said } = tellingOf({ takes: true });
  telling.tell(told(5, 3));
  telling.tell(told(6, 1));
  await timers.advance(10_000);
  expect(said).toEqual([told(5, 3), told(6, 1)]);
});

test("what the system group knows already is not told, nor what is said of a deleted workflow", async () => {
  const { telling, timers, said, take } = tellingOf({ takes: true });
  take({ revision: 5 });
  telling.tell(told(5, 3));
  take({ state: "deleted" });
  telling.tell(told(6, 3));
  await timers.advance(10_000);
  expect(said).toEqual([]);
});

test("a node that stops tells no more", async () => {
  const { telling, timers, said } = tellingOf({ takes: false });
  telling.tell(told(5, 3));
  await timers.advance(0);
  telling.stop();
  await timers.advance(10_000);
  expect([said.length, timers.count]).toEqual([1, 0]);
});
