import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { reduced, sketchDefinition } from "../../test/lib/scheduler-values.ts";
import { assert } from "../std/assert.ts";
import { ANSWER_BLOCK, ANSWER_WINDOW, type ClientCommand, type CommandId } from "./commands.ts";
import { keys, META_KEY, prefixes } from "./keys.ts";

type Define = Extract<ClientCommand, { kind: "define" }>;

const SUBMIT = { kind: "submit", job: "job", arguments: [], keep: undefined } as const;
const STEPS = [{ name: "top" }];

function say(kit: SchedulerKit, id: CommandId, command: ClientCommand = SUBMIT) {
  return kit.apply([{ id, command }])[0];
}

function entry(sequence: number, boot = 1, node = "node-a"): CommandId {
  return { kind: "entry", node, boot, sequence };
}

function answerKeys(kit: SchedulerKit): readonly string[] {
  return kit.scan("w/").map(([key]) => key);
}

describe("repeated commands", () => {
  test("the same entry id gets the same answer and happens once (paper, section 8; thesis 6.3)", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const answer = say(kit, entry(1));
    expect(answer).toEqual({ kind: "request", request: 1, repeated: false });
    const before = new Map(kit.rows);
    expect(say(kit, entry(1))).toEqual(answer);
    expect(kit.rows).toEqual(before);
    expect(say(kit, entry(2))).toEqual({ kind: "request", request: 2, repeated: false });
  });

  test("twice in one entry of the log, it happens once (thesis 6.3)", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    const envelope = { id: entry(1), command: SUBMIT };
    const answers = kit.apply([envelope, envelope]);
    expect(answers[1]).toEqual(answers[0]);
    expect(kit.scan(prefixes.requests)).toHaveLength(1);
  });

  test("another node or another run of it is somebody else", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    say(kit, entry(1));
    say(kit, entry(1, 2));
    say(kit, entry(1, 1, "node-b"));
    expect(kit.scan(prefixes.requests)).toHaveLength(3);
  });

  test("what is older than the window is refused and not done again (thesis 6.3)", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    say(kit, entry(0));
    say(kit, entry(ANSWER_WINDOW));
    expect(say(kit, entry(0))).toEqual({ kind: "request", request: 1, repeated: false });
    say(kit, entry(ANSWER_WINDOW + ANSWER_BLOCK));
    expect(say(kit, entry(0))).toMatchObject({ code: "COMMAND_TOO_OLD" });
    expect(say(kit, entry(ANSWER_BLOCK))).toEqual({ kind: "request", request: 4, repeated: false });
    expect(kit.scan(prefixes.requests)).toHaveLength(4);
  });

  test("a run of a node that has been followed by another is refused, and its answers are forgotten (thesis 6.3)", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    for (let sequence = 0; sequence <= 2 * ANSWER_BLOCK; sequence++) say(kit, entry(sequence, 1));
    say(kit, entry(5, 2));
    expect(say(kit, entry(1, 1))).toMatchObject({ code: "COMMAND_TOO_OLD" });
    expect(say(kit, entry(3 * ANSWER_BLOCK, 1))).toMatchObject({ code: "COMMAND_TOO_OLD" });
    expect(answerKeys(kit)).toEqual([
      keys.answerWindow("node-a"),
      keys.answerBlock("node-a", 2, 0),
    ]);
  });

  test("however far the numbers jump, no more answers are kept than the window and a block", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    let sequence = 0;
    for (let step = 0; step < 300; step++) {
      sequence += (step % 7) * ANSWER_BLOCK + 1;
      say(kit, entry(sequence));
      expect(answerKeys(kit).length).toBeLessThanOrEqual(ANSWER_WINDOW / ANSWER_BLOCK + 2);
    }
    say(kit, entry(sequence + 10 * ANSWER_WINDOW));
    expect(answerKeys(kit)).toHaveLength(2);
  });

  test("a command that was overtaken by later ones is done when it comes", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    say(kit, entry(3 * ANSWER_BLOCK));
    say(kit, entry(7));
    say(kit, entry(5));
    expect(kit.scan(prefixes.requests)).toHaveLength(3);
    expect(say(kit, entry(7))).toEqual({ kind: "request", request: 2, repeated: false });
    expect(say(kit, entry(5))).toEqual({ kind: "request", request: 3, repeated: false });
  });

  test("a refusal under an entry id is remembered, one under a client's key is not", () => {
    const kit = new SchedulerKit();
    const key = { kind: "key", key: "mine", bodyHash: "h" } as const;
    expect(say(kit, key)).toMatchObject({ kind: "refused" });
    expect(say(kit, entry(1))).toMatchObject({ kind: "refused" });
    kit.run({ kind: "create", group: 7, name: "flow", description: "", weight: 1 });
    const { sources, define } = sketchDefinition(STEPS);
    for (const source of sources) kit.run(source);
    kit.run(define);
    expect(say(kit, entry(1))).toMatchObject({ kind: "refused" });
    expect(say(kit, key)).toEqual({ kind: "request", request: 1, repeated: false });
    expect(say(kit, key)).toEqual({ kind: "request", request: 1, repeated: true });
  });

  test("the same key with another body is a conflict", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    say(kit, { kind: "key", key: "mine", bodyHash: "one" });
    expect(say(kit, { kind: "key", key: "mine", bodyHash: "two" })).toMatchObject({
      code: "IDEMPOTENCY_CONFLICT",
    });
    expect(kit.scan(prefixes.requests)).toHaveLength(1);
  });
});

