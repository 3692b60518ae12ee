/** The tree of one workflow with its rows in a map, and a second count of all that it counts. */
import { expect } from "vitest";
import type { Answer, Row } from "../../src/scheduler/rows.ts";
import type { RowView } from "../../src/scheduler/transaction.ts";
import {
  type FileCommit,
  FS_SWEEP_NAMES_MAX,
  type Place,
  type TreeCommand,
} from "../../src/scheduler/tree/commands.ts";
import {
  cidOfBlockKey,
  placeOfEntryKey,
  placeOfSweptKey,
  treeKeys,
  treePrefixes,
} from "../../src/scheduler/tree/keys.ts";
import { type Found, lookUp, volumeUse } from "../../src/scheduler/tree/reads.ts";
import { type FileBlock, type FileContent, ROOT_INODE } from "../../src/scheduler/tree/rows.ts";
import { membersOf } from "../../src/scheduler/tree/stripes.ts";
import { assert } from "../../src/std/assert.ts";
import { SchedulerKit } from "./scheduler-kit.ts";

/** A path from the root. */
export function at(path: string, from: number = ROOT_INODE): Place {
  return { from, path };
}

/** A block that is known by a number; its size is part of what it is. */
export function block(number: number): FileBlock {
  return { cid: number.toString(16).padStart(64, "0"), bytes: number + 1 };
}

/** A content of the blocks of these numbers. */
export function inline(...numbers: readonly number[]): FileContent {
  return { kind: "inline", blocks: numbers.map(block) };
}

/** A file with these blocks. */
export function file(path: string, ...numbers: readonly number[]): FileCommit {
  return {
    place: at(path),
    expect: { kind: "any" },
    mode: undefined,
    mtimeMicros: undefined,
    root: undefined,
    content: inline(...numbers),
    keep: undefined,
  };
}

export class TreeKit extends SchedulerKit {
  readonly view: RowView<Row> = { peek: (key) => this.rows.get(key) };

  constructor(seed = 1) {
    super(seed);
    this.run({ kind: "create", group: 7, name: "flow", description: "", weight: 1 });
  }

  /** With a pin under which everything may be committed. */
  static withPin(seed?: number): TreeKit {
    const kit = new TreeKit(seed);
    kit.pin("u1");
    return kit;
  }

  pin(upload: string, lastsMs = 60_000): Answer {
    return this.run({ kind: "fs-pin", how: "begin", upload, holder: "me", lastsMs });
  }

  commit(files: readonly FileCommit[], more: { upload?: string; parents?: boolean } = {}): Answer {
    const { upload = "u1", parents = false } = more;
    return this.run({ kind: "fs-commit", upload, files, parents });
  }

  mkdir(path: string, parents = false): Answer {
    return this.run({ kind: "fs-mkdir", place: at(path), mode: 0o755, parents });
  }

  rename(
    from: string,
    to: string,
    more: Partial<Extract<TreeCommand, { kind: "fs-rename" }>> = {},
  ): Answer {
    const moves = [{ from: at(from), to: at(to), keep: undefined }];
    return this.run({ kind: "fs-rename", moves, over: "posix", parents: false, ...more });
  }

  unlink(...paths: readonly string[]): Answer {
    return this.run({ kind: "fs-unlink", places: paths.map((path) => at(path)) });
  }

  find(path: string): Found {
    return lookUp(this.view, at(path), { follow: false });
  }

  use(): { readonly usedBytes: number; readonly usedInodes: number; readonly pins: number } {
    const { usedBytes, usedInodes, pins } = volumeUse(this.view);
    return { usedBytes, usedInodes, pins };
  }

  /** As the leader does it, until nothing is left; how many steps that took. */
  sweep(namesMax: number = FS_SWEEP_NAMES_MAX): number {
    for (let steps = 0; ; steps += 1) {
      assert(steps < 100_000, "a sweep ends");
      const [first] = this.scan(treePrefixes.swept);
      if (first === undefined) return steps;
      const { kind, number } = placeOfSweptKey(first[0]);
      if (kind === "content") this.run({ kind: "fs-sweep-content", content: number });
      else {
        const entries = this.scan(treePrefixes.entriesOf(number)).slice(0, namesMax);
        const names = entries.map(([key]) => placeOfEntryKey(key).name);
        this.run({ kind: "fs-sweep", directory: number, names });
      }
    }
  }

