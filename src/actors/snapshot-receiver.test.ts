import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { descriptionOf, infoOf, ROWS, ROWS_HASH, THREE } from "../../test/lib/snapshot-kit.ts";
import { addHash64, HASH64_ZERO, hash64 } from "../std/hash64.ts";
import { silentLog } from "../std/log.ts";
import { snapshotInfoFormat } from "../wire/snapshot.ts";
import type { RawRow, SnapshotChunk, SnapshotInstall, SnapshotRequest } from "./ports.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";

/** What is taken in of one group's snapshot; a later install of the same one goes on with it. */
class Install implements SnapshotInstall {
  rows: RawRow[] = [];
  snapshot = "";
  state: "idle" | "active" | "finished" | "abandoned" = "idle";

  get hash() {
    return this.rows.reduce(
      (sum, { key, value }) => addHash64(sum, hash64(key, value)),
      HASH64_ZERO,
    );
  }

  get after() {
    return this.rows.at(-1)?.key;
  }

  async put(rows: readonly RawRow[]): Promise<void> {
    this.rows.push(...rows);
  }

  async finish(): Promise<void> {
    this.state = "finished";
  }

  pause(): void {
    this.state = "idle";
  }

  async abandon(): Promise<void> {
    this.state = "abandoned";
  }
}

/** Sends one row in each chunk; ends as told. */
type Stream = (wanted: SnapshotRequest, signal: AbortSignal) => AsyncIterable<SnapshotChunk>;

async function* whole({ after }: SnapshotRequest): AsyncGenerator<SnapshotChunk> {
  for (const row of ROWS) {
    if (after !== undefined && row.key <= after) continue;
    yield { rows: [row], last: row === ROWS.at(-1) };
  }
}

async function* broken(): AsyncGenerator<SnapshotChunk> {
  for (const row of ROWS.slice(0, 2)) yield { rows: [row], last: false };
  throw new Error("the stream broke");
}

async function* silent(_: SnapshotRequest, signal: AbortSignal): AsyncGenerator<SnapshotChunk> {
  await new Promise<void>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(new Error("given up")));
  });
  yield { rows: [], last: true };
}

function world(stream: Stream) {
  const timers = new FakeTimers();
  const installs = new Map<number, Install>();
  const wanted: SnapshotRequest[] = [];
  const adopted: number[] = [];
  const use = { stream, lacks: true };
  const receiver = new SnapshotReceiver({
    timers,
    log: silentLog,
    infos: snapshotInfoFormat,
    wake: () => undefined,
    states: {
      beginInstall: async (group, { snapshot }) => {
        const known = installs.get(group);
        const install = known?.snapshot === snapshot ? known : new Install();
        install.snapshot = snapshot;
        install.state = "active";
        installs.set(group, install);
        return install;
      },
    },
    transfer: {
      fetch: (_, request, signal) => {
        wanted.push(request);
        return use.stream(request, signal);
      },
    },
  });
  const replicaOf = (group: number) => ({
    group,
    core: {
      lacksSnapshot: () => use.lacks,
      adoptSnapshot: () => {
        adopted.push(group);
        return use.lacks;
      },
    },
  });
  const offer = async (group: number, info = infoOf("one", 10)): Promise<void> => {
    receiver.offered(replicaOf(group), "a", descriptionOf(info));
    await timers.advance(0);
  };
  return { receiver, timers, installs, wanted, adopted, use, offer };
}

test("when every row is here the core adopts the snapshot, and only then it comes into force", async () => {
  const of = world(whole);
  await of.offer(1);
  expect(of.adopted).toEqual([1]);
  expect(of.installs.get(1)).toMatchObject({ rows: ROWS, state: "active", hash: ROWS_HASH });
  expect(await of.receiver.finish(1)).toEqual({ index: 10, term: 2, membership: THREE });
  expect(of.installs.get(1)?.state).toBe("finished");
  expect(of.receiver.installed).toBe(1);
});

test("after a broken stream the same snapshot goes on behind the last row, another begins anew", async () => {
  const of = world(broken);
  await of.offer(1);
  expect(of.installs.get(1)).toMatchObject({ state: "idle", after: "k1" });
  of.use.stream = whole;
  await of.offer(1);
  expect(of.wanted.map(({ after }) => after)).toEqual([undefined, "k1"]);
  expect(of.adopted).toEqual([1]);
  const other = world(broken);
  await other.offer(1);
  await other.offer(1, infoOf("two", 20));
  expect(other.wanted.map(({ after }) => after)).toEqual([undefined, undefined]);
});

test("rows with another hash than was announced are thrown away", async () => {
  const of = world(whole);
  await of.offer(1, { ...infoOf("one", 10), hash: HASH64_ZERO });
  expect(of.adopted).toEqual([]);
  expect(of.installs.get(1)?.state).toBe("abandoned");
});

test("what the core does not need any more is not fetched, and not put into force", async () => {
  const early = world(whole);
  early.use.lacks = false;
  await early.offer(1);
  expect(early.wanted).toEqual([]);
  const late = world(silent);
  await late.offer(1);
  late.use.stream = async function* stream(request) {
    late.use.lacks = false;
    yield* whole(request);
  };
  await late.timers.advance(15_000);
  late.use.lacks = true;
  await late.offer(1);
  expect(late.installs.get(1)?.state).toBe("abandoned");
});

test("a stream that ends before the last row is no snapshot", async () => {
  const of = world(async function* stream() {
    yield { rows: ROWS.slice(0, 2), last: false };
  });
  await of.offer(1);
  expect(of.adopted).toEqual([]);
  expect(of.installs.get(1)?.state).toBe("idle");
});

test("two snapshots are taken in at once, the third when one of them has ended", async () => {
  const of = world(silent);
  for (const group of [1, 2, 3]) await of.offer(group);
  expect(of.wanted.map(({ group }) => group)).toEqual([1, 2]);
  of.receiver.drop(1);
  await of.timers.advance(0);
  expect(of.wanted.map(({ group }) => group)).toEqual([1, 2, 3]);
});

test("a sender that says nothing, or whose node is down, is given up, and what is here is kept", async () => {
  const of = world(silent);
  await of.offer(1);
  await of.timers.advance(14_000);
  expect(of.installs.get(1)?.state).toBe("active");
  await of.timers.advance(2_000);
  expect(of.installs.get(1)?.state).toBe("idle");
  await of.offer(1);
  of.receiver.nodeDown("a");
  await of.timers.advance(0);
  expect(of.installs.get(1)?.state).toBe("idle");
});

test("a snapshot whose descriptor is of another index, term or membership is not fetched", () => {
  let asked = 0;
  const receiver = new SnapshotReceiver({
    ...{ timers: new FakeTimers(), log: silentLog, infos: snapshotInfoFormat, wake: () => {} },
    states: {
      beginInstall: () => {
        asked += 1;
        return Promise.resolve(new Install());
      },
    },
    transfer: { fetch: (_, wanted) => whole(wanted) },
  });
  const core = { lacksSnapshot: () => true, adoptSnapshot: () => true };
  const description = descriptionOf(infoOf("one", 9));
  const replica = { group: 1, core };
  for (const other of [{ index: description.index + 1 }, { term: description.term + 1 }])
    expect(receiver.offered(replica, "n1", { ...description, ...other })).toBe(false);
  const configuration = { ...description.configuration, voters: [1] };
  expect(receiver.offered(replica, "n1", { ...description, configuration })).toBe(false);
  expect(asked).toBe(0);
  expect(receiver.offered(replica, "n1", description)).toBe(true);
  expect(asked).toBe(1);
});
