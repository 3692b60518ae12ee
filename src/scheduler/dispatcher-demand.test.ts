import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { Leader, leaderWith, OPTIONS } from "../../test/lib/scheduler-leader.ts";

describe("who is told of the demand", () => {
  const told = (leader: Leader) => leader.dispatcher.toTell(["a", "b"], leader.nowMs);

  test("a node that is not known yet, and one that has lent nothing", () => {
    const leader = leaderWith(1);
    leader.beat("a", 0);
    expect(told(leader)).toEqual(["a", "b"]);
    leader.beat("b", 1);
    expect(told(leader)).toEqual(["a"]);
  });

  test("nobody when nothing waits, and no node that cannot run what waits", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", capability: "gpu" }]);
    expect(told(new Leader(kit))).toEqual([]);
    kit.submit();
    const leader = new Leader(kit);
    leader.beat("a", 0);
    leader.beat("b", 0, { capabilities: ["gpu"] });
    expect(told(leader)).toEqual(["b"]);
  });

  test("a node that holds attempts and says nothing of them, though nothing waits", () => {
    const leader = leaderWith(1);
    leader.beat("a", 1);
    leader.commit(leader.decide());
    expect(leader.held("a")).toHaveLength(1);
    expect(told(leader)).toEqual([]);
    leader.nowMs += OPTIONS.leaseMs / 4;
    expect(told(leader)).toEqual(["a"]);
    leader.beat("a", 1);
    expect(told(leader)).toEqual([]);
  });

  test("a node that was silent for long, whatever it had lent", () => {
    const leader = leaderWith(1);
    leader.beat("a", 5);
    leader.beat("b", 5);
    expect(told(leader)).toEqual([]);
    leader.nowMs += OPTIONS.leaseMs / 4;
    expect(told(leader)).toEqual(["a", "b"]);
  });
});
