import { expect, test } from "vitest";
import { at, block, file, inline, TreeKit } from "../../../test/lib/tree-kit.ts";
import { seededRandom } from "../../std/random.ts";
import { treeKeys, treePrefixes } from "./keys.ts";
import { inodeOf } from "./reading.ts";
import { namedBlocks } from "./reads.ts";
import { FROZEN_INODE_FIRST, HISTORY_VERSIONS_MAX, ROOT_INODE } from "./rows.ts";
import { inOrder, versionsAt } from "./versions.ts";

/** A tree that keeps so many versions, for so long. */
function keeping(versions: number, versionsMs = 1000, seed?: number): TreeKit {
  const kit = TreeKit.withPin(seed);
  kit.run({ kind: "fs-retention", versions, versionsMs });
  return kit;
}

/** Contents that are kept of a name of the root, and of what it leads to, oldest first. */
function kept(kit: TreeKit, name: string): readonly unknown[] {
  const entry = kit.rows.get(treeKeys.entry(ROOT_INODE, name));
  const inode = entry?.kind === "fs-entry" ? entry.inode : 0;
  const versions = inOrder(
    versionsAt(kit.view, treeKeys.nameHistory(ROOT_INODE, name)),
    versionsAt(kit.view, treeKeys.inodeHistory(inode)),
  );
  return versions.map((version) => {
    expect(version.inode).toBeGreaterThan(FROZEN_INODE_FIRST);
    const row = inodeOf(kit.view, version.inode);
    return row.kind === "fs-file" ? row.content : row.kind;
  });
}

/** As the leader does it. */
function expire(kit: TreeKit): void {
  for (const [key] of kit.scan(treePrefixes.histories)) kit.run({ kind: "fs-expire", keys: [key] });
}

test("nothing is kept where nobody has asked for it, and none any more where that is taken back", () => {
  const kit = TreeKit.withPin();
  const replace = () => {
    kit.commit([file("a", 1)]);
    kit.commit([file("a", 2)]);
  };
  replace();
  expect(kit.scan(treePrefixes.histories)).toEqual([]);
  kit.run({ kind: "fs-retention", versions: 3, versionsMs: 1000 });
  replace();
  expect(kept(kit, "a").length).toBe(2);
  kit.run({ kind: "fs-retention", versions: 0, versionsMs: 1000 });
  replace();
  expect(kept(kit, "a").length).toBe(2);
  expire(kit);
  expect(kit.scan(treePrefixes.histories)).toEqual([]);
  expect(namedBlocks(kit.view, [block(1).cid])).toEqual([]);
  kit.checkCounts();
});

test("a replaced content is kept with its blocks, mode and bytes, whichever way it was replaced", () => {
  const kit = keeping(10);
  kit.commit([{ ...file("a", 1), mode: 0o600 }]);
  const { inode } = kit.find("a");
  kit.commit([{ ...file("a", 2), place: at("", inode) }]);
  kit.commit([file("a", 3)]);
  kit.commit([file("b", 4)]);
  kit.rename("b", "a");
  const reserved = kit.run({ kind: "fs-reserve", count: 1 });
  const made = { mode: 0o644, mtimeMicros: undefined, root: undefined, content: inline(5) };
  kit.run({
    ...{ kind: "fs-create", upload: "u1", place: at("a"), exclusive: false, ...made },
    inode: reserved.kind === "inode" ? reserved.inode : 0,
  });
  kit.unlink("a");
  expect(kept(kit, "a")).toEqual([1, 2, 3, 4, 5].map((number) => inline(number)));
  const [first] = versionsAt(kit.view, treeKeys.nameHistory(ROOT_INODE, "a"));
  expect(inodeOf(kit.view, first?.inode ?? 0)).toMatchObject({ mode: 0o600, bytes: 2, links: 1 });
  expect(kit.use()).toMatchObject({ usedBytes: 2 + 3 + 4 + 5 + 6, usedInodes: 5 });
  kit.commit([file("a", 6)]);
  kit.run({ kind: "fs-remove", place: at("a") });
  expect(kept(kit, "a").length).toBe(6);
  kit.checkCounts();
});

test("what a file was goes along as it is renamed, and stays with it as long as it has a name", () => {
  const kit = keeping(10);
  kit.commit([file("a", 1)]);
  kit.commit([file("a", 2)]);
  kit.rename("a", "b");
  expect([kept(kit, "a"), kept(kit, "b")]).toEqual([[], [inline(1)]]);
  kit.run({ kind: "fs-link", from: at("b"), to: at("c") });
  kit.unlink("b");
  expect([kept(kit, "b"), kept(kit, "c")]).toEqual([[], [inline(1)]]);
  kit.unlink("c");
  expect(kept(kit, "c")).toEqual([inline(1), inline(2)]);
  kit.checkCounts();
});

