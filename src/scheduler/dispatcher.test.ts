import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { Leader, leaderWith, OPTIONS, PREFETCH_MS } from "../../test/lib/scheduler-leader.ts";
import { failed, mapped, reduced } from "../../test/lib/scheduler-values.ts";
import { seededRandom } from "../std/random.ts";
import type { SchedulerCommand } from "./commands.ts";
import { tokenText, type WhyLost } from "./dispatcher.ts";
import { capabilityOfQueueKey, prefixes } from "./keys.ts";
import { unitText } from "./unit.ts";

function nodesOf(commands: readonly SchedulerCommand[]): readonly string[] {
  return commands.flatMap((command) =>
    command.kind === "grant" ? Array.from({ length: command.count }, () => command.node) : [],
  );
}

/** Why each of the attempts was lost that the commands take back. */
function whyLost(
  leader: Pick<Leader, "dispatcher">,
  commands: readonly SchedulerCommand[],
): readonly (WhyLost | undefined)[] {
  return commands.map((command) =>
    command.kind === "take-back" ? leader.dispatcher.whyLost(command.token) : undefined,
  );
}

describe("granting", () => {
  test("D1: proposed grants count against the limit before they are applied", () => {
    const leader = leaderWith(10);
    leader.beat("a", 3);
    const first = leader.decide();
    expect(nodesOf(first)).toHaveLength(3);
    expect(leader.decide()).toEqual([]);
    leader.commit(first);
    expect(leader.decide()).toEqual([]);
    expect(leader.dispatcher.heldCount()).toBe(3);
    leader.act(() => leader.kit.end(leader.held("a")[0] ?? { index: 0, ordinal: 0 }, reduced([])));
    expect(leader.decide()).toHaveLength(1);
  });

  test("D1: a limit that was lowered below what is held gives nothing until it fits", () => {
    const leader = leaderWith(10);
    leader.beat("a", 4);
    leader.commit(leader.decide());
    leader.beat("a", 2);
    expect(leader.decide()).toEqual([]);
    for (const token of leader.held("a").slice(0, 3)) {
      leader.act(() => leader.kit.end(token, reduced([])));
    }
    expect(leader.decide()).toHaveLength(1);
  });

  test("D2: each unit is proposed once", () => {
    const leader = leaderWith(20);
    leader.beat("a", 20);
    leader.beat("b", 20);
    const commands = [...leader.decide(), ...leader.decide()];
    const units = commands.flatMap((one) =>
      one.kind === "grant"
        ? Array.from({ length: one.count }, (_, at) => `${one.queueKey}/${one.child + at}`)
        : [],
    );
    expect(new Set(units).size).toBe(20);
    expect(units).toHaveLength(20);
  });

  test("two executors with equal room get equal shares", () => {
    const leader = leaderWith(10);
    leader.beat("a", 100);
    leader.beat("b", 100);
    const nodes = nodesOf(leader.decide());
    expect(nodes.filter((node) => node === "a")).toHaveLength(5);
  });

  test("of work that nothing is known of an executor gets one unit for each slot", () => {
    const leader = leaderWith(100);
    leader.beat("a", 60, { slots: 3 });
    expect(nodesOf(leader.decide())).toHaveLength(3);
  });

  test("of work that takes longer than the prefetch nothing waits behind the slots", () => {
    const leader = leaderWith(100);
    leader.beat("a", 60, { slots: 1 });
    leader.commit(leader.decide());
    const [token] = leader.held("a");
    if (token === undefined) throw new Error("one is granted");
    leader.dispatcher.ran(token, PREFETCH_MS + 50);
    leader.act(() => leader.kit.end(token, reduced([])));
    expect(nodesOf(leader.decide())).toHaveLength(1);
  });

  test("nothing waits for a slot that is taken for longer than such units take", () => {
    const leader = leaderWith(100);
    for (const node of ["a", "b"]) leader.beat(node, 60, { slots: 1 });
    leader.commit(leader.decide());
    const [token] = leader.held("b");
    if (token === undefined) throw new Error("one is granted");
    leader.nowMs += 450;
    for (const node of ["a", "b"]) leader.beat(node, 60, { slots: 1 });
    leader.dispatcher.ran(token, 10);
    leader.act(() => leader.kit.end(token, reduced([])));
    expect(new Set(nodesOf(leader.decide()))).toEqual(new Set(["b"]));
  });

  test("while nothing may be granted what is lost is taken back all the same, and afterwards work goes on", () => {
    const leader = leaderWith(100);
    leader.beat("a", 60, { slots: 3 });
    leader.commit(leader.decide());
    leader.beat("b", 60, { slots: 2 });
    leader.dispatcher.nodeDown("a");
    expect(leader.decide(false).map(({ kind }) => kind)).toEqual(Array(3).fill("take-back"));
    expect(new Set(nodesOf(leader.decide()))).toEqual(new Set(["b"]));
  });

  test("an executor gets so many units as last about 50 ms, by the time that others took", () => {
    const leader = leaderWith(400);
    leader.beat("a", 300, { slots: 2 });
    leader.commit(leader.decide());
    for (const token of leader.held("a")) leader.dispatcher.ran(token, 1);
    const more = leader.decide();
    expect(nodesOf(more)).toHaveLength(2 * PREFETCH_MS);
    expect(more.length).toBeLessThan(6);
    leader.commit(more);
    // They turn out to be slow: what is held is plenty, and nothing more comes until it has ended.
    for (const token of leader.held("a").slice(0, 50)) {
      leader.dispatcher.ran(token, 400);
      leader.act(() => leader.kit.end(token, reduced([])));
    }
    expect(leader.decide()).toEqual([]);
    for (const token of leader.held("a").slice(1)) {
      leader.act(() => leader.kit.end(token, reduced([])));
    }
    expect(nodesOf(leader.decide())).toEqual(["a"]);
  });

  test("an executor that needs long to secure outputs asks for more, and gets it", () => {
    const leader = leaderWith(400);
    leader.beat("a", 400, { slots: 2, prefetchMs: 3 * PREFETCH_MS });
    leader.commit(leader.decide());
    for (const token of leader.held("a")) leader.dispatcher.ran(token, 1);
    expect(nodesOf(leader.decide())).toHaveLength(6 * PREFETCH_MS);
  });

  test("where it has no slot for now an executor gets its part of the work ahead, of known time only", () => {
    const leader = leaderWith(400);
    leader.beat("a", 1);
    leader.commit(leader.decide());
    const [token] = leader.held("a");
    if (token === undefined) throw new Error("one is granted");
    leader.beat("b", 100, { slots: 0, aheadMs: PREFETCH_MS / 2 });
    expect(leader.decide()).toEqual([]);
    leader.dispatcher.ran(token, 5);
    expect(nodesOf(leader.decide())).toEqual(Array(PREFETCH_MS / 10).fill("b"));
  });

  test("a few units of short work are spread over all executors with room", () => {
    const leader = leaderWith(9);
    for (const node of ["a", "b", "c"]) leader.beat(node, 100, { slots: 50 });
    const nodes = nodesOf(leader.decide());
    for (const node of ["a", "b", "c"]) {
      expect(nodes.filter((one) => one === node)).toHaveLength(3);
    }
  });

  test("scarce work goes to another one each time", () => {
    const leader = leaderWith(0);
    leader.beat("a", 9);
    leader.beat("b", 9);
    const nodes: string[] = [];
    for (let times = 0; times < 4; times++) {
      const commands = leader.decide();
      nodes.push(...nodesOf(commands));
      leader.commit(commands);
      leader.act(() => leader.kit.submit());
    }
    expect(new Set(nodes)).toEqual(new Set(["a", "b"]));
  });

  test("work goes only to who offers what it requires", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", capability: "gpu" }]);
    kit.submit();
    const leader = new Leader(kit);
    leader.beat("a", 5);
    expect(leader.decide()).toEqual([]);
    expect(leader.dispatcher.readyFor("a")).toBe(0);
    leader.beat("b", 5, { capabilities: ["gpu"] });
    expect(leader.dispatcher.readyFor("b")).toBe(1);
    expect(nodesOf(leader.decide())).toEqual(["b"]);
  });

  test("work that requires several things goes only to who offers all of them", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", capability: "gpu+sandbox.strict" }]);
    kit.submit();
    const leader = new Leader(kit);
    leader.beat("a", 5, { capabilities: ["gpu"] });
    expect(leader.decide()).toEqual([]);
    expect(leader.dispatcher.readyFor("a")).toBe(0);
    leader.beat("b", 5, { capabilities: ["sandbox.strict", "gpu"] });
    expect(leader.dispatcher.readyFor("b")).toBe(1);
    expect(nodesOf(leader.decide())).toEqual(["b"]);
  });

  test("neither kind of work waits for the end of the other", () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low", capability: "gpu" }]);
    kit.submit();
    kit.next(mapped("low", 50));
    for (let times = 0; times < 50; times++) kit.submit();
    const leader = new Leader(kit);
    leader.beat("a", 1, { capabilities: ["gpu"] });
    const kinds = new Set<string>();
    for (let times = 0; times < 6; times++) {
      const commands = leader.decide();
      for (const one of commands) {
        if (one.kind === "grant") kinds.add(capabilityOfQueueKey(one.queueKey));
      }
      leader.commit(commands);
      for (const token of leader.held("a")) leader.act(() => leader.kit.end(token, failed()));
    }
    expect(kinds).toEqual(new Set(["none", "gpu"]));
  });

  test("work of a request that does not run is set aside and comes back with it", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "pause" }]);
    const request = kit.submit();
    kit.next(failed());
    const leader = new Leader(kit);
    leader.beat("a", 5);
    leader.commit(leader.decide());
    leader.commit(leader.decide());
    expect(kit.queue()).toEqual([]);
    leader.act(() => kit.run({ kind: "resume", request }));
    for (const [key] of kit.scan(prefixes.parked))
      leader.act(() => kit.run({ kind: "unpark", key }));
    expect(nodesOf(leader.decide())).toEqual(["a"]);
  });

  test("a row whose request is resumed before it is set aside is not forgotten", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", onFailure: "pause" }]);
    const request = kit.submit();
    kit.next(failed());
    const leader = new Leader(kit);
    leader.beat("a", 5);
    leader.commit(leader.decide());
    const setAside = leader.decide();
    leader.act(() => kit.run({ kind: "resume", request }));
    leader.commit(setAside);
    expect(leader.dispatcher.needsReload()).toBe(true);
    leader.reload();
    expect(nodesOf(leader.decide())).toEqual(["a"]);
  });

  test("a delayed unit is proposed when its time has come, once", () => {
    const kit = SchedulerKit.withSteps([{ name: "top", retries: 1 }]);
    kit.submit();
    const leader = new Leader(kit);
    leader.beat("a", 1);
    leader.commit(leader.decide());
    leader.act(() => kit.end(leader.held("a")[0] ?? { index: 0, ordinal: 0 }, failed()));
    expect(leader.decide()).toEqual([]);
    kit.stampMs = leader.dispatcher.nextDueMs() ?? 0;
    expect(leader.decide()).toMatchObject([{ kind: "due" }]);
    expect(leader.decide()).toEqual([]);
  });
});

