import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { ROWS, ROWS_HASH, THREE } from "../../test/lib/snapshot-kit.ts";
import { silentLog } from "../std/log.ts";
import { NO_BUGS } from "../std/planted-bugs.ts";
import { snapshotInfoFormat } from "../wire/snapshot.ts";
import type { Membership, SnapshotChunk } from "./ports.ts";
import { type SendingReplica, SnapshotSender } from "./snapshot-sender.ts";

/** A leader's replica whose followers wait for snapshots as told. */
class Leader {
  readonly group: number;
  readonly waiting = new Set<number>();
  readonly announced: { readonly to: number; readonly snapshot: string; readonly index: number }[] =
    [];
  readonly failed: number[] = [];
  compactedIndex = 1;

  constructor(group: number) {
    this.group = group;
  }

  readonly core: SendingReplica["core"] = {
    status: () => ({
      compactedIndex: this.compactedIndex,
      members: [2, 3, 4].map((id) => ({
        id,
        state: this.waiting.has(id) ? "snapshot" : "replicate",
      })),
    }),
    snapshotMade: (to, { index, descriptor }) => {
      const { snapshot } = snapshotInfoFormat.decode(descriptor);
      this.announced.push({ to, snapshot, index });
      return true;
    },
    snapshotStatus: (to) => {
      this.failed.push(to);
      this.waiting.delete(to);
    },
  };
}

function world() {
  const timers = new FakeTimers();
  const closed: number[] = [];
  const captures = { asked: 0, refused: 0 };
  let index = 10;
  let membership: Membership = THREE;
  const sender = new SnapshotSender({
    bugs: NO_BUGS,
    clock: timers,
    timers,
    log: silentLog,
    infos: snapshotInfoFormat,
    chunkBytes: 2,
    run: "run",
    wake: () => undefined,
    states: {
      capture: async (group) => {
        captures.asked += 1;
        if (captures.asked <= captures.refused) throw new Error("the disk refuses");
        return {
          index,
          term: 2,
          membership,
          hash: ROWS_HASH,
          chunk: async (after, bytesMax) => {
            const rest = ROWS.filter(({ key }) => after === undefined || key > after);
            return { rows: rest.slice(0, bytesMax), last: rest.length <= bytesMax };
          },
          close: async () => {
            closed.push(group);
          },
        };
      },
    },
  });
  return {
    sender,
    timers,
    closed,
    captures,
    becomes: (next: { readonly index: number; readonly membership: Membership }) => {
      ({ index, membership } = next);
    },
  };
}

async function want(leader: Leader, to: number, of: ReturnType<typeof world>): Promise<void> {
  leader.waiting.add(to);
  of.sender.wanted(leader, to);
  await of.timers.advance(0);
}

async function collect(chunks: AsyncIterable<SnapshotChunk>): Promise<readonly string[]> {
  const keys: string[] = [];
  for await (const { rows } of chunks) keys.push(...rows.map(({ key }) => key));
  return keys;
}

test("one snapshot serves all followers who lack it, each from where it is", async () => {
  const of = world();
  const leader = new Leader(1);
  await want(leader, 2, of);
  await want(leader, 3, of);
  expect(leader.announced.map(({ to, snapshot }) => `${to} ${snapshot}`)).toEqual([
    "2 run-1",
    "3 run-1",
  ]);
  const wanted = { group: 1, snapshot: "run-1", after: undefined };
  expect(await collect(of.sender.serve("b", wanted))).toEqual(["k0", "k1", "k2", "k3", "k4"]);
  expect(await collect(of.sender.serve("c", { ...wanted, after: "k2" }))).toEqual(["k3", "k4"]);
});

test("what nobody asks for was lost: the core is told that it failed, and announces it again", async () => {
  const of = world();
  const leader = new Leader(1);
  await want(leader, 2, of);
  await of.timers.advance(6_000);
  expect(leader.failed).toEqual([2]);
  await want(leader, 2, of);
  expect(leader.announced.map(({ snapshot }) => snapshot)).toEqual(["run-1", "run-1"]);
});

test("a snapshot that could not be made is made at a later look, not asked for again and again", async () => {
  const of = world();
  const leader = new Leader(1);
  of.captures.refused = 3;
  await want(leader, 2, of);
  expect([of.captures.asked, leader.announced]).toEqual([1, []]);
  await of.timers.advance(500);
  expect(of.captures.asked).toBe(2);
  await of.timers.advance(1_000);
  expect(leader.announced).toMatchObject([{ to: 2, snapshot: "run-1" }]);
});

