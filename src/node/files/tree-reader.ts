/** Reads the tree of a workflow where it is led: pure questions, whose rows are asked for as they are missed. */
import type { ClusterNode } from "../../actors/cluster-node.ts";
import type { Row } from "../../scheduler/rows.ts";
import { MissingRows, type RowView, UNKNOWN } from "../../scheduler/transaction.ts";
import type { Place } from "../../scheduler/tree/commands.ts";
import { TreeError } from "../../scheduler/tree/errors.ts";
import { cidOfBlockKey, treeKeys, treePrefixes } from "../../scheduler/tree/keys.ts";
import { namesOf } from "../../scheduler/tree/names.ts";
import {
  type Found,
  type Listed,
  listed,
  listingRange,
  lookUp,
} from "../../scheduler/tree/reads.ts";
import { type FileBlock, type InodeRow, ROOT_INODE } from "../../scheduler/tree/rows.ts";
import { Deadline } from "../../std/deadline.ts";
import { prefixEnd } from "../../std/ordered-text.ts";
import type { Cid } from "../../wire/dataset.ts";
import { ClusterError } from "../cluster-errors.ts";
import { systemClock } from "../system.ts";

/**
 * Questions for rows that one look at the tree takes: two for each name of the longest path and of the links
 * that it may lead through. One that takes more meets rows that change all the time.
 */
const ROUNDS_MAX = 2_000;

/** A call whose deadline counts for each of its steps: content may take long. */
export interface FileCall {
  readonly group: number;
  readonly deadlineMs: number;
  /** The mount that calls. */
  readonly mount?: string | undefined;
}

/** The deadline of the call's next step. */
export function stepDeadline({ deadlineMs }: FileCall): Deadline {
  return new Deadline(systemClock, deadlineMs);
}