  /** Every path with what it leads to, from the rows alone. */
  paths(from: number = ROOT_INODE, above = ""): ReadonlyMap<string, Found> {
    const found = new Map<string, Found>();
    for (const [key] of this.scan(treePrefixes.entriesOf(from))) {
      const path = above + placeOfEntryKey(key).name;
      const one = lookUp(this.view, at(path.slice(above.length), from), { follow: false });
      found.set(path, one);
      if (one.row.kind !== "fs-directory") continue;
      for (const [below, row] of this.paths(one.inode, `${path}/`)) found.set(below, row);
    }
    return found;
  }

  /** That every count in the rows is what counting gives. */
  checkCounts(): void {
    const links = new Map<number, number>();
    const folders = new Map<number, { entries: number; directories: number }>();
    const references = new Map<string, number>();
    const contentLinks = new Map<number, number>();
    const add = <K>(map: Map<K, number>, key: K): void => {
      map.set(key, (map.get(key) ?? 0) + 1);
    };
    let usedBytes = 0;
    let usedInodes = 0;
    let pins = 0;
    for (const [key, row] of this.rows) {
      if (row.kind === "fs-history") for (const { inode } of row.versions) add(links, inode);
      if (row.kind === "fs-entry") {
        add(links, row.inode);
        const { parent } = placeOfEntryKey(key);
        const folder = folders.get(parent) ?? { entries: 0, directories: 0 };
        folder.entries += 1;
        if (row.type === "directory") folder.directories += 1;
        folders.set(parent, folder);
      }
      if (row.kind === "fs-file" || row.kind === "fs-symlink" || row.kind === "fs-directory") {
        if (key !== "Fi/a1") usedInodes += 1;
      }
      if (row.kind === "fs-part") for (const { cid } of row.blocks) add(references, cid);
      if (row.kind === "fs-pin") pins += 1;
      if (row.kind !== "fs-file") continue;
      usedBytes += row.bytes;
      if (row.content.kind === "listed") add(contentLinks, row.content.content);
      else for (const { cid } of row.content.blocks) add(references, cid);
    }
    for (const [key, row] of this.rows) {
      if (row.kind === "fs-block") {
        expect(references.get(cidOfBlockKey(key)) ?? 0, key).toBe(row.references);
        references.delete(cidOfBlockKey(key));
      }
      const number = key.startsWith("Fi/") || key.startsWith("Fc/") ? numberOf(key) : 0;
      if (row.kind === "fs-file" || row.kind === "fs-symlink")
        expect(links.get(number), key).toBe(row.links);
      if (row.kind === "fs-content") expect(contentLinks.get(number) ?? 0, key).toBe(row.links);
      if (row.kind === "fs-directory") {
        const { entries, directories } = row;
        const counted = folders.get(number) ?? { entries: 0, directories: 0 };
        expect({ entries, directories }, key).toEqual(counted);
      }
    }
    expect([...references.keys()]).toEqual([]);
    this.#checkStripes();
    expect(this.use()).toEqual({ usedBytes, usedInodes, pins });
  }

  /** That blocks and stripes say the same of each other, and nothing is kept that nothing needs. */
  #checkStripes(): void {
    const named = new Map<string, number>();
    for (const [key, row] of this.rows) {
      if (row.kind !== "fs-block") continue;
      if (row.stripe === undefined) {
        expect(row.references, key).toBeGreaterThan(0);
        continue;
      }
      const stripeKey = treeKeys.stripe(row.stripe);
      const stripe = this.rows.get(stripeKey);
      assert(stripe?.kind === "fs-stripe", "the stripe of a block is there");
      expect(membersOf(stripe)).toContain(cidOfBlockKey(key));
      if (row.references > 0) named.set(stripeKey, (named.get(stripeKey) ?? 0) + 1);
    }
    for (const [key, row] of this.rows) {
      if (row.kind !== "fs-stripe") continue;
      expect(named.get(key), key).toBe(row.named);
      const numbers = membersOf(row).map((cid) => {
        const one = this.rows.get(treeKeys.block(cid));
        return one?.kind === "fs-block" && one.stripe;
      });
      expect(new Set(numbers).size, key).toBe(1);
    }
  }
}

function numberOf(key: string): number {
  return Number.parseInt(key.slice(4), 36);
}