test("the same content again is no version, nor is what is in a removed folder", () => {
  const kit = keeping(10);
  kit.commit([file("a", 1), file("d/f", 2)], { parents: true });
  kit.commit([file("a", 1)]);
  expect(kept(kit, "a")).toEqual([]);
  kit.run({ kind: "fs-remove", place: at("d") });
  kit.sweep();
  expect(kit.scan(treePrefixes.histories)).toEqual([]);
  expect(namedBlocks(kit.view, [block(2).cid])).toEqual([]);
  kit.checkCounts();
});

test("of one name so many are kept as the volume says, and for as long", () => {
  const kit = keeping(3, 1000);
  for (let count = 1; count <= 6; count += 1) {
    kit.commit([file("a", count)]);
    kit.stampMs += 100;
  }
  expect(kept(kit, "a")).toEqual([3, 4, 5].map((number) => inline(number)));
  kit.stampMs += 850;
  expire(kit);
  expect(kept(kit, "a")).toEqual([inline(5)]);
  kit.stampMs += 100;
  expire(kit);
  expect(kept(kit, "a")).toEqual([]);
  expect(kit.scan(treePrefixes.histories)).toEqual([]);
  kit.checkCounts();
});

test("a history has a bound, and what is in no row of one is never left over", () => {
  const kit = keeping(100);
  for (let count = 0; count < 101; count += 1) kit.commit([file("a", count)]);
  kit.unlink("a");
  for (let count = 0; count < 101; count += 1) kit.commit([file("a", count)]);
  kit.unlink("a");
  const key = treeKeys.nameHistory(ROOT_INODE, "a");
  expect(versionsAt(kit.view, key).length).toBeLessThanOrEqual(HISTORY_VERSIONS_MAX);
  expect(kit.scan(treePrefixes.histories).length).toBe(2);
  kit.checkCounts();
  kit.stampMs += 2000;
  for (let count = 0; count < 10; count += 1) expire(kit);
  expect(kit.use()).toEqual({ usedBytes: 0, usedInodes: 0, pins: 1 });
  expect(kit.scan(treePrefixes.histories)).toEqual([]);
});

test("versions count for the quota", () => {
  const kit = keeping(10);
  const options = { copies: 1, chunking: "fixed", quotaBytes: 6, quotaInodes: undefined } as const;
  kit.run({ kind: "fs-volume", revision: 0, options });
  kit.commit([file("a", 1)]);
  kit.commit([file("a", 2)]);
  expect(kit.commit([file("a", 3)])).toMatchObject({ kind: "refused", code: "FS_QUOTA" });
  expect(kit.unlink("a").kind).toBe("inode");
  expect(kit.use()).toMatchObject({ usedBytes: 5, usedInodes: 2 });
});

test("random changes keep what lists keep, and expiry leaves nothing over", () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(random.next() * limit);
    const kit = keeping(4, 1e9, seed);
    /** What is kept: which content, and as the how many-th. */
    type Kept = readonly (readonly [content: number, order: number])[];
    const live = new Map<string, { readonly now: number; readonly before: Kept }>();
    const names = new Map<string, Kept>();
    let order = 0;
    /** One goes for each that comes, once there are four, so what two lists have together stays. */
    const withOne = (list: Kept, content: number): Kept => {
      order += 1;
      return [...(list.length >= 4 ? list.slice(1) : list), [content, order]];
    };
    const gone = (name: string): void => {
      const file = live.get(name);
      live.delete(name);
      if (file === undefined) return;
      const all = [...(names.get(name) ?? []), ...file.before].sort((a, b) => a[1] - b[1]);
      names.set(name, withOne(all, file.now));
    };
    for (let count = 1; count <= 80; count += 1) {
      const [name, other] = ["abc".charAt(below(3)), "abc".charAt(below(3))];
      const which = below(5);
      const known = live.get(name);
      if (which < 3) {
        kit.commit([file(name, count)]);
        const before = known === undefined ? [] : withOne(known.before, known.now);
        live.set(name, { now: count, before });
      } else if (which === 3) {
        kit.unlink(name);
        gone(name);
      } else if (name !== other && known !== undefined) {
        kit.rename(name, other);
        gone(other);
        live.set(other, known);
        live.delete(name);
      }
      for (const one of "abc") {
        const lists = [...(names.get(one) ?? []), ...(live.get(one)?.before ?? [])];
        const wanted = lists.sort((a, b) => a[1] - b[1]).map(([content]) => inline(content));
        expect(kept(kit, one), `seed ${seed} at ${count}`).toEqual(wanted);
      }
      kit.checkCounts();
    }
    kit.run({ kind: "fs-retention", versions: 0, versionsMs: 0 });
    expire(kit);
    kit.unlink("a");
    kit.unlink("b");
    kit.unlink("c");
    expect(kit.use()).toEqual({ usedBytes: 0, usedInodes: 0, pins: 1 });
  }
});