describe("before the workflow exists", () => {
  test.each([SUBMIT, sketchDefinition(STEPS).define])("$kind is refused", (command) => {
    const kit = new SchedulerKit();
    expect(kit.run(command)).toMatchObject({ code: "WORKFLOW_NOT_ACTIVE" });
    expect(kit.rows.size).toBe(0);
  });

  test("a second create changes nothing", () => {
    const kit = SchedulerKit.withSteps(STEPS);
    kit.submit();
    const before = new Map(kit.rows);
    kit.run({ kind: "create", group: 7, name: "other", description: "", weight: 1 });
    expect(kit.rows).toEqual(before);
  });
});

describe("define", () => {
  const { define, sources } = sketchDefinition([{ name: "top" }, { name: "low" }]);
  const step = define.steps[0];
  const handler = define.handlers[0];
  assert(step !== undefined && handler !== undefined, "the sketch has a step");

  function withSources(): SchedulerKit {
    const kit = new SchedulerKit();
    kit.run({ kind: "create", group: 7, name: "flow", description: "", weight: 1 });
    for (const source of sources) kit.run(source);
    return kit;
  }

  test("is refused when somebody else has changed the definitions since", () => {
    const kit = withSources();
    const answer = kit.run(define);
    expect(kit.run(define)).toMatchObject({ code: "DEFINITION_CHANGED" });
    const revision = answer.kind === "revision" ? answer.revision : 0;
    const next = kit.run({ ...define, revision });
    expect(next.kind === "revision" && next.revision).toBeGreaterThan(revision);
  });

  test("a weight is that of the creation until it is defined, and is told with the revision", () => {
    const weightOf = (kit: SchedulerKit) => {
      const row = kit.rows.get(META_KEY);
      return row?.kind === "meta" ? row.weight : undefined;
    };
    const kit = new SchedulerKit();
    kit.run({ kind: "create", group: 7, name: "flow", description: "", weight: 5 });
    expect(weightOf(kit)).toBe(5);
    for (const source of sources) kit.run(source);
    const first = kit.run({ ...define, description: "Counts.", weight: 3 });
    const revision = first.kind === "revision" ? first.revision : 0;
    expect(weightOf(kit)).toBe(3);
    expect(kit.effects.filter(({ kind }) => kind === "defined")).toEqual([
      { kind: "defined", revision, description: "Counts.", weight: 3 },
    ]);
    // Of an older revision: somebody has changed it since.
    expect(kit.run({ ...define, weight: 9 })).toMatchObject({ code: "DEFINITION_CHANGED" });
    expect(weightOf(kit)).toBe(3);
    expect(kit.run({ ...define, revision, weight: 9 })).toMatchObject({ kind: "revision" });
    expect(weightOf(kit)).toBe(9);
  });

  const changes: readonly (readonly [string, Partial<Define>])[] = [
    ["HANDLER_UNDEFINED", { steps: [{ ...step, map: "nobody" }] }],
    ["HANDLER_WRONG_TYPE", { steps: [{ ...step, map: "reduce_top" }] }],
    ["WORKFLOW_INVALID", { steps: [{ ...step, partitions: 0 }] }],
    ["STEP_UNDEFINED", { jobs: [{ name: "job", step: "nowhere", description: "" }] }],
    ["HANDLER_METADATA_INVALID", { handlers: [{ ...handler, capability: "a/b" }] }],
    ["HANDLER_METADATA_INVALID", { handlers: [{ ...handler, capability: "" }] }],
  ];
  test.each(changes)("%s is refused and changes nothing", (code, change) => {
    const kit = withSources();
    const before = new Map(kit.rows);
    expect(kit.run({ ...define, ...change })).toMatchObject({ kind: "refused", code });
    expect(kit.rows).toEqual(before);
  });

  test("a handler whose source was not stored is refused", () => {
    const kit = new SchedulerKit();
    kit.run({ kind: "create", group: 7, name: "flow", description: "", weight: 1 });
    expect(kit.run(define)).toMatchObject({ code: "HANDLER_SOURCE_MISSING" });
  });

  test("what has not changed keeps its revision, and what has changed gets the new one", () => {
    const kit = withSources();
    const first = kit.run(define);
    const at = first.kind === "revision" ? first.revision : 0;
    const revisions = (revision: number) => {
      const row = kit.rows.get(keys.plan(revision));
      return row?.kind === "plan" ? row.revisions : undefined;
    };
    expect(revisions(at)).toEqual({ handlers: [at, at, at, at], steps: [at, at], jobs: [at] });
    const [top, low] = define.steps;
    assert(top !== undefined && low !== undefined, "the sketch has two steps");
    const other = { ...handler, description: "another text" };
    const next = kit.run({
      ...define,
      revision: at,
      handlers: [other, ...define.handlers.slice(1)],
      // In another order: what counts is the name.
      steps: [{ ...low, retries: 9 }, top],
    });
    const now = next.kind === "revision" ? next.revision : 0;
    // The step `top` names the handler that changed, and is itself as it was.
    expect(revisions(now)).toEqual({ handlers: [now, at, at, at], steps: [now, at], jobs: [at] });
  });

  test("a request keeps the steps that it began with", () => {
    const kit = withSources();
    const answer = kit.run(define);
    const request = kit.submit();
    const steps = [{ ...step, retries: 7 }];
    kit.run({ ...define, revision: answer.kind === "revision" ? answer.revision : 0, steps });
    kit.next(reduced([]));
    expect(kit.request(request).state).toBe("succeeded");
    expect(kit.request(request).plan).not.toBe(kit.request(kit.submit()).plan);
  });
});

test("cancel and resume of a request that never was are refused", () => {
  const kit = SchedulerKit.withSteps(STEPS);
  for (const kind of ["cancel", "resume"] as const) {
    expect(kit.run({ kind, request: 9 })).toMatchObject({ code: "REQUEST_UNKNOWN" });
  }
  expect(kit.run({ ...SUBMIT, job: "none" })).toMatchObject({ code: "JOB_UNKNOWN" });
});
