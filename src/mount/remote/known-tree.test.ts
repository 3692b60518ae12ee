import { beforeEach, describe, expect, test } from "vitest";
import type { InodeView } from "../../api/inode-port.ts";
import { CHANGES_MAX } from "../heard-changes.ts";
import { KnownTree } from "./known-tree.ts";

const F = { parent: 1, name: "f" };
const G = { parent: 1, name: "g" };

function view(inode: number, revision: number, said: Partial<InodeView> = {}): InodeView {
  return {
    ...{ inode, type: "file", revision, mode: 0o644, mtimeMicros: 0, changedMs: 0 },
    ...{ links: 1, bytes: 0, content: null, target: null, ...said },
  };
}

let known: KnownTree;

beforeEach(() => {
  known = new KnownTree();
});

/** Lists a folder of these names from end to end. */
function list(folder: number, names: Readonly<Record<string, InodeView>>): void {
  const look = known.listing(folder, undefined);
  const entries = Object.entries(names).map(([name, one]) => ({ name, ...one }));
  known.sawPage(folder, { entries, next: null, after: undefined }, look);
}

describe("what was asked for", () => {
  test("is known by its name and its number", () => {
    known.sawName(F, view(7, 3), known.look());
    expect(known.named(F)).toEqual(view(7, 3));
    expect(known.inode(7)).toEqual(view(7, 3));
    expect(known.named(G)).toBeUndefined();
  });

  test("is dropped when others have changed it", () => {
    known.sawName(F, view(7, 3), known.look());
    known.heard({ kind: "attributes", inode: 7 });
    expect(known.named(F)).toBeUndefined();
    known.sawInode(view(7, 4), known.look());
    expect(known.named(F)).toEqual(view(7, 4));
    known.heard({ kind: "entry", ...F });
    expect(known.named(F)).toBeUndefined();
    expect(known.inode(7)).toEqual(view(7, 4));
  });

  test("is not kept when others change it before the answer comes", () => {
    const look = known.look();
    known.heard({ kind: "attributes", inode: 7 });
    known.sawName(F, view(7, 3), look);
    expect(known.inode(7)).toBeUndefined();
    known.sawInode(view(7, 4), known.look());
    known.heard({ kind: "entry", ...G });
    known.sawName(G, view(7, 4), look);
    expect(known.named(G)).toBeUndefined();
  });

  test("is not kept when anything may have changed before the answer comes", () => {
    const look = known.look();
    known.heard({ kind: "all" });
    known.sawName(F, view(7, 3), look);
    expect(known.named(F)).toBeUndefined();
    expect(known.inode(7)).toBeUndefined();
  });

  test("is not kept when more was heard of than is remembered", () => {
    const look = known.look();
    for (let inode = 10; inode < 11 + CHANGES_MAX; inode += 1)
      known.heard({ kind: "attributes", inode });
    known.sawName(F, view(7, 3), look);
    expect(known.named(F)).toBeUndefined();
  });

  test("gives way to what is newer and to nothing else", () => {
    known.sawInode(view(7, 5), known.look());
    known.sawInode(view(7, 4), known.look());
    expect(known.inode(7)).toEqual(view(7, 5));
    known.sawInode(view(7, 6), known.look());
    expect(known.inode(7)).toEqual(view(7, 6));
  });
});

describe("what this mount changes", () => {
  test("is known by the answer", () => {
    const look = known.look();
    const change = { names: [{ place: F, to: 7 }], inodes: [view(7, 3), view(1, 3)], changed: [] };
    known.changed(change, look);
    expect(known.named(F)).toEqual(view(7, 3));
    expect(known.inode(1)).toEqual(view(1, 3));
  });

  test("is not told by who asked before, in whichever order the answers come", () => {
    const early = known.look();
    known.changed({ names: [{ place: F, to: "absent" }], inodes: [], changed: [7] }, known.look());
    known.sawName(F, view(7, 3), early);
    expect(known.named(F)).toBe("absent");
    expect(known.inode(7)).toBeUndefined();
  });

  test("leaves a name that two changes at once have had to be asked for", () => {
    const [one, two] = [known.look(), known.look()];
    known.changed({ names: [{ place: F, to: 7 }], inodes: [], changed: [] }, one);
    known.changed({ names: [{ place: F, to: "absent" }], inodes: [], changed: [] }, two);
    expect(known.named(F)).toBeUndefined();
  });

  test("shows the folder of the later of two changes whose answers overtake each other", () => {
    const [one, two] = [known.look(), known.look()];
    known.changed({ names: [{ place: G, to: 8 }], inodes: [view(1, 5)], changed: [] }, two);
    known.changed({ names: [{ place: F, to: 7 }], inodes: [view(1, 4)], changed: [] }, one);
    expect(known.inode(1)).toEqual(view(1, 5));
  });

  test("gives way to what others changed while it was on its way", () => {
    const look = known.look();
    known.heard({ kind: "attributes", inode: 7 });
    known.heard({ kind: "entry", ...F });
    known.changed({ names: [{ place: F, to: 7 }], inodes: [view(7, 3)], changed: [] }, look);
    expect(known.inode(7)).toBeUndefined();
    expect(known.named(F)).toBeUndefined();
  });

  test("is forgotten with all that was asked for where nobody knows what became of it", () => {
    known.sawName(F, view(7, 3), known.look());
    const look = known.look();
    known.forgetAll();
    known.sawName(G, view(8, 3), look);
    expect([known.named(F), known.named(G)]).toEqual([undefined, undefined]);
  });
});

