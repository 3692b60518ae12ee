import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { memberNamed } from "../../test/lib/system-kit.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import { MemberGate } from "./member-gate.ts";

function row(node: string, state: MemberRow["state"]): MemberRow {
  return { ...memberNamed(node), kind: "member", state };
}

class Gated {
  members: readonly string[] = [];
  revoked: readonly string[] = [];
  readonly timers = new FakeTimers();
  readonly gate: MemberGate;

  constructor() {
    const setMembers = (
      members: readonly { readonly node: string }[],
      revoked: readonly string[] = [],
    ): void => {
      this.members = members.map(({ node }) => node);
      this.revoked = revoked;
    };
    this.gate = new MemberGate({ self: "me", setMembers }, this.timers);
  }
}

test("a node that is being removed is let in, one that was removed a while ago is not", () => {
  const gated = new Gated();
  gated.gate.follow([row("me", "joined"), row("a", "removing"), row("b", "removed")]);
  expect([gated.members, gated.revoked]).toEqual([["a"], ["b"]]);
});

test("a node that has just been removed hears of it, and then is refused", async () => {
  const gated = new Gated();
  gated.gate.follow([row("a", "removing")]);
  gated.gate.follow([row("a", "removed")]);
  expect([gated.members, gated.revoked]).toEqual([["a"], []]);
  await gated.timers.advance(2_999);
  expect(gated.members).toEqual(["a"]);
  await gated.timers.advance(1);
  expect([gated.members, gated.revoked]).toEqual([[], ["a"]]);
  gated.gate.follow([row("a", "removed")]);
  expect([gated.members, gated.revoked]).toEqual([[], ["a"]]);
});