test("a stream that breaks at its last chunk counts as broken", async () => {
  const of = world();
  const leader = new Leader(1);
  await want(leader, 2, of);
  const wanted = { group: 1, snapshot: "run-1", after: "k3" };
  for await (const chunk of of.sender.serve("b", wanted)) {
    expect(chunk.last).toBe(true);
    break;
  }
  await of.timers.advance(6_000);
  expect(leader.failed).toEqual([2]);
});

test("who is not in the open snapshot gets a newer one, and whoever waited for that one is not forgotten", async () => {
  const of = world();
  const leader = new Leader(1);
  await want(leader, 2, of);
  const { places, configuration } = THREE;
  of.becomes({
    index: 20,
    membership: {
      configuration: { ...configuration, learners: [4] },
      places: [...places, { replica: 4, node: "d", storeId: "sd" }],
      nextReplica: 5,
    },
  });
  await want(leader, 4, of);
  await of.timers.advance(1_000);
  expect(leader.failed).toEqual([2]);
  expect(leader.announced.at(-1)).toEqual({ to: 4, snapshot: "run-2", index: 20 });
});

test("a snapshot that the log has left behind is not announced again", async () => {
  const of = world();
  const leader = new Leader(1);
  await want(leader, 2, of);
  leader.compactedIndex = 15;
  of.becomes({ index: 16, membership: THREE });
  await want(leader, 3, of);
  await of.timers.advance(1_000);
  expect(leader.announced.at(-1)).toMatchObject({ to: 3, index: 16 });
});

test("four snapshots are open at once; the next one waits until one is not wanted any more", async () => {
  const of = world();
  const leaders = [1, 2, 3, 4, 5].map((group) => new Leader(group));
  for (const leader of leaders) await want(leader, 2, of);
  const last = leaders.at(-1);
  expect(last?.announced).toEqual([]);
  leaders[0]?.waiting.delete(2);
  await of.timers.advance(2_000);
  expect(of.closed).toEqual([]);
  // It stays for a while, in case that somebody comes back for the rest.
  for (let second = 0; second < 12; second++) {
    for (const leader of leaders.slice(1)) {
      if (leader.failed.length > 0) leader.failed.length = 0;
      if (!leader.waiting.has(2)) await want(leader, 2, of);
    }
    await of.timers.advance(1_000);
  }
  expect(of.closed).toEqual([1]);
  expect(last?.announced.length).toBeGreaterThan(0);
});

test("another name, and a node without a place in the group, get nothing", async () => {
  const of = world();
  await want(new Leader(1), 2, of);
  const wanted = { group: 1, snapshot: "run-1", after: undefined };
  const gone = { code: "SNAPSHOT_GONE" };
  await expect(collect(of.sender.serve("x", wanted))).rejects.toMatchObject(gone);
  const other = { ...wanted, snapshot: "run-0" };
  await expect(collect(of.sender.serve("b", other))).rejects.toMatchObject(gone);
});

test("four streams at once are served, and the next asker is told to come again", async () => {
  const of = world();
  await want(new Leader(1), 2, of);
  const wanted = { group: 1, snapshot: "run-1", after: undefined };
  const open = Array.from({ length: 4 }, () => of.sender.serve("b", wanted));
  for (const stream of open) await stream.next();
  const busy = { code: "SNAPSHOT_BUSY" };
  await expect(of.sender.serve("c", wanted).next()).rejects.toMatchObject(busy);
  await open[0]?.return();
  expect(await collect(of.sender.serve("c", wanted))).toHaveLength(ROWS.length);
});

test("a receiver that died in the middle, and told nobody, keeps no other waiting", async () => {
  const of = world();
  const leader = new Leader(1);
  await want(leader, 2, of);
  const wanted = { group: 1, snapshot: "run-1", after: undefined };
  const stream = of.sender.serve("b", wanted);
  await stream.next();
  // The next replica is none of whom the open snapshot knows.
  const { configuration, places } = THREE;
  const learners = [...configuration.learners, 4];
  const next = { replica: 4, node: "d", storeId: "store-d" };
  of.becomes({
    index: 20,
    membership: {
      ...THREE,
      configuration: { ...configuration, learners },
      places: [...places, next],
    },
  });
  leader.waiting.delete(2);
  await want(leader, 4, of);
  expect(leader.announced).toHaveLength(1);
  await of.timers.advance(25_000);
  expect(leader.announced.at(-1)).toEqual({ to: 4, snapshot: "run-2", index: 20 });
  await expect(stream.next()).rejects.toMatchObject({ code: "SNAPSHOT_GONE" });
});