describe("taking back", () => {
  test("D3: what its executor claims stays, what it does not claim is released once it must have arrived", () => {
    const leader = leaderWith(2);
    leader.beat("a", 2);
    leader.commit(leader.decide());
    const [first] = leader.held("a");
    const holding = first === undefined ? [] : [first];
    leader.nowMs = OPTIONS.arrivalMs - 1;
    expect(leader.beat("a", 2, { holding })).toEqual([]);
    leader.nowMs = OPTIONS.arrivalMs;
    expect(leader.beat("a", 2, { holding })).toEqual([
      { kind: "take-back", token: leader.held("a")[1], how: "released" },
    ]);
    expect(leader.beat("a", 2, { holding })).toEqual([]);
  });

  test("D3: an executor that leaves gives back all that it does not hold, also what is on its way", () => {
    const leader = leaderWith(2);
    leader.beat("a", 2);
    leader.commit(leader.decide());
    const [first, second] = leader.held("a");
    leader.nowMs = 1;
    const holding = first === undefined ? [] : [first];
    expect(leader.beat("a", 0, { holding, leaving: true })).toEqual([
      { kind: "take-back", token: second, how: "released" },
    ]);
    expect(leader.beat("a", 0, { holding: [], leaving: true })).toEqual([
      { kind: "take-back", token: first, how: "released" },
    ]);
  });

  test("D3: part of a block is taken back, and the rest of it ends as it would have", () => {
    const leader = leaderWith(4);
    leader.beat("a", 4);
    leader.commit(leader.decide());
    expect(leader.kit.scan(prefixes.attempts)).toHaveLength(1);
    const [first, ...rest] = leader.held("a");
    leader.nowMs = OPTIONS.arrivalMs;
    const commands = leader.beat("a", 4, { holding: first === undefined ? [] : [first] });
    expect(commands).toEqual(rest.map((token) => ({ kind: "take-back", token, how: "released" })));
    leader.commit(commands);
    expect(leader.held("a")).toEqual([first]);
    for (const token of rest) {
      // What was taken back is fenced, though its block is still there.
      expect(leader.kit.said(() => leader.kit.end(token, reduced([])))).toEqual([]);
    }
    leader.act(() => leader.kit.end(first ?? { index: 0, ordinal: 0 }, reduced([])));
    expect(leader.dispatcher.heldCount()).toBe(0);
    expect(leader.kit.scan(prefixes.attempts)).toEqual([]);
  });

  test("D3: what an executor's earlier run held is lost at its first beat", () => {
    const leader = leaderWith(2);
    leader.beat("a", 2);
    leader.commit(leader.decide());
    const commands = leader.beat("a", 2, { run: "another run", sequence: 1, holding: [] });
    expect(commands).toMatchObject([{ how: "lost" }, { how: "lost" }]);
    expect(whyLost(leader, commands)).toEqual(Array(2).fill("its node was started anew"));
    leader.commit(commands);
    expect(leader.decide()).toHaveLength(2);
  });

  test("D3: silence counts after the lease, from the leader's beginning for one never heard of", () => {
    const leader = leaderWith(1);
    leader.beat("a", 1);
    leader.commit(leader.decide());
    const next = new Leader(leader.kit);
    next.nowMs = OPTIONS.leaseMs - 1;
    expect(next.decide()).toEqual([]);
    // Reading the rows again gives nobody another lease.
    next.reload();
    next.nowMs = OPTIONS.leaseMs;
    const commands = next.decide();
    expect(commands).toMatchObject([{ kind: "take-back", how: "lost" }]);
    expect(whyLost(next, commands)).toEqual(["its node says nothing"]);
    expect(next.decide()).toEqual([]);
  });

  test("a node that is down loses its attempts at once and gets nothing until it beats", () => {
    const leader = leaderWith(3);
    leader.beat("a", 1);
    leader.commit(leader.decide());
    leader.dispatcher.nodeDown("a");
    const commands = leader.decide();
    expect(commands).toMatchObject([{ kind: "take-back", how: "lost" }]);
    expect(whyLost(leader, commands)).toEqual(["its node is gone"]);
    leader.commit(commands);
    leader.dispatcher.nodeUp("a");
    expect(leader.decide()).toEqual([]);
    leader.beat("a", 1);
    expect(leader.decide()).toHaveLength(1);
  });

  test("a beat that comes late changes neither limit nor claims", () => {
    const leader = leaderWith(5);
    leader.beat("a", 1, { sequence: 5 });
    leader.commit(leader.decide());
    leader.nowMs = OPTIONS.arrivalMs;
    expect(leader.beat("a", 4, { sequence: 4, holding: [] })).toEqual([]);
    expect(leader.dispatcher.heard("a")).toBe(5);
    expect(leader.decide()).toEqual([]);
  });
});

