import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { seededRandom } from "../std/random.ts";
import { Caller, SERVED_PER_NODE_MAX } from "./caller.ts";
import { ActorError } from "./errors.ts";
import type { Call, CallAnswer, MeshPort } from "./ports.ts";

const CALL: Call = { kind: "group-status", group: 1 };

/** A run of node `a`, and the ids of what it asks. */
function runOf(seed: number): { readonly caller: Caller; readonly ids: number[] } {
  const ids: number[] = [];
  const mesh: MeshPort = {
    ...{ self: "a", listen() {}, isUp: () => true, isDialable: () => true, setMembers() {} },
    send: (_to, message) => {
      if (message.kind === "call") ids.push(message.id);
      return true;
    },
  };
  const caller = new Caller({
    refusal: () => undefined,
    ...{ timers: new FakeTimers(), mesh, random: seededRandom(seed) },
    serve: () => Promise.reject(new Error("nobody asks here")),
  });
  return { caller, ids };
}

test("an answer to a node's last run does not answer a call of the present one", async () => {
  const last = runOf(1);
  const present = runOf(2);
  void last.caller.ask("b", CALL, 1_000);
  const answer = present.caller.ask("b", CALL, 1_000);
  for (const id of last.ids) {
    present.caller.answered("b", id, { kind: "error", code: "OLD", message: "", details: {} });
  }
  for (const id of present.ids) present.caller.answered("b", id, { kind: "done" });
  expect(await answer).toEqual({ kind: "done" });
});

test("a node that asks without end is refused beyond its bound, others are answered, and room comes back", async () => {
  const answers: { readonly to: string; readonly id: number; readonly answer: CallAnswer }[] = [];
  const mesh: MeshPort = {
    ...{ self: "a", listen() {}, isUp: () => true, isDialable: () => true, setMembers() {} },
    send: (to, message) => {
      if (message.kind === "answer") answers.push({ to, id: message.id, answer: message.answer });
      return true;
    },
  };
  const ends: (() => void)[] = [];
  const caller = new Caller({
    refusal: () => undefined,
    ...{ timers: new FakeTimers(), mesh, random: seededRandom(1) },
    serve: () => new Promise((resolve) => ends.push(() => resolve({ kind: "done" }))),
  });
  const served: Promise<void>[] = [];
  for (let id = 1; id <= SERVED_PER_NODE_MAX; id++) served.push(caller.asked("b", id, CALL));
  expect(answers).toEqual([]);
  await caller.asked("b", 0, CALL);
  expect(answers).toMatchObject([{ to: "b", id: 0, answer: { code: "COMMAND_QUEUE_FULL" } }]);
  served.push(caller.asked("c", 1, CALL));
  expect(ends.length).toBe(SERVED_PER_NODE_MAX + 1);
  for (const end of ends.splice(0)) end();
  await Promise.all(served);
  void caller.asked("b", 1, CALL);
  expect(ends.length).toBe(1);
});

test("what a node must not be asked yet is answered with the reason, and not sent", async () => {
  const sent: string[] = [];
  const mesh: MeshPort = {
    ...{ self: "a", listen() {}, isUp: () => true, isDialable: () => true, setMembers() {} },
    send: (to) => {
      sent.push(to);
      return true;
    },
  };
  const early = new ActorError({ code: "CLUSTER_VERSION_TOO_LOW", needed: 2, version: 1 }, "wait");
  const caller = new Caller({
    ...{ timers: new FakeTimers(), mesh, random: seededRandom(1) },
    refusal: (to) => (to === "b" ? early : undefined),
    serve: () => Promise.reject(new Error("nobody asks here")),
  });
  const answer = {
    kind: "error",
    code: "CLUSTER_VERSION_TOO_LOW",
    message: "wait",
    details: { needed: 2, version: 1 },
  };
  expect(await caller.ask("b", CALL, 1_000)).toEqual(answer);
  void caller.ask("c", CALL, 1_000);
  expect(sent).toEqual(["c"]);
});
