import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { silentLog } from "../std/log.ts";
import { soleMembership } from "./membership.ts";
import type { Membership, PeerMessage } from "./ports.ts";
import { ReplicaCare, type ReplicaCareDeps } from "./replica-care.ts";

const GROUP = 4;

/** A group of two whose next replica is 6: replicas 2 to 4 were removed. */
const MEMBERS: Membership = {
  ...soleMembership({ replica: 1, node: "a", storeId: "sa" }),
  places: [
    { replica: 1, node: "a", storeId: "sa" },
    { replica: 5, node: "b", storeId: "sb" },
  ],
  nextReplica: 6,
};

interface Sent {
  readonly to: string;
  readonly message: PeerMessage;
}

function careOf(
  given: {
    readonly self?: string;
    readonly id?: number;
    readonly leads?: boolean;
    readonly leader?: number | undefined;
    readonly silentTicks?: number;
    readonly damaged?: ReadonlyMap<number, number>;
    readonly stopped?: ReadonlyMap<number, number>;
    readonly absent?: boolean;
  } = {},
) {
  const sent: Sent[] = [];
  const destroyed: number[] = [];
  const damage: number[] = [];
  const timers = new FakeTimers();
  const { self = "a", id = 1, leads = true, damaged = new Map() } = given;
  let checks = 0;
  let woken = 0;
  const replica = {
    group: GROUP,
    id,
    membership: MEMBERS,
    core: {
      status: () => ({
        leader: "leader" in given ? given.leader : 1,
        silentTicks: given.silentTicks ?? 0,
      }),
      wake: () => {
        woken += 1;
      },
    },
    proposeCheck: () => {
      checks += 1;
    },
  };
  const deps: ReplicaCareDeps = {
    clock: timers,
    caller: { ask: () => Promise.resolve(undefined) },
    timers,
    log: silentLog,
    mesh: {
      self,
      listen: () => undefined,
      isDialable: () => true,
      isUp: () => true,
      setMembers: () => undefined,
      send: (to, message) => sent.push({ to, message }) > 0,
    },
    storeId: `s${self}`,
    silentTicksMax: 20,
    checkMs: 60_000,
    damaged: () => damaged,
    stopped: () => given.stopped ?? damaged,
    replicas: () => (given.absent === true ? [] : [replica]),
    replica: () => (given.absent === true ? undefined : replica),
    leads: () => leads,
    others: () => ["b", "c"],
    onDamaged: (_, damagedReplica) => damage.push(damagedReplica),
    destroy: async (_, below) => {
      destroyed.push(below);
    },
  };
  return {
    care: new ReplicaCare(deps),
    replica,
    sent,
    destroyed,
    damage,
    timers,
    checks: () => checks,
    woken: () => woken,
  };
}

const report = (given: { replica: number; storeId: string; damaged?: boolean }) =>
  ({ kind: "replica-report", group: GROUP, damaged: false, ...given }) as const;

test("a replica that was removed is told so by any member, one that belongs or is yet to be is not", () => {
  const { care, sent } = careOf({ leads: false });
  care.reported("c", report({ replica: 3, storeId: "sc" }));
  expect(sent).toMatchObject([
    { to: "c", message: { kind: "replica-gone", replica: 3, below: 6 } },
  ]);
  care.reported("b", report({ replica: 5, storeId: "sb" }));
  care.reported("c", report({ replica: 6, storeId: "sc" }));
  expect(sent).toHaveLength(1);
});

test("a replica whose node is to have another one already is told so, and may still make that one", () => {
  const { care, replica, sent } = careOf({ leads: false });
  care.reported("b", report({ replica: 2, storeId: "sb" }));
  care.removedSpoke("b", replica, 2);
  const gone = { to: "b", message: { kind: "replica-gone", replica: 2, below: 5 } };
  expect(sent).toMatchObject([gone, gone]);
});

test("not to have the group says nothing about others' replicas", () => {
  const { care, sent } = careOf({ absent: true });
  care.reported("c", report({ replica: 3, storeId: "sc" }));
  expect(sent).toEqual([]);
});

test("a leader hears of damage by the store it is in; once that is no member's, it can go", () => {
  const { care, sent, damage } = careOf();
  care.reported("b", report({ replica: 0, storeId: "sb", damaged: true }));
  expect(damage).toEqual([5]);
  expect(sent).toEqual([]);
  care.reported("c", report({ replica: 0, storeId: "sc", damaged: true }));
  expect(sent).toMatchObject([
    { to: "c", message: { kind: "replica-gone", storeId: "sc", below: 6 } },
  ]);
});

test("damage on other nodes is known while they report it, whoever leads", async () => {
  const { care, timers } = careOf({ leads: false, absent: true, damaged: new Map([[9, 2]]) });
  care.start();
  care.reported("b", report({ replica: 5, storeId: "sb", damaged: true }));
  care.reported("c", report({ replica: 6, storeId: "sc" }));
  expect([care.damagedOn("a"), care.damagedOn("b"), care.damagedOn("c")]).toEqual([
    [9],
    [GROUP],
    [],
  ]);
  await timers.advance(5_000);
  care.reported("b", report({ replica: 5, storeId: "sb", damaged: true }));
  await timers.advance(5_000);
  expect(care.damagedOn("b")).toEqual([GROUP]);
  await timers.advance(5_000);
  expect(care.damagedOn("b")).toEqual([]);
});

