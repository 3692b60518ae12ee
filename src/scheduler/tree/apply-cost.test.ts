/** R12: what commands of many files cost in rows and in rounds of loading, from a memory that knows nothing. */
import { expect, test } from "vitest";
import { at, block, file, TreeKit } from "../../../test/lib/tree-kit.ts";
import { payloadFormat } from "../../wire/command.ts";
import { PAYLOAD_BYTES_MAX } from "../commands.ts";
import type { Effect } from "../effects.ts";
import type { Row } from "../rows.ts";
import { MissingRows, Transaction, UNKNOWN } from "../transaction.ts";
import { applyTree } from "./apply.ts";
import {
  type FileCommit,
  FS_COMMAND_BLOCKS_MAX,
  FS_COMMAND_NAMES_MAX,
  FS_FILES_MAX,
  type TreeCommand,
} from "./commands.ts";
import { INODE_BLOCKS_MAX } from "./rows.ts";

interface Cost {
  readonly reads: number;
  readonly writes: number;
  /** Rounds in which rows are loaded. */
  readonly rounds: number;
}

/** Applies it as a replica does: what is missed is loaded together, then it is tried again. */
function costOf(kit: TreeKit, command: TreeCommand): Cost {
  const loaded = new Map<string, Row | undefined>();
  const peek = (key: string) => (loaded.has(key) ? loaded.get(key) : UNKNOWN);
  const tx = new Transaction<Row, Effect>({ peek });
  for (let rounds = 0; ; rounds += 1) {
    try {
      expect(applyTree(tx, { index: 9_999, ordinal: 0, stampMs: 9 }, command).kind).toBe("inode");
      tx.keep();
      for (const key of tx.fresh()) expect([key, kit.rows.has(key)]).toEqual([key, false]);
      return { reads: loaded.size, writes: tx.writes().size, rounds };
    } catch (error) {
      tx.drop();
      if (!(error instanceof MissingRows)) throw error;
      for (const key of error.keys) loaded.set(key, kit.rows.get(key));
    }
  }
}

const commit = (files: readonly FileCommit[]): TreeCommand => ({
  kind: "fs-commit",
  upload: "u1",
  files,
  parents: true,
});

/** One block each, in one folder. */
const numbered = (from: number, count: number): readonly FileCommit[] =>
  Array.from({ length: count }, (_, index) => file(`d/${from + index}`, from + index));

test("a thousand new files of one block read two rows each and write three, and a few more for each command", () => {
  const kit = TreeKit.withPin();
  kit.mkdir("d");
  const total = { reads: 0, writes: 0 };
  for (let from = 0; from < 1000; from += 250) {
    const command = commit(numbered(from, 250));
    const cost = costOf(kit, command);
    kit.run(command);
    total.reads += cost.reads;
    total.writes += cost.writes;
    // The volume; the pin; the root; the way to the folder, and blocks; the entries; the folder itself.
    expect(cost.rounds).toBeLessThanOrEqual(6);
  }
  // Besides: volume, pin, root's inode, the folder's entry and inode are read; volume and folder written.
  expect(total).toEqual({ reads: 1000 * 2 + 4 * 5, writes: 1000 * 3 + 4 * 2 });
});

test("files that get another block each read four rows and write three", () => {
  const kit = TreeKit.withPin();
  kit.mkdir("d");
  kit.run(commit(numbered(0, 200)));
  const again = numbered(0, 200).map((one, index) => ({
    ...one,
    content: { kind: "inline", blocks: [block(1000 + index)] } as const,
  }));
  const { reads, writes } = costOf(kit, commit(again));
  expect({ reads, writes }).toEqual({ reads: 200 * 4 + 5, writes: 200 * 3 + 1 });
});

test("the dearest commit, which leaves old lists, keeps others, makes folders and names blocks, keeps to an entry's bounds", () => {
  const kit = TreeKit.withPin();
  const kept = FS_COMMAND_BLOCKS_MAX / INODE_BLOCKS_MAX;
  const name = (index: number) => `${"n".repeat(60)}${index}`;
  const blocks = (first: number) =>
    Array.from({ length: INODE_BLOCKS_MAX }, (_, nth) => first * INODE_BLOCKS_MAX + nth);
  const old = Array.from({ length: FS_FILES_MAX }, (_, index) =>
    file(name(index), ...blocks(index)),
  );
  kit.run(commit(old.slice(0, kept)));
  kit.run(commit(old.slice(kept)));
  // As many names as there may be: one for each file, and what is left for the folders of what is kept.
  const depth = Math.floor((FS_COMMAND_NAMES_MAX - FS_FILES_MAX) / kept);
  const files = old.map((_, index): FileCommit => {
    if (index >= kept) return file(name(index));
    const keep = at(`${name(index)}k${"/d".repeat(depth - 1)}`);
    return { ...file(name(index), ...blocks(1000 + index)), keep };
  });
  const command = commit(files);
  const { reads, writes } = costOf(kit, command);
  expect(writes).toBeGreaterThan(9000);
  expect(Math.max(reads, writes)).toBeLessThan(10_000);
  const envelopes = [{ id: { kind: "none" } as const, command }];
  const { length } = payloadFormat.encode({ stampMs: 1, envelopes });
  expect(length).toBeLessThan(PAYLOAD_BYTES_MAX);
});

test("the dearest commit where versions are kept, which takes others away and makes folders, keeps to an entry's bounds", () => {
  const kit = TreeKit.withPin();
  kit.run({ kind: "fs-retention", versions: 1, versionsMs: 1e9 });
  const replaced = FS_COMMAND_BLOCKS_MAX / INODE_BLOCKS_MAX;
  const files = (first: number) =>
    Array.from({ length: replaced }, (_, index) => {
      const from = (first + index) * INODE_BLOCKS_MAX;
      return file(`${index}`, ...Array.from({ length: INODE_BLOCKS_MAX }, (__, nth) => from + nth));
    });
  kit.run(commit(files(0)));
  kit.run(commit(files(1000)));
  // As many names as there may be: what is left goes into folders of new files.
  const left = FS_FILES_MAX - replaced;
  const depth = Math.floor((FS_COMMAND_NAMES_MAX - replaced) / left);
  const deep = Array.from({ length: left }, (_, index) =>
    file(`k${index}${"/d".repeat(depth - 1)}`),
  );
  const { reads, writes } = costOf(kit, commit([...files(2000), ...deep]));
  expect(writes).toBeGreaterThan(9000);
  expect(Math.max(reads, writes)).toBeLessThan(10_000);
});

test("the largest step of a sweep keeps to an entry's bound", () => {
  const kit = TreeKit.withPin();
  for (let from = 0; from < FS_FILES_MAX; from += 64) {
    const files = Array.from({ length: 64 }, (_, index) => {
      const first = (from + index) * INODE_BLOCKS_MAX;
      const blocks = Array.from({ length: INODE_BLOCKS_MAX }, (_, nth) => first + nth);
      return file(`d/${from + index}`, ...blocks);
    });
    kit.run(commit(files));
  }
  const { inode } = kit.find("d");
  kit.run({ kind: "fs-remove", place: at("d") });
  const names = Array.from({ length: FS_FILES_MAX }, (_, index) => `${index}`);
  const { reads, writes, rounds } = costOf(kit, { kind: "fs-sweep", directory: inode, names });
  expect(Math.max(reads, writes)).toBeLessThan(10_000);
  expect(rounds).toBeLessThanOrEqual(6);
});
