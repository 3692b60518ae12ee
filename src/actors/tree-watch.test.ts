import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { revisionOf } from "../scheduler/apply-kit.ts";
import type { Effect } from "../scheduler/effects.ts";
import type { CallAnswer } from "./ports.ts";
import { TREE_LEASE_MS, TREE_LEASES_MAX } from "./tree-leases.ts";
import { TREE_LOG_ITEMS_MAX, TREE_NEWS_ITEMS_MAX } from "./tree-log.ts";
import { TreeWatch, type WatchedReplica } from "./tree-watch.ts";

const revisionAt = (index: number): number => revisionOf({ index, ordinal: 0 });

class Leader {
  readonly timers = new FakeTimers();
  leadingTerm: number | undefined = 1;
  readonly watch: TreeWatch;
  #index = 10;

  constructor() {
    const leader = this;
    const replica: WatchedReplica & { readonly appliedIndex: number } = {
      appliedIndex: this.#index,
      leaderNode: "n2",
      get leadingTerm() {
        return leader.leadingTerm;
      },
      linearize: () => Promise.resolve(),
    };
    this.watch = new TreeWatch({ clock: this.timers, timers: this.timers }, replica);
  }

  /** Applies a change of these inodes; resolves when everybody knows of it. */
  change(inodes: readonly number[], by?: string): Promise<void> {
    this.#index += 1;
    const revision = revisionAt(this.#index);
    const effect: Effect = {
      kind: "tree-changed",
      ...{ revision, inodes, entries: [{ parent: 1, name: "f" }] },
    };
    this.watch.applied([effect], { firstIndex: this.#index, lastIndex: this.#index });
    const call =
      by === undefined
        ? ({ kind: "command" } as const)
        : ({ kind: "mount-command", mount: by } as const);
    return this.watch.settled({ kind: "inode", inode: 1, revision }, call);
  }

  /** A question; `mount` holds a lease by it. */
  ask(
    about: { after?: number; mount?: string; ends?: boolean; waitMs?: number } = {},
  ): Promise<CallAnswer> {
    const { after, mount, ends = false, waitMs = 500 } = about;
    const call = {
      kind: "tree-changes",
      group: 7,
      limit: 100,
      after,
      waitMs,
      mount,
      ends,
    } as const;
    return this.watch.serve(call);
  }

  async pass(ms: number): Promise<void> {
    await this.timers.advance(ms);
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** Whether it is settled by now. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await turns();
  return done;
}

const next = (answer: CallAnswer): number => (answer.kind === "tree-changes" ? answer.next : -1);
const inodesOf = (answer: CallAnswer): unknown =>
  answer.kind === "tree-changes" ? answer.changes.map(({ inodes }) => inodes) : answer;

test("who waits is told of a change when it happens, and goes on after it", async () => {
  const leader = new Leader();
  const first = leader.ask();
  await leader.pass(499);
  expect(await isDone(first)).toBe(false);
  void leader.change([1, 2]);
  await leader.pass(0);
  const answer = await first;
  expect(answer).toMatchObject({ resync: false, leaseMs: 0, next: revisionAt(12) - 1 });
  expect(inodesOf(answer)).toEqual([[1, 2]]);
  const second = leader.ask({ after: next(answer) });
  await leader.pass(500);
  expect(inodesOf(await second)).toEqual([]);
});

test("a change is not answered before every mount with a lease has asked for what comes after it", async () => {
  const leader = new Leader();
  const asked = [leader.ask({ mount: "a" }), leader.ask({ mount: "b" })] as const;
  await leader.pass(0);
  const changed = leader.change([5]);
  await leader.pass(0);
  const [a, b] = [await asked[0], await asked[1]];
  expect([a, b].map(inodesOf)).toEqual([[[5]], [[5]]]);
  void leader.ask({ mount: "a", after: next(a) });
  expect(await isDone(changed)).toBe(false);
  void leader.ask({ mount: "b", after: next(b) });
  expect(await isDone(changed)).toBe(true);
});

test("a mount that is not heard of any more is waited for until its lease is over, and then never again", async () => {
  const leader = new Leader();
  void leader.ask({ mount: "a" });
  await leader.pass(0);
  const changed = leader.change([5]);
  await leader.pass(TREE_LEASE_MS - 1);
  expect(await isDone(changed)).toBe(false);
  await leader.pass(1);
  expect(await isDone(changed)).toBe(true);
  expect(await isDone(leader.change([6]))).toBe(true);
});

test("a mount that asks for the same again and again holds nobody up for longer than a lease", async () => {
  const leader = new Leader();
  const start = next(await leader.ask({ waitMs: 0 }));
  void leader.ask({ mount: "a", after: start });
  await leader.pass(0);
  const changed = leader.change([5]);
  for (let passedMs = 0; passedMs < TREE_LEASE_MS; passedMs += 100) {
    expect(await isDone(changed)).toBe(false);
    void leader.ask({ mount: "a", after: start });
    await leader.pass(100);
  }
  expect(await isDone(changed)).toBe(true);
});

test("what a mount has had made itself it is not told of, and does not wait for", async () => {
  const leader = new Leader();
  const asked = leader.ask({ mount: "a" });
  await leader.pass(0);
  expect(await isDone(leader.change([5], "a"))).toBe(true);
  void leader.change([6], "b");
  await leader.pass(0);
  expect(inodesOf(await asked)).toEqual([[6]]);
});

test("a mount that says that it goes is not waited for", async () => {
  const leader = new Leader();
  void leader.ask({ mount: "a" });
  await leader.pass(0);
  expect(await leader.ask({ mount: "a", ends: true, waitMs: 0 })).toMatchObject({ leaseMs: 0 });
  expect(await isDone(leader.change([5]))).toBe(true);
});

test("a new leader answers no change before leases of the one before are over", async () => {
  const leader = new Leader();
  leader.watch.leads(true);
  const changed = leader.change([5]);
  await leader.pass(TREE_LEASE_MS - 1);
  expect(await isDone(changed)).toBe(false);
  await leader.pass(1);
  expect(await isDone(changed)).toBe(true);
});

test("who leads no more renews no lease, also of who waits already", async () => {
  const leader = new Leader();
  const waiting = leader.ask({ mount: "a" });
  await leader.pass(0);
  const changed = leader.change([5]);
  leader.leadingTerm = undefined;
  leader.watch.follows();
  expect(await waiting).toEqual({ kind: "not-scheduler", leader: "n2" });
  expect(await isDone(changed)).toBe(true);
  expect(await leader.ask({ mount: "a" })).toMatchObject({ kind: "not-scheduler" });
});

test("more mounts than are waited for get no lease", async () => {
  const leader = new Leader();
  for (let at = 0; at < TREE_LEASES_MAX; at += 1) void leader.ask({ mount: `m${at}` });
  await leader.pass(0);
  const more = await leader.ask({ mount: "more", waitMs: 0 });
  expect(more).toMatchObject({ leaseMs: 0 });
  const known = await leader.ask({ mount: "m0", waitMs: 0 });
  expect(known).toMatchObject({ leaseMs: TREE_LEASE_MS });
});

test("who comes from before the log, or after a change that is too large for it, is told to look at all", async () => {
  const leader = new Leader();
  const start = next(await leader.ask({ waitMs: 0 }));
  for (let done = 0; done <= TREE_LOG_ITEMS_MAX; done += 1000) {
    void leader.change(Array.from({ length: 1000 }, (_, at) => at + 1));
  }
  expect(await leader.ask({ after: start })).toMatchObject({ resync: true, changes: [] });
  const now = next(await leader.ask({ waitMs: 0 }));
  void leader.change(Array.from({ length: TREE_NEWS_ITEMS_MAX }, (_, at) => at + 1));
  expect(await leader.ask({ after: now })).toMatchObject({ resync: true, changes: [] });
});

test("many changes come in pages, and none is left out", async () => {
  const leader = new Leader();
  let after = next(await leader.ask({ waitMs: 0 }));
  for (let inode = 1; inode <= 300; inode += 1) void leader.change([inode]);
  const seen: unknown[] = [];
  for (let page = 0; page < 6; page += 1) {
    const answer = await leader.ask({ after, waitMs: 0 });
    if (answer.kind === "tree-changes") seen.push(...answer.changes.map(({ inodes }) => inodes[0]));
    after = next(answer);
  }
  expect(seen).toEqual(Array.from({ length: 300 }, (_, at) => at + 1));
});