/** A path as people write it: from the root, with a slash before it or without. */
export function pathOf(text: string): string {
  return text.replace(/^\//u, "").replace(/(?<=[^/])\/$/u, "");
}

/** A block that files name, or that a stripe has. */
export interface NamedBlock extends FileBlock {
  readonly stripe: number | undefined;
}

export class TreeReader {
  readonly #node: Pick<ClusterNode, "read">;

  constructor(node: Pick<ClusterNode, "read">) {
    this.#node = node;
  }

  /** `follows`: what an answer that came before has said is enough. @throws {TreeError} what `ask` throws; {ClusterError} `FS_CHANGED` when the rows do not stand still. */
  async ask<Answer>(
    call: FileCall,
    ask: (view: RowView<Row>) => Answer,
    { follows = false }: { readonly follows?: boolean } = {},
  ): Promise<Answer> {
    const known = new Map<string, Row | undefined>();
    const view: RowView<Row> = {
      peek: (key) => (known.has(key) ? known.get(key) : UNKNOWN),
    };
    const deadline = stepDeadline(call);
    for (let round = 0; round < ROUNDS_MAX; round++) {
      try {
        return ask(view);
      } catch (error) {
        if (!(error instanceof MissingRows)) throw error;
        const { keys } = error;
        const wanted = { keys, follows: follows || round > 0 };
        const { values } = await this.#node.read(call.group, wanted, deadline.leftMs());
        for (const [at, key] of keys.entries()) known.set(key, values[at]);
      }
    }
    throw new ClusterError({ code: "FS_CHANGED" }, "what lies on the path changes all the time");
  }

  /** What a path from the root leads to, or from the top of a snapshot. @throws {TreeError} */
  find(call: FileCall, path: string, { follow = true, from = ROOT_INODE } = {}): Promise<Found> {
    const place = { from, path };
    return this.ask(call, (view) => lookUp(view, place, { follow }));
  }

  /** The same; undefined where nothing is. @throws {TreeError} */
  async findIfThere(
    call: FileCall,
    path: string,
    how = { follow: true },
  ): Promise<Found | undefined> {
    try {
      return await this.find(call, path, how);
    } catch (error) {
      if (error instanceof TreeError && error.code === "FS_NOT_FOUND") return undefined;
      throw error;
    }
  }

  /**
   * Where commands find a path, which follow no symbolic links: its last name in the folder that the rest leads
   * to. With `parents` folders on the way may be missing.
   * @throws {TreeError} `FS_NAME_INVALID` for the root, and as `find`.
   */
  async place(call: FileCall, path: string, { parents = false } = {}): Promise<Place> {
    const names = namesOf(path);
    const name = names.at(-1);
    // What names nothing is refused by the command.
    if (name === undefined || names.length === 1) return { from: ROOT_INODE, path };
    try {
      const { inode } = await this.find(call, names.slice(0, -1).join("/"));
      return { from: inode, path: name };
    } catch (error) {
      const isMissing = error instanceof TreeError && error.code === "FS_NOT_FOUND";
      if (parents && isMissing) return { from: ROOT_INODE, path };
      throw error;
    }
  }

  /** Blocks that files of the volume name, above one, at most `limit`, in the order of their ids. */
  async blocks(
    call: FileCall,
    of: { readonly after: Cid | undefined; readonly limit: number },
  ): Promise<readonly NamedBlock[]> {
    // No key lies between one and the same with the lowest character after it.
    const gte = of.after === undefined ? treePrefixes.blocks : `${treeKeys.block(of.after)}\0`;
    const scan = { gte, lt: prefixEnd(treePrefixes.blocks), limit: of.limit };
    const wanted = { keys: [], scan, follows: true };
    const { scanned } = await this.#node.read(call.group, wanted, stepDeadline(call).leftMs());
    return scanned.flatMap(({ key, row }) =>
      row.kind === "fs-block"
        ? [{ cid: cidOfBlockKey(key), bytes: row.bytes, stripe: row.stripe }]
        : [],
    );
  }

  /** Rows from a key on, of those that begin with a prefix, and whether there are more. */
  async scan(
    call: FileCall,
    of: { readonly gte: string; readonly prefix: string; readonly limit: number },
  ): Promise<{
    readonly rows: readonly { readonly key: string; readonly row: Row }[];
    readonly more: boolean;
  }> {
    const scan = { gte: of.gte, lt: prefixEnd(of.prefix), limit: of.limit };
    const leftMs = stepDeadline(call).leftMs();
    const { scanned, more } = await this.#node.read(call.group, { keys: [], scan }, leftMs);
    return { rows: scanned, more };
  }

  /** Names of a folder after one, at most `limit`, and whether there are more. */
  async names(
    call: FileCall,
    of: { readonly directory: number; readonly after: string | undefined; readonly limit: number },
  ): Promise<{ readonly names: readonly Listed[]; readonly more: boolean }> {
    const scan = { ...listingRange(of.directory, of.after), limit: of.limit };
    const wanted = { keys: [], scan, follows: true };
    const { scanned, more } = await this.#node.read(
      call.group,
      wanted,
      stepDeadline(call).leftMs(),
    );
    return { names: listed(scanned.map(({ key, row }) => [key, row] as const)), more };
  }

  /** What names lead to; one that was removed since the names were read is in the folder no more. */
  async rows(
    call: FileCall,
    names: readonly Listed[],
  ): Promise<readonly (Found & { readonly name: string })[]> {
    const { values } = await this.#node.read(
      call.group,
      { keys: names.map(({ inode }) => treeKeys.inode(inode)), follows: true },
      stepDeadline(call).leftMs(),
    );
    return names.flatMap(({ name, inode }, place) => {
      const row = values[place];
      return row !== undefined && isInode(row) ? [{ name, inode, row }] : [];
    });
  }
}

function isInode(row: Row): row is InodeRow {
  return row.kind === "fs-file" || row.kind === "fs-directory" || row.kind === "fs-symlink";
}