describe("proposals that are refused", () => {
  test("give their credit back, and their unit is found again", () => {
    const leader = leaderWith(1);
    leader.beat("a", 1);
    for (const command of leader.decide()) leader.dispatcher.proposalRefused(command);
    expect(leader.dispatcher.needsReload()).toBe(true);
    leader.reload();
    expect(leader.decide()).toHaveLength(1);
  });

  test("a take-back is proposed again", () => {
    const leader = leaderWith(1);
    leader.beat("a", 1);
    leader.commit(leader.decide());
    leader.dispatcher.nodeDown("a");
    const commands = leader.decide();
    for (const command of commands) leader.dispatcher.proposalRefused(command);
    expect(leader.decide()).toEqual(commands);
  });

  test("D4: rows are not read again, and nothing is granted, while grants are on their way", () => {
    const leader = leaderWith(4);
    leader.beat("a", 1);
    leader.beat("b", 1);
    const [first, second] = leader.decide();
    leader.beat("a", 4);
    if (first !== undefined) leader.dispatcher.proposalRefused(first);
    expect(leader.dispatcher.needsReload()).toBe(false);
    expect(leader.decide()).toEqual([]);
    // The first child's grant is missing, so the second's is refused as well.
    leader.commit(second === undefined ? [] : [second]);
    expect(leader.dispatcher.needsReload()).toBe(true);
    leader.reload();
    expect(nodesOf(leader.decide())).toHaveLength(4);
  });
});

