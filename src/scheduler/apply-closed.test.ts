import { expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { mapped, textData } from "../../test/lib/scheduler-values.ts";
import type { Command } from "./commands.ts";

const submit: Command = {
  kind: "submit",
  job: "job",
  arguments: textData("arguments"),
  keep: undefined,
};

test("a workflow that is closed acknowledges nothing that a client asks", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }]);
  const request = kit.submit(textData("before"));
  expect(kit.run({ kind: "close" })).toEqual({ kind: "ok" });
  expect(kit.run({ kind: "close" })).toEqual({ kind: "ok" });
  const rows = new Map(kit.rows);
  const asked: readonly Command[] = [
    submit,
    { kind: "create", group: 7, name: "flow", description: "", weight: 1 },
    { kind: "source", version: "0".repeat(64), source: "" },
    { kind: "retry", request, keep: undefined },
    { kind: "remove", request, expired: false },
    { kind: "cancel", request },
    { kind: "resume", request },
    { kind: "noop", bytes: new Uint8Array() },
  ];
  for (const command of asked) {
    expect(kit.run(command), command.kind).toMatchObject({ code: "WORKFLOW_DELETING" });
  }
  expect(kit.rows).toEqual(rows);
});

test("what was acknowledged before the closing entry keeps its answer when it is asked again", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }]);
  const id = { kind: "key", key: "k", bodyHash: "h" } as const;
  expect(kit.apply([{ id, command: submit }])).toMatchObject([{ kind: "request", request: 1 }]);
  kit.run({ kind: "close" });
  expect(kit.apply([{ id, command: submit }])).toMatchObject([{ kind: "request", request: 1 }]);
  const other = { ...id, key: "other" };
  expect(kit.apply([{ id: other, command: submit }])).toMatchObject([
    { code: "WORKFLOW_DELETING" },
  ]);
});

test("attempts that run when a workflow closes may still end", () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
  kit.submit(textData("before"));
  const { token } = kit.grant();
  kit.run({ kind: "close" });
  const end = { token, outcome: mapped("low", 1), run: undefined };
  expect(kit.run({ kind: "ends", ends: [end] })).toEqual({ kind: "ok" });
});
