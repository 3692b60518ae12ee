import { expect, test } from "vitest";
import { type DiskStep, FakeDisk } from "../../test/lib/fake-disk.ts";
import { AT_ONCE, FakeTimers } from "../../test/lib/fake-timers.ts";
import { soleMembership } from "../actors/membership.ts";
import type { Membership, RawRow, SnapshotChunk } from "../actors/ports.ts";
import type { Row } from "../scheduler/rows.ts";
import { assert } from "../std/assert.ts";
import { silentLog } from "../std/log.ts";
import { seededRandom } from "../std/random.ts";
import { NodeStore, type NodeStoreOptions } from "./node-store.ts";

const GROUP = 3;
const MEMBERS: Membership = soleMembership({ replica: 1, node: "a", storeId: "s" });

/** Times that a store was opened: each has chance of its own. */
let opened = 0;

function disk(): FakeDisk {
  return new FakeDisk({ random: seededRandom(5) });
}

function open(
  on: FakeDisk,
  replaceable = true,
  more: Partial<Pick<NodeStoreOptions, "log" | "stateMemtableBytes">> = {},
): Promise<NodeStore> {
  opened += 1;
  const random = seededRandom(opened);
  return NodeStore.open({
    disk: on,
    clusterId: "c",
    nodeId: "a",
    random,
    timers: AT_ONCE,
    log: silentLog,
    replaceable,
    ...more,
  });
}

const source = (text: string): Row => ({ kind: "source", source: text });

/** A store with a group that has applied `count` entries, each of which wrote a row. */
async function filled(
  count: number,
): Promise<{ readonly on: FakeDisk; readonly store: NodeStore }> {
  const on = disk();
  return { on, store: await filledOn(on, count) };
}

async function filledOn(on: FakeDisk, count: number): Promise<NodeStore> {
  const store = await open(on);
  await store.createReplica({ group: GROUP, replica: 1, bootstrap: MEMBERS, founder: true });
  await write(store, { from: 2, count });
  return store;
}

async function write(
  store: NodeStore,
  { from, count }: { readonly from: number; readonly count: number },
): Promise<void> {
  const state = await store.workflow(GROUP);
  for (let index = from; index < from + count; index++) {
    const hardState = { term: 1, vote: undefined, commit: index };
    const data = new Uint8Array([index]);
    const entries = [{ kind: "normal", index, term: 1, data } as const];
    await store.append([{ group: GROUP, hardState, restart: undefined, entries }]);
    await state.write({
      rows: new Map([[`s/${index + 100}`, source(`${index}`)]]),
      fresh: NONE_FRESH,
      appliedIndex: index,
      appliedTerm: 1,
      membership: undefined,
    });
  }
}

const NONE_FRESH: ReadonlySet<string> = new Set();

async function chunksOf(store: NodeStore, bytesMax: number): Promise<readonly SnapshotChunk[]> {
  const captured = await store.capture(GROUP);
  const chunks: SnapshotChunk[] = [];
  let after: string | undefined;
  do {
    const chunk = await captured.chunk(after, bytesMax);
    chunks.push(chunk);
    after = chunk.rows.at(-1)?.key ?? after;
  } while (chunks.at(-1)?.last !== true);
  await captured.close();
  return chunks;
}

/** A store that has the newcomer's replica and, in its state, the snapshot of another store. */
async function receiving(rows: readonly RawRow[]): Promise<{ on: FakeDisk; store: NodeStore }> {
  const on = disk();
  const store = await open(on);
  await store.createReplica({ group: GROUP, replica: 2, bootstrap: MEMBERS, founder: false });
  const install = await store.beginInstall(GROUP, { snapshot: "one", index: 11 });
  await install.put(rows);
  await install.finish({ index: 11, term: 1, membership: MEMBERS });
  return { on, store };
}

test("a snapshot is of the moment at which it was captured, and its chunks are its rows in order", async () => {
  const { store } = await filled(10);
  const before = await chunksOf(store, 1);
  expect(before.length).toBeGreaterThan(5);
  const captured = await store.capture(GROUP);
  await write(store, { from: 12, count: 5 });
  const whole = await captured.chunk(undefined, 1 << 20);
  expect(captured.index).toBe(11);
  expect(whole.rows).toEqual(before.flatMap(({ rows }) => rows));
  expect(whole.last).toBe(true);
});

