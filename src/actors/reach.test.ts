import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { Call, CallAnswer } from "./ports.ts";
import { Reach, serveReachCall } from "./reach.ts";

/** A leader `a` among the voters `b` and `c`; `wall` is whom each of them cannot dial. */
function leader(wall: Readonly<Record<NodeId, string>>) {
  const time = new FakeTimers();
  const down = new Set<NodeId>();
  const asked: string[] = [];
  const dials = (from: NodeId, to: NodeId): boolean => !(wall[from] ?? "").includes(to);
  const ask = (to: NodeId, call: Call): Promise<CallAnswer | undefined> => {
    if (call.kind !== "can-dial") throw new Error("nothing else is asked");
    asked.push(`${to} ${call.node}`);
    return Promise.resolve(serveReachCall({ isDialable: (node) => dials(to, node) }, call));
  };
  const reach = new Reach({
    clock: time,
    mesh: { self: "a", isUp: (node) => !down.has(node), isDialable: (node) => dials("a", node) },
    caller: { ask },
  });
  const says = (node: NodeId) => reach.mayVote(node, { group: 1, voters: ["a", "b", "c"] });
  /** The answer once everybody was asked. */
  const settled = async (node: NodeId) => {
    says(node);
    await Promise.resolve();
    await Promise.resolve();
    return says(node);
  };
  return { time, down, asked, says, settled };
}

test("a node that all voters can dial may vote, once they have said so", async () => {
  const { says, settled, asked } = leader({});
  expect(says("d")).toBe("not yet");
  expect(await settled("d")).toBe("yes");
  expect(asked).toEqual(["b d", "c d"]);
});

test.each([
  ["the leader", { a: "d" }],
  ["another voter", { c: "d" }],
])("a node that %s cannot dial may not, and after a while never", async (_who, wall) => {
  const { time, settled } = leader(wall);
  expect(await settled("d")).toBe("not yet");
  await time.advance(14_000);
  expect(await settled("d")).toBe("not yet");
  await time.advance(1_000);
  expect(await settled("d")).toBe("never");
});

test("a voter that is down has no say", async () => {
  const { down, settled } = leader({ c: "d" });
  down.add("c");
  expect(await settled("d")).toBe("yes");
});

test("a node that is down is not judged, and begins anew when it is back", async () => {
  const { time, down, settled } = leader({ c: "d" });
  await settled("d");
  await time.advance(20_000);
  down.add("d");
  expect(await settled("d")).toBe("not yet");
  down.delete("d");
  expect(await settled("d")).toBe("not yet");
});

test("a voter that said no is asked again, and then believed", async () => {
  const wall: Record<NodeId, string> = { c: "d" };
  const { time, settled } = leader(wall);
  expect(await settled("d")).toBe("not yet");
  delete wall["c"];
  expect(await settled("d")).toBe("not yet");
  await time.advance(1_000);
  expect(await settled("d")).toBe("yes");
});

test("what nobody has asked about for five minutes is forgotten", async () => {
  const { time, settled } = leader({ c: "de" });
  await settled("d");
  await time.advance(300_000);
  await settled("e");
  expect(await settled("d")).toBe("not yet");
});