test("whoever does not lead does not judge a damaged replica that does not know its id", () => {
  const { care, sent, damage } = careOf({ leads: false });
  care.reported("c", report({ replica: 0, storeId: "sc", damaged: true }));
  care.reported("b", report({ replica: 5, storeId: "sb", damaged: true }));
  expect([sent, damage]).toEqual([[], []]);
});

test("only the replica that is meant is destroyed, and not one that was made later", async () => {
  const gone = { kind: "replica-gone", group: GROUP, storeId: "sc", below: 6 } as const;
  const meant = careOf({ self: "c", id: 3, leader: undefined });
  meant.care.gone("b", { ...gone, replica: 3 });
  expect(meant.destroyed).toEqual([6]);
  const later = careOf({ self: "c", id: 7 });
  later.care.gone("b", { ...gone, replica: 3 });
  later.care.gone("b", { ...gone, replica: 7 });
  expect(later.destroyed).toEqual([]);
});

test("a replica that hears of its leader is not destroyed, whoever says that it was removed", () => {
  const gone = { kind: "replica-gone", group: GROUP, storeId: "sc", below: 6, replica: 3 } as const;
  const led = careOf({ self: "c", id: 3, leader: 1, silentTicks: 19 });
  led.care.gone("b", gone);
  // But if it is quiet, it listens from now on.
  expect([led.destroyed, led.woken()]).toEqual([[], 1]);
  const silent = careOf({ self: "c", id: 3, leader: 1, silentTicks: 20 });
  silent.care.gone("b", gone);
  expect(silent.destroyed).toEqual([6]);
});

test("a damaged replica is destroyed when its store's place is gone, not for another store's sake", () => {
  const damaged = new Map([[GROUP, 0]]);
  const gone = { kind: "replica-gone", group: GROUP, replica: 0, below: 6 } as const;
  const { care, destroyed } = careOf({ self: "c", damaged, absent: true });
  care.gone("b", { ...gone, storeId: "before" });
  expect(destroyed).toEqual([]);
  care.gone("b", { ...gone, storeId: "sc" });
  expect(destroyed).toEqual([6]);
});

test("damage is reported to all members, again and again", async () => {
  const { care, sent, timers } = careOf({ damaged: new Map([[9, 2]]), absent: true });
  care.start();
  await timers.advance(4_100);
  const about = { kind: "replica-report", group: 9, replica: 2, storeId: "sa", damaged: true };
  expect(sent).toEqual(["b", "c", "b", "c"].map((to) => ({ to, message: about })));
  care.stop();
  await timers.advance(10_000);
  expect(sent).toHaveLength(4);
});

test("who is quiet with a leader that was stopped is woken by the word of it, damaged or not", () => {
  for (const damaged of [true, false]) {
    const { care, woken } = careOf({ leads: false, leader: 5 });
    care.reported("b", report({ replica: 5, storeId: "sb", damaged }));
    expect(woken()).toBe(1);
    // Another store of that node, and another node, are not the leader.
    care.reported("b", report({ replica: 5, storeId: "sx", damaged }));
    care.reported("a", report({ replica: 1, storeId: "sa", damaged }));
    expect(woken()).toBe(1);
  }
});

test("a replica that was stopped without damage is reported as well, and not as damaged", async () => {
  const { care, sent, timers } = careOf({ stopped: new Map([[9, 2]]), absent: true });
  care.start();
  await timers.advance(2_100);
  const about = { kind: "replica-report", group: 9, replica: 2, storeId: "sa", damaged: false };
  expect(sent).toEqual(["b", "c"].map((to) => ({ to, message: about })));
});

test("a replica that hears of no leader for long asks the members, one that has a leader does not", async () => {
  const quiet = careOf();
  quiet.care.start();
  await quiet.timers.advance(30_000);
  expect(quiet.sent).toEqual([]);
  const lonely = careOf({ leader: undefined });
  lonely.care.start();
  await lonely.timers.advance(6_100);
  expect(lonely.sent).toEqual([]);
  await lonely.timers.advance(2_000);
  expect(lonely.sent).toMatchObject([{ to: "b", message: { kind: "replica-report", replica: 1 } }]);
});

test("a learner that knows a leader and has not heard of it for long asks as well", async () => {
  const removed = careOf({ silentTicks: 20 });
  removed.care.start();
  await removed.timers.advance(8_100);
  expect(removed.sent).toMatchObject([
    { to: "b", message: { kind: "replica-report", replica: 1 } },
  ]);
});

test("leaders are asked for checks of their states at their interval", async () => {
  const { care, timers, checks } = careOf();
  care.start();
  await timers.advance(59_000);
  expect(checks()).toBe(0);
  await timers.advance(62_000);
  expect(checks()).toBe(2);
});