test("an install that a crash interrupted before the log was restarted is finished at the next start", async () => {
  const sender = await filled(10);
  const rows = (await chunksOf(sender.store, 1 << 20)).flatMap((chunk) => chunk.rows);
  for (const kind of ["process", "power"] as const) {
    const { on } = await receiving(rows);
    on.crash(kind);
    const again = await open(on);
    const [stored] = again.replicas();
    expect(stored).toMatchObject({ replica: 2, damage: undefined, lastIndex: 11, tail: [] });
    expect(stored?.compacted).toEqual({ index: 11, term: 1 });
    expect(again.stateHash(GROUP)).toEqual(sender.store.stateHash(GROUP));
    expect((await again.workflow(GROUP)).appliedIndex).toBe(11);
    // What was finished is on the disk, not only in memory.
    on.crash("power");
    expect((await open(on)).replicas()[0]?.compacted).toEqual({ index: 11, term: 1 });
  }
});

test("a replica that goes on alone has the same rows under its new id, and a crash never damages it", async () => {
  const membership = soleMembership({ replica: 50, node: "a", storeId: "s" });
  const successor = { group: GROUP, replica: 50, index: 1011, term: 9, membership } as const;
  const seen = new Set<string>();
  for (let steps = 0; steps < 8; steps++) {
    let left = Number.POSITIVE_INFINITY;
    let stop: () => void = () => {};
    const stopped = new Promise<void>((resolve) => {
      stop = resolve;
    });
    // The disk stands still at one of the steps, and the power fails.
    const on = new FakeDisk({
      random: seededRandom(steps),
      delay: async () => {
        left -= 1;
        if (left >= 0) return;
        stop();
        await new Promise(() => {});
      },
    });
    const store = await filledOn(on, 10);
    const hash = store.stateHash(GROUP)?.hash;
    left = steps;
    await Promise.race([store.succeedReplica(successor), stopped]);
    left = Number.POSITIVE_INFINITY;
    on.crash("power");
    const again = await open(on, false);
    const [stored] = again.replicas();
    expect(stored?.damage).toBeUndefined();
    const id = `${stored?.replica} from ${stored?.compacted.index}`;
    seen.add(id);
    if (stored?.compacted.index !== 1011) continue;
    const state = await again.workflow(GROUP);
    expect([state.appliedIndex, state.membership]).toEqual([1011, membership]);
    expect(again.stateHash(GROUP)?.hash).toBe(hash);
    if (stored.replica === 50) continue;
    // The old one is no member of it; the command is repeated.
    await again.succeedReplica({ ...successor, replica: 90, index: 2011, term: 19 });
    expect(again.replicas()[0]).toMatchObject({ replica: 90, lastIndex: 2011, tail: [] });
  }
  expect([...seen]).toEqual(["1 from 1", "1 from 1011", "50 from 1011"]);
});

test("rows that were decoded before an install do not outlive it", async () => {
  const { store } = await filled(3);
  const state = await store.workflow(GROUP);
  expect(await state.read(["s/102"])).toEqual([source("2")]);
  const install = await store.beginInstall(GROUP, { snapshot: "one", index: 40 });
  await install.finish({ index: 40, term: 2, membership: MEMBERS });
  expect(await state.read(["s/102"])).toEqual([undefined]);
});

test("the hash is that of every write that was called, whether it has ended or not", async () => {
  const { store } = await filled(3);
  const state = await store.workflow(GROUP);
  const before = await state.hash();
  const rows = new Map([["s/500", source("late")]]);
  const written = state.write({
    rows,
    fresh: NONE_FRESH,
    appliedIndex: 5,
    appliedTerm: 1,
    membership: undefined,
  });
  const after = await state.hash();
  expect(after).not.toEqual(before);
  await written;
  expect(await state.hash()).toEqual(after);
});

test("an id that the group has had here is refused", async () => {
  const { store } = await filled(1);
  const used = { group: GROUP, replica: 1, bootstrap: MEMBERS, founder: false };
  await expect(store.createReplica(used)).rejects.toMatchObject({ code: "REPLICA_ID_USED" });
});

test("a founder's state that a power failure took as a whole begins again where the log does", async () => {
  const { on } = await filled(4);
  on.crash("power");
  const again = await open(on);
  const [stored] = again.replicas();
  assert(stored !== undefined, "the log is synced");
  expect(stored).toMatchObject({ damage: undefined, lastIndex: 5 });
  const state = await again.workflow(GROUP);
  expect(state.appliedIndex).toBeGreaterThanOrEqual(1);
  expect(state.membership).toEqual(MEMBERS);
});

