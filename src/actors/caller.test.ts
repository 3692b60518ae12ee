import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { seededRandom } from "../std/random.ts";
import { Caller } from "./caller.ts";
import type { Call, MeshPort } from "./ports.ts";

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
    present.caller.answered("b", id, { kind: "error", code: "OLD", message: "" });
  }
  for (const id of present.ids) present.caller.answered("b", id, { kind: "done" });
  expect(await answer).toEqual({ kind: "done" });
});