test("whatever happens, limits hold, no unit is held twice, and all work ends", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seed) => {
      const random = seededRandom(seed);
      const leader = leaderWith(30);
      const limits = new Map<string, number>();
      const pending: SchedulerCommand[] = [];
      let rounds = 0;
      for (; leader.kit.request(1).endedMs === undefined && rounds < 10_000; rounds++) {
        const stepMs = Math.floor(random.next() * 100);
        leader.nowMs += stepMs;
        // What was lost often waits by the stamps.
        leader.kit.stampMs += stepMs;
        const node = random.next() < 0.5 ? "a" : "b";
        const dice = random.next();
        if (dice < 0.3) {
          const limit = Math.floor(random.next() * 6);
          pending.push(...leader.beat(node, limit));
          limits.set(node, limit);
        } else if (dice < 0.6) {
          const token = leader.held(node)[0];
          if (token !== undefined) leader.act(() => leader.kit.end(token, reduced([])));
        } else if (dice < 0.63) leader.dispatcher.nodeDown(node);
        else if (dice < 0.8) {
          const decided = leader.decide();
          pending.push(...decided);
          for (const one of nodesOf(decided)) {
            expect(leader.dispatcher.heldBy(one)).toBeLessThanOrEqual(limits.get(one) ?? 0);
          }
        } else if (dice < 0.85) {
          const refused = pending.pop();
          if (refused !== undefined) leader.dispatcher.proposalRefused(refused);
        } else leader.commit(pending.splice(0));
        if (leader.dispatcher.needsReload() && pending.length === 0) leader.reload();
        const attempts = leader.kit.attempts();
        const units = attempts.map(({ attempt }) => unitText(attempt.unit));
        expect(new Set(units).size).toBe(units.length);
        expect(leader.dispatcher.heldCount()).toBe(attempts.length);
        expect(attempts.every(({ token }) => leader.dispatcher.holderOf(token))).toBe(true);
        expect(new Set(attempts.map(({ token }) => tokenText(token))).size).toBe(attempts.length);
      }
      const state = leader.kit.request(1).state;
      const failure = leader.kit.request(1).failure?.error.code;
      expect(state === "succeeded" || failure === "UNIT_KEEPS_DYING").toBe(true);
    }),
    { numRuns: 20 },
  );
}, 30_000);