describe("a folder whose names are all known", () => {
  test("has no other names", () => {
    list(1, { f: view(7, 3) });
    expect(known.named(F)).toEqual(view(7, 3));
    expect(known.named(G)).toBe("absent");
    expect(known.named({ parent: 2, name: "g" })).toBeUndefined();
  });

  test("may have names that others have changed", () => {
    list(1, { f: view(7, 3) });
    known.heard({ kind: "entry", ...G });
    expect(known.named(G)).toBeUndefined();
    known.sawName(G, view(8, 4), known.look());
    expect(known.named(G)).toEqual(view(8, 4));
  });

  test("may have names that others changed between its pages", () => {
    const first = known.listing(1, undefined);
    const page = { entries: [{ name: "h", ...view(9, 3) }], next: "h", after: undefined };
    known.sawPage(1, page, first);
    known.heard({ kind: "entry", ...G });
    const last = known.listing(1, "h");
    known.sawPage(1, { entries: [], next: null, after: "h" }, last);
    expect(known.named(G)).toBeUndefined();
    expect(known.named(F)).toBe("absent");
  });

  test("may have names that others changed while a page was on its way", () => {
    const look = known.listing(1, undefined);
    known.heard({ kind: "entry", ...G });
    const entries = [{ name: "g", ...view(8, 3) }];
    known.sawPage(1, { entries, next: null, after: undefined }, look);
    expect(known.named(G)).toBeUndefined();
    expect(known.named(F)).toBe("absent");
  });

  test("is one that was listed without a gap", () => {
    known.listing(1, undefined);
    const look = known.listing(1, "h");
    known.sawPage(1, { entries: [], next: null, after: "h" }, look);
    expect(known.named(F)).toBeUndefined();
    const begun = known.listing(1, undefined);
    known.heard({ kind: "all" });
    known.sawPage(1, { entries: [], next: null, after: undefined }, begun);
    expect(known.named(F)).toBeUndefined();
  });

  test("is not one whose listing began anew before an older page came", () => {
    const old = known.listing(1, undefined);
    known.heard({ kind: "all" });
    known.heard({ kind: "entry", ...G });
    known.listing(1, undefined);
    known.sawPage(1, { entries: [], next: null, after: undefined }, old);
    expect(known.named(G)).toBeUndefined();
  });

  test("keeps names that were not kept for too many changes to be asked for", () => {
    const look = known.listing(1, undefined);
    for (let inode = 10; inode < 11 + CHANGES_MAX; inode += 1)
      known.heard({ kind: "attributes", inode });
    const entries = [{ name: "f", ...view(7, 3) }];
    known.sawPage(1, { entries, next: null, after: undefined }, look);
    expect(known.named(F)).toBeUndefined();
  });

  test("is one that was just made, unless others were in it before", () => {
    const made = { names: [{ place: F, to: 7 }], inodes: [view(7, 3)], changed: [] };
    known.changed({ ...made, emptyFolder: 7 }, known.look());
    expect(known.named({ parent: 7, name: "x" })).toBe("absent");
    const look = known.look();
    known.heard({ kind: "attributes", inode: 8 });
    const other = { names: [{ place: G, to: 8 }], inodes: [], changed: [], emptyFolder: 8 };
    known.changed(other, look);
    expect(known.named({ parent: 8, name: "x" })).toBeUndefined();
  });

  test("is one no more when names of it had to make room", () => {
    known = new KnownTree(2_000);
    list(1, { f: view(7, 3) });
    expect(known.named(G)).toBe("absent");
    for (let at = 0; at < 10; at += 1) {
      const place = { parent: 2, name: `n${at}` };
      known.sawName(place, view(100 + at, 3), known.look());
      expect(known.bytes).toBeLessThanOrEqual(2_000);
    }
    expect(known.named(G)).toBeUndefined();
    expect(known.named(F)).toBeUndefined();
  });
});

test("an inode that made room is not taken from an answer that was on its way before", () => {
  known = new KnownTree(1_000);
  const look = known.look();
  known.sawInode(view(7, 4), known.look());
  known.sawInode(view(8, 4), known.look());
  expect(known.inode(7)).toBeUndefined();
  known.sawInode(view(7, 3), look);
  expect(known.inode(7)).toBeUndefined();
});
