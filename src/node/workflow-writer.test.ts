import { describe, expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { Directory } from "../actors/directory.ts";
import type { Call, CallAnswer } from "../actors/ports.ts";
import type { WorkflowDefinition, WrittenStep } from "../api/ports.ts";
import { EMPTY_PLAN } from "../scheduler/apply-client.ts";
import { keys, META_KEY } from "../scheduler/keys.ts";
import type { Row } from "../scheduler/rows.ts";
import { CLUSTER_KEY, systemKeys } from "../scheduler/system/keys.ts";
import { Deadline } from "../std/deadline.ts";
import { systemClock, systemTimers } from "./system.ts";
import { SystemView } from "./system-view.ts";
import { WorkflowWriter } from "./workflow-writer.ts";

const GROUP = 7;
const NOTHING = {
  ...{ handlers: undefined, steps: undefined, jobs: undefined },
  ...{ retention: undefined, weight: undefined },
};
const META: Row = {
  ...{ kind: "meta", group: GROUP, name: "text", description: "", nextRequest: 1 },
  ...{ newestMs: 0, plan: 3, retention: undefined, weight: 2 },
};
const { signal } = new AbortController();

/** A writer at a node that answers each question after 100 ms, and what it was asked, with what time. */
function writerAt(options: { readonly known: boolean }) {
  const timers = new FakeTimers();
  const directory = new Directory();
  const cluster = { kind: "cluster", id: "c", nextGroup: GROUP, version: 1 } as const;
  directory.take([{ key: CLUSTER_KEY, row: cluster }]);
  const makeKnown = (): void =>
    directory.take([
      {
        key: systemKeys.workflow(GROUP),
        row: {
          ...{ kind: "workflow", group: GROUP, name: "text", description: "" },
          ...{ weight: 1, revision: 0, state: "active", replicas: [] },
        },
      },
    ]);
  if (options.known) makeKnown();
  const rows = new Map<string, Row>([
    [META_KEY, META],
    [keys.plan(3), EMPTY_PLAN],
  ]);
  const asked: string[] = [];
  const timesMs: number[] = [];
  const took = async (deadlineMs: number): Promise<void> => {
    timesMs.push(deadlineMs);
    await timers.advance(100);
  };
  const ask = async (_group: number, call: Call, deadlineMs: number): Promise<CallAnswer> => {
    const { command } = "envelope" in call ? call.envelope : { command: call };
    asked.push(command.kind);
    await took(deadlineMs);
    if (command.kind !== "create-workflow") return { kind: "answered", answer: { kind: "ok" } };
    makeKnown();
    return { kind: "answered", answer: { kind: "revision", revision: GROUP } };
  };
  const node = {
    directory,
    router: { ask },
    nextSequence: () => ({ node: "self", boot: 1, sequence: 1 }),
    read: async (_group: number, what: { keys: readonly string[] }, deadlineMs: number) => {
      await took(deadlineMs);
      const values = what.keys.map((key) => rows.get(key));
      return {
        ...({ kind: "rows", values, scanned: [], more: false } as const),
        term: 1,
        appliedIndex: 1,
      };
    },
  };
  const metrics = { committed: () => {} };
  const plane = {
    checkHandlers: (files: readonly unknown[]) =>
      files.length === 0
        ? Promise.resolve({ kind: "accepted", definitions: [] } as const)
        : new Promise<never>(() => {}),
  };
  const linearize = (): Promise<void> => Promise.resolve();
  const view = new SystemView({ clock: systemClock, timers: systemTimers, directory, linearize });
  const writer = new WorkflowWriter({ node, view, plane, metrics });
  const apply = (
    definition: Partial<WorkflowDefinition>,
    deadline = new Deadline(timers, 10_000),
    dryRun = false,
  ) =>
    writer.apply(
      { workflow: "text", description: undefined, ...NOTHING, ...definition },
      { dryRun, force: false, revision: undefined },
      { deadline, signal },
    );
  return { apply, writer, asked, timesMs };
}

const STEP: WrittenStep = {
  ...{ map: "nobody", combine: null, reduce: "nobody", partitions: 1, description: "" },
  ...{ retries: undefined, timeoutMs: undefined },
  onFailure: "fail",
};

describe("an apply that is refused makes no workflow", () => {
  test("for a job whose step is not there", async () => {
    const { apply, asked } = writerAt({ known: false });
    const refused = apply({ steps: {}, jobs: { count: { step: "words", description: "" } } });
    await expect(refused).rejects.toMatchObject({ code: "STEP_UNDEFINED" });
    expect(asked).toEqual([]);
  });

  test("for handlers alone, which are meant for one that is there", async () => {
    const unknown = writerAt({ known: false });
    const refused = unknown.apply({ handlers: [] });
    await expect(refused).rejects.toMatchObject({ code: "WORKFLOW_UNKNOWN" });
    expect(unknown.asked).toEqual([]);
    expect(await writerAt({ known: true }).apply({ handlers: [] })).toMatchObject({
      created: false,
    });
  });
});

test.each([false, true])(
  "a step whose handler is not there is refused before anything is stored, also when it is only tried, of a workflow that is there or not (%s)",
  async (known) => {
    const { apply, asked } = writerAt({ known });
    for (const dryRun of [false, true]) {
      const refused = apply({ steps: { words: STEP }, jobs: {} }, undefined, dryRun);
      await expect(refused).rejects.toMatchObject({ code: "HANDLER_UNDEFINED" });
    }
    expect(asked).toEqual([]);
  },
);

test("a workflow is not named as the cluster's own group is", async () => {
  const { apply, writer, asked } = writerAt({ known: false });
  const reserved = { code: "WORKFLOW_NAME_RESERVED" };
  const steps = { workflow: "system", steps: {}, jobs: {} };
  await expect(apply(steps)).rejects.toMatchObject(reserved);
  await expect(apply(steps, undefined, true)).rejects.toMatchObject(reserved);
  const deadline = new Deadline(systemClock, 10_000);
  const made = { workflow: "system", description: "", weight: 1 };
  await expect(writer.create(made, deadline)).rejects.toMatchObject(reserved);
  expect(asked).toEqual([]);
});

describe("the deadline of an apply", () => {
  test("is one for all its steps", async () => {
    const { apply, asked, timesMs } = writerAt({ known: false });
    expect(await apply({ description: "Counts." })).toMatchObject({ created: true });
    expect(asked).toEqual(["create-workflow", "define"]);
    expect(timesMs).toEqual([10_000, 9_900, 9_800, 9_700]);
  });

  test("ends it when handlers are not checked in time, and nothing is made", async () => {
    const { apply, asked } = writerAt({ known: false });
    const source = { name: "m", path: "m.js", language: "javascript", source: "" } as const;
    const ended = apply({ handlers: [source] }, new Deadline(systemClock, 1));
    await expect(ended).rejects.toMatchObject({ code: "DEADLINE_PASSED" });
    expect(asked).toEqual([]);
  });
});

describe("a change of the weight", () => {
  const at = (revision: number, weight: number) => {
    const { writer, asked } = writerAt({ known: true });
    const definition = { workflow: "text", description: undefined, ...NOTHING, weight };
    const how = { dryRun: false, force: false, revision };
    const deadline = new Deadline(systemClock, 10_000);
    return { report: writer.apply(definition, how, { deadline, signal }), asked };
  };

  test("is written at the revision that was seen", async () => {
    const { report, asked } = at(3, 7);
    const fields = { weight: { before: 2, after: 7 } };
    expect((await report).differences).toMatchObject([{ change: "changed", fields }]);
    expect(asked).toEqual(["define"]);
  });

  test("is refused when the workflow has changed since, and nothing is written", async () => {
    const { report, asked } = at(2, 7);
    await expect(report).rejects.toMatchObject({ code: "REVISION_CHANGED" });
    expect(asked).toEqual([]);
  });
});