test("only what a checkpoint says is truncated, and what is left is still read", async () => {
  const { on, store } = await filled(30);
  await store.truncate([{ group: GROUP, index: 20 }]);
  const range = { firstIndex: 21, lastIndex: 31, bytesMax: 1 << 20 };
  expect((await store.readEntries(GROUP, range)).map(({ index }) => index)).toEqual(
    Array.from({ length: 11 }, (_, at) => at + 21),
  );
  expect(await store.readEntries(GROUP, { ...range, firstIndex: 20 })).toEqual([]);
  expect(store.tailStart(GROUP, 0)).toBe(30);
  expect(store.tailStart(GROUP, 1 << 20)).toBe(20);
  on.crash("process");
  expect((await open(on)).replicas()[0]?.compacted).toEqual({ index: 20, term: 1 });
});

test("a replica that is made while an earlier one is being destroyed waits for that, and the other way round", async () => {
  const timers = new FakeTimers();
  const on = new FakeDisk({
    random: seededRandom(5),
    delay: ({ kind, place }) =>
      kind === "sync" && place === "log"
        ? new Promise((resolve) => timers.after(100, resolve))
        : Promise.resolve(),
  });
  const opening = filledOn(on, 5);
  await timers.advance(5_000);
  const store = await opening;
  const all = [
    store.destroyReplica(GROUP, 7),
    store.createReplica({ group: GROUP, bootstrap: MEMBERS, founder: false, replica: 7 }),
    store.destroyReplica(GROUP, 8),
    store.createReplica({ group: GROUP, bootstrap: MEMBERS, founder: false, replica: 9 }),
  ];
  expect(store.replicas()).toEqual([]);
  const ended = Promise.all(all);
  await timers.advance(5_000);
  await ended;
  expect(store.replicas()).toMatchObject([{ group: GROUP, replica: 9 }]);
  expect((await store.workflow(GROUP)).appliedIndex).toBe(0);
});

test("a replica that was destroyed leaves no rows, and none of its ids is made again", async () => {
  const { on, store } = await filled(5);
  await store.destroyReplica(GROUP, 7);
  expect(store.replicas()).toEqual([]);
  const again = { group: GROUP, bootstrap: MEMBERS, founder: false };
  const used = store.createReplica({ ...again, replica: 6 });
  await expect(used).rejects.toMatchObject({ code: "REPLICA_ID_USED" });
  await store.createReplica({ ...again, replica: 7 });
  const state = await store.workflow(GROUP);
  expect(state.appliedIndex).toBe(0);
  expect((await state.scan({ gte: "!", lt: "~", limit: 100 })).rows).toEqual([]);
  on.crash("power");
  expect((await open(on)).replicas()).toMatchObject([
    { replica: 7, damage: undefined, lastIndex: 0 },
  ]);
});

test("a store of which a database is gone is set aside, and the new one has another id and no replicas", async () => {
  for (const gone of ["log", "state"] as const) {
    const { on, store } = await filled(5);
    await store.close();
    on.removeKv(gone);
    const again = await open(on);
    expect(on.asideCount).toBe(1);
    expect(again.identity.storeId).not.toBe(store.identity.storeId);
    expect(again.replicas()).toEqual([]);
  }
});

test("a log that ends before its mark is set aside where others can fill a new one, and kept where nobody can", async () => {
  const { on, store } = await filled(5);
  await store.close();
  on.database("log").dropBatch(on.database("log").batchesInLogs - 1);
  on.crash("process");
  const kept = await open(on, false);
  expect(on.asideCount).toBe(0);
  expect(kept.replicas()[0]?.damage).toBeDefined();
  await kept.close();
  expect((await open(on)).replicas()).toEqual([]);
  expect(on.asideCount).toBe(1);
});

test("a store that is closed while it makes a checkpoint ends the checkpoint first", async () => {
  const failed: string[] = [];
  const log = { ...silentLog, error: (message: string) => void failed.push(message) };
  const flushed = () => new Promise<void>((resolve) => void setImmediate(resolve));
  const delay = ({ kind }: DiskStep) => (kind === "flush" ? flushed() : Promise.resolve());
  const on = new FakeDisk({ random: seededRandom(5), delay });
  const store = await open(on, true, { log, stateMemtableBytes: 1 });
  await store.createReplica({ group: GROUP, replica: 1, bootstrap: MEMBERS, founder: true });
  let checkpoints = 0;
  store.onCheckpoint(() => {
    checkpoints += 1;
  });
  await write(store, { from: 2, count: 1 });
  await store.close();
  expect({ failed, checkpoints }).toEqual({ failed: [], checkpoints: 1 });
});
