/** Single rows of a closed log are changed; whose damage that is must come out when it is opened. */
import { describe, expect, test } from "vitest";
import type { FakeDisk } from "../../test/lib/fake-disk.ts";
import { CONFIGURATION, normal, open, START, withGroup } from "../../test/lib/log-store-kit.ts";
import type { HardState } from "../raft/types.ts";

describe("damage of single rows", () => {
  const first = (disk: FakeDisk, prefix: string): string => {
    const { rows } = disk.database("log");
    return rows.keyAt(rows.position(prefix)) ?? "none";
  };

  /** Two groups; `a` has three records, the last of which overlaps the one before. */
  async function two(): Promise<FakeDisk> {
    const { disk, store } = await withGroup();
    const configuration = { index: 0, configuration: CONFIGURATION, note: new Uint8Array() };
    await store.createReplica({ group: "b", replica: 1, configuration, start: START });
    const term = (value: number): HardState => ({ term: value, vote: undefined, commit: 0 });
    for (const [entries, at] of [
      [[normal(1, 1), normal(2, 1)], 1],
      [[normal(3, 1), normal(4, 1)], 1],
      [[normal(4, 2), normal(5, 2)], 2],
    ] as const)
      await store.append([
        { group: "a", replica: 1, hardState: term(at), entries },
        { group: "b", replica: 1, hardState: term(at), entries },
      ]);
    await store.close();
    return disk;
  }

  async function damageAfter(change: (disk: FakeDisk) => void): Promise<unknown[]> {
    const disk = await two();
    change(disk);
    const { report } = await open(disk);
    return [report.damagedAll, report.damaged.map((one) => one.group), report.groups.length];
  }

  test("a record of entries that is missing, moved or changed is damage of its group alone", async () => {
    for (const at of [1, 3, 4]) {
      const prefix = `e/a/${at.toString(16).padStart(14, "0")}`;
      const drop = (disk: FakeDisk): void =>
        disk.database("log").setRow(first(disk, prefix), undefined);
      expect(await damageAfter(drop)).toEqual([undefined, ["a"], 1]);
      const flip = (disk: FakeDisk): void => {
        const key = first(disk, prefix);
        const value = disk.database("log").rows.get(key)?.slice() ?? new Uint8Array();
        value[9] = (value[9] ?? 0) ^ 4;
        disk.database("log").setRow(key, value);
      };
      expect(await damageAfter(flip)).toEqual([undefined, ["a"], 1]);
      const swap = (disk: FakeDisk): void => {
        const other = disk.database("log").rows.get(first(disk, prefix.replace("/a/", "/b/")));
        disk.database("log").setRow(first(disk, prefix), other);
      };
      expect(await damageAfter(swap)).toEqual([undefined, ["a"], 1]);
    }
  });

  test("a head that does not open is damage of its group alone", async () => {
    const cut = (disk: FakeDisk): void => {
      const head = disk.database("log").rows.get("g/a/h");
      disk.database("log").setRow("g/a/h", head?.subarray(0, 9));
    };
    expect(await damageAfter(cut)).toEqual([undefined, ["a"], 1]);
  });

  test("a head or a configuration that is old or missing cannot be pinned, so nothing is trusted", async () => {
    const { disk: other, store } = await withGroup();
    const old = other.database("log").rows.get("g/a/h");
    await store.close();
    const drop =
      (key: string) =>
      (disk: FakeDisk): void =>
        disk.database("log").setRow(key, undefined);
    const all = ["a group's record is missing or old", ["a", "b"], 0];
    expect(await damageAfter((disk) => disk.database("log").setRow("g/a/h", old))).toEqual([
      all[0],
      expect.arrayContaining(["a", "b"]),
      0,
    ]);
    expect(await damageAfter(drop("g/b/c"))).toEqual(all);
  });

  test("a batch that is missing between others makes everything doubtful", async () => {
    const { disk, store } = await withGroup();
    for (let index = 1; index <= 5; index++)
      await store.append([{ group: "a", replica: 1, entries: [normal(index, 1)] }]);
    const database = disk.database("log");
    database.dropBatch(database.batchesInLogs - 2);
    disk.crash("process");
    expect((await open(disk)).report.damagedAll).toBe("a batch is missing between others");
  });

  test("a damaged replica takes no part, and after its destruction another may come", async () => {
    const disk = await two();
    disk.database("log").setRow(first(disk, "e/a/"), undefined);
    const { store } = await open(disk);
    const task = { group: "a", replica: 1, entries: [normal(6, 2)] };
    expect(store.damageOf("a")).toContain("the oldest record is missing");
    await store.append([{ group: "b", replica: 1, entries: [normal(6, 2)] }]);
    await store.destroyReplica("a", 1);
    const configuration = { index: 0, configuration: CONFIGURATION, note: new Uint8Array() };
    await store.createReplica({ group: "a", replica: 2, configuration, start: START });
    await store.append([{ ...task, replica: 2, entries: [normal(1, 3)] }]);
    await store.close();
    const { report } = await open(disk);
    expect([report.damaged, report.groups.length]).toEqual([[], 2]);
  });

  test("a task that waits while a read finds damage in its group is left out, and the store goes on", async () => {
    const disk = await two();
    const { store } = await open(disk);
    disk.database("log").setRow(first(disk, "e/a/"), undefined);
    const range = { firstIndex: 1, lastIndex: 1, bytesMax: 1000 };
    const reading = store.readEntries("a", range);
    await expect(reading).rejects.toMatchObject({ code: "STORE_DAMAGED" });
    // Handed over before whoever drives the replica had heard of it.
    await store.append([
      { group: "a", replica: 1, entries: [normal(6, 2)] },
      { group: "b", replica: 1, entries: [normal(6, 2)] },
    ]);
    await store.append([{ group: "b", replica: 1, entries: [normal(7, 2)] }]);
    await store.close();
    const { report } = await open(disk);
    expect(report.groups.map(({ group, lastIndex }) => [group, lastIndex])).toEqual([["b", 7]]);
  });
});
