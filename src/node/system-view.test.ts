import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { Directory } from "../actors/directory.ts";
import { CLUSTER_KEY, systemKeys } from "../scheduler/system/keys.ts";
import { Deadline } from "../std/deadline.ts";
import { isJobxError } from "../std/errors.ts";
import { SystemView } from "./system-view.ts";
import { Tokens } from "./tokens.ts";

/** A view whose rounds end when a test says so. */
class Rounds {
  readonly timers = new FakeTimers();
  readonly directory = new Directory();
  readonly open: { readonly end: () => void; readonly refuse: () => void }[] = [];
  begun = 0;
  readonly view = new SystemView({
    clock: this.timers,
    timers: this.timers,
    directory: this.directory,
    linearize: () => {
      this.begun += 1;
      return new Promise((resolve, reject) => {
        this.open.push({ end: resolve, refuse: () => reject(new Error("no leader")) });
      });
    },
  });

  /** What has become of a call so far. */
  outcome(work: Promise<unknown>): { is: string } {
    const seen = { is: "waits" };
    work.then(
      () => {
        seen.is = "done";
      },
      (error: unknown) => {
        seen.is = isJobxError(error) ? `${error.code}: ${error.message}` : String(error);
      },
    );
    return seen;
  }

  /** The founding is applied here. */
  found(): void {
    const row = { kind: "cluster", id: "c", nextGroup: 1, version: 1 } as const;
    this.directory.take([{ key: CLUSTER_KEY, row }]);
  }

  /** Another node's workflow arrives here. */
  learn(group: number, name: string): void {
    this.found();
    const said = { description: "", weight: 1, revision: 0, replicas: [] };
    const row = { kind: "workflow", group, name, ...said } as const;
    this.directory.take([{ key: systemKeys.workflow(group), row: { ...row, state: "active" } }]);
  }
}

/** The same in a cluster that is there. */
function founded(): Rounds {
  const rounds = new Rounds();
  rounds.found();
  return rounds;
}

describe("a copy is made new", () => {
  test("by one round for all who ask before it begins, and by another for who asks later", async () => {
    const rounds = founded();
    const { view, timers, open } = rounds;
    const first = [view.fresh(1000), view.fresh(1000)].map((work) => rounds.outcome(work));
    await timers.advance(0);
    expect(rounds.begun).toBe(1);
    const later = rounds.outcome(view.fresh(1000));
    open[0]?.end();
    await timers.advance(0);
    // The round had begun before the last one asked, so it says nothing to that one.
    expect([...first, later].map(({ is }) => is)).toEqual(["done", "done", "waits"]);
    await timers.advance(20);
    open[1]?.end();
    await timers.advance(0);
    expect([rounds.begun, later.is]).toEqual([2, "done"]);
  });

  test("by a bounded number of rounds, however many ask one after the other", async () => {
    const rounds = founded();
    const asks: { is: string }[] = [];
    for (let ms = 0; ms < 1000; ms++) {
      asks.push(rounds.outcome(rounds.view.fresh(5000)));
      await rounds.timers.advance(1);
      for (const { end } of rounds.open.splice(0)) end();
    }
    await rounds.timers.advance(40);
    for (const { end } of rounds.open.splice(0)) end();
    await rounds.timers.advance(1);
    expect(rounds.begun).toBeLessThanOrEqual(52);
    expect(asks.filter(({ is }) => is !== "done")).toEqual([]);
  });

  test("by another round when one is refused, or is lost on its way", async () => {
    const rounds = founded();
    const asked = rounds.outcome(rounds.view.fresh(10_000));
    await rounds.timers.advance(0);
    rounds.open[0]?.refuse();
    await rounds.timers.advance(100);
    expect([rounds.begun, asked.is]).toEqual([2, "waits"]);
    await rounds.timers.advance(1_100);
    expect(rounds.begun).toBe(3);
    rounds.open[2]?.end();
    await rounds.timers.advance(0);
    expect(asked.is).toBe("done");
  });

  test("or not at all, and then its caller is told so at its deadline", async () => {
    const rounds = new Rounds();
    const asked = rounds.outcome(rounds.view.fresh(500));
    await rounds.timers.advance(499);
    expect(asked.is).toBe("waits");
    await rounds.timers.advance(1);
    expect(asked.is).toContain("no leader of the system group was found");
  });
});

describe("before the cluster is founded", () => {
  test("a copy that its leader confirms is not new yet, and is when the founding is applied", async () => {
    const rounds = new Rounds();
    const asked = rounds.outcome(rounds.view.fresh(10_000));
    for (let ms = 0; ms < 1_000; ms++) {
      await rounds.timers.advance(1);
      for (const { end } of rounds.open.splice(0)) end();
    }
    expect(asked.is).toBe("waits");
    expect(rounds.begun).toBeLessThanOrEqual(52);
    rounds.found();
    await rounds.timers.advance(40);
    for (const { end } of rounds.open.splice(0)) end();
    await rounds.timers.advance(0);
    expect(asked.is).toBe("done");
  });

  test("nobody's token is called unknown, and the founder's counts as soon as it is there", async () => {
    const rounds = new Rounds();
    const tokens = new Tokens({
      clock: rounds.timers,
      fresh: (ms) => rounds.view.fresh(ms),
      directory: rounds.directory,
      writer: { system: () => Promise.reject(new Error("nothing is written here")) },
      copyAgeMs: () => 0,
      own: "mine",
      isRemoved: () => false,
    });
    const first = rounds.outcome(tokens.principal("mine", 500));
    await rounds.timers.advance(0);
    rounds.open[0]?.end();
    await rounds.timers.advance(500);
    expect(first.is).toContain("NODE_NOT_READY");
    const second = tokens.principal("mine", 500);
    const key = systemKeys.token(createHash("sha256").update("mine").digest("hex"));
    const said = { kind: "token", role: "admin", name: "first" } as const;
    rounds.directory.take([{ key, row: { ...said, workflows: undefined, createdMs: 0 } }]);
    rounds.found();
    await rounds.timers.advance(100);
    for (const { end } of rounds.open.splice(0)) end();
    expect(await second).toEqual({ role: "admin", workflows: null });
  });
});

describe("a workflow that is not known here", () => {
  const endOf = (rounds: Rounds) => ({ deadline: new Deadline(rounds.timers, 1000) });

  test("is found when the copy has become new, by its name and by its group", async () => {
    const rounds = founded();
    const { view } = rounds;
    const named = rounds.outcome(view.workflowNamed("text", endOf(rounds)));
    const group = rounds.outcome(view.workflow(7, endOf(rounds)));
    await rounds.timers.advance(0);
    rounds.learn(7, "text");
    rounds.open[0]?.end();
    await rounds.timers.advance(0);
    expect([named.is, group.is]).toEqual(["done", "done"]);
    expect(await view.workflowNamed("text", endOf(rounds))).toMatchObject({ group: 7 });
    expect(rounds.begun).toBe(1);
  });

  test("is unknown only by a new copy, or at once to who is content with an old one", async () => {
    const rounds = founded();
    const { view } = rounds;
    const named = rounds.outcome(view.workflowNamed("text", endOf(rounds)));
    const old = view.workflowNamed("text", { ...endOf(rounds), stale: true });
    await expect(old).rejects.toMatchObject({ code: "WORKFLOW_UNKNOWN" });
    expect(named.is).toBe("waits");
    await rounds.timers.advance(0);
    rounds.open[0]?.end();
    await rounds.timers.advance(0);
    expect(named.is).toContain("there is no workflow named text");
  });
});
