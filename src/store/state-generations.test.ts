import { describe, expect, test } from "vitest";
import type { FakeDisk } from "../../test/lib/fake-disk.ts";
import {
  bytes,
  fresh,
  open,
  row,
  rowsOf,
  SNAPSHOT,
  START,
  text,
} from "../../test/lib/state-store-kit.ts";
import { addHash64, HASH64_ZERO, hash64 } from "../std/hash64.ts";
import type { StateStore } from "./state-store.ts";

describe("generations", () => {
  async function installed(): Promise<{ disk: FakeDisk; store: StateStore }> {
    const { disk, store } = await fresh();
    await store.write("a", {
      puts: [row("x", "old"), row("y", "old")],
      deletes: [],
      index: 1,
      term: 1,
    });
    return { disk, store };
  }

  test("an install shows nothing until it is finished, then everything at once, and survives power loss", async () => {
    const { disk, store } = await installed();
    const install = await store.beginInstall("a", SNAPSHOT);
    await install.put([row("x", "new"), row("z", "new")]);
    expect(await rowsOf(store, "a")).toEqual(["x=old", "y=old"]);
    const hash = install.hash;
    await install.finish({ index: 9, term: 3, note: bytes("c") });
    expect(await rowsOf(store, "a")).toEqual(["x=new", "z=new"]);
    expect(store.peekMany("a", ["y"])).toBeUndefined();
    disk.crash("power");
    const { store: again, report } = await open(disk);
    expect(report.groups.get("a")).toMatchObject({ index: 9, term: 3, generation: 2, hash });
    expect(await rowsOf(again, "a")).toEqual(["x=new", "z=new"]);
    await again.sweepAll();
    const { rows } = disk.database("state");
    expect(rows.position("e") - rows.position("d")).toBe(2);
  });

  test("what an interrupted install left does not show in the next one", async () => {
    const { disk, store } = await installed();
    const install = await store.beginInstall("a", SNAPSHOT);
    await install.put([row("ghost", "1")]);
    await store.close();
    const { store: again } = await open(disk);
    const second = await again.beginInstall("a", { snapshot: "other", index: 5 });
    await second.put([row("x", "2")]);
    await second.finish({ index: 5, term: 2, note: bytes("") });
    expect(await rowsOf(again, "a")).toEqual(["x=2"]);
  });

  test("an install goes on after a power failure at the last row that is there", async () => {
    const { disk, store } = await installed();
    const install = await store.beginInstall("a", SNAPSHOT);
    const names = Array.from({ length: 40 }, (_, at) => `r${at + 100}`);
    for (const name of names.slice(0, 10)) await install.put([row(name, name)]);
    await store.checkpoint();
    for (const name of names.slice(10, 30)) await install.put([row(name, name)]);
    disk.crash("power");
    const { store: again } = await open(disk);
    await again.sweepAll();
    const resumed = await again.beginInstall("a", SNAPSHOT);
    const next = names.findIndex((name) => name > (resumed.after ?? ""));
    expect(next).toBeGreaterThanOrEqual(10);
    expect(next).toBeLessThanOrEqual(30);
    for (const name of names.slice(next)) await resumed.put([row(name, name)]);
    const { hash } = resumed;
    await resumed.finish({ index: 9, term: 3, note: bytes("c") });
    expect(await rowsOf(again, "a")).toEqual(names.map((name) => `${name}=${name}`));
    const sum = names.reduce((so, name) => addHash64(so, hash64(name, bytes(name))), HASH64_ZERO);
    expect(hash).toEqual(sum);
    await again.sweepAll();
    const { rows } = disk.database("state");
    expect(rows.position("e") - rows.position("d")).toBe(40);
  });

  test("an install of an index that was applied meanwhile is swept after the next start", async () => {
    const { disk, store } = await installed();
    const install = await store.beginInstall("a", SNAPSHOT);
    await install.put([row("ghost", "1")]);
    install.pause();
    await store.write("a", { puts: [], deletes: [], index: SNAPSHOT.index, term: 1 });
    await store.checkpoint();
    await store.close();
    const { store: again } = await open(disk);
    await again.sweepAll();
    const { rows } = disk.database("state");
    expect(rows.position("e") - rows.position("d")).toBe(2);
    expect(rows.position("j") - rows.position("i")).toBe(0);
  });

  test("a dropped group that begins again has no rows, cached or not", async () => {
    const { store } = await installed();
    await store.dropGroup("a");
    await store.sweep("a");
    await store.createGroup("a", START);
    expect((await store.getMany("a", ["x"])).map(text)).toEqual([undefined]);
    expect(store.applied("a")?.hash).toEqual(HASH64_ZERO);
    expect(await rowsOf(store, "a")).toEqual([]);
  });
});
