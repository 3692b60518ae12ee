/**
 * Takes a snapshot: reads the rows of one moment that the leader holds open, and puts them below a frozen folder, many
 * in one command. A pin begins before the moment, so that all blocks stay that were named in it.
 */
import { randomUUID } from "node:crypto";
import { isJobxError } from "../../api/errors.ts";
import { formatContentId } from "../../fs/content/content-id.ts";
import { treeLink } from "../../fs/content/tree-export.ts";
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import type { Found } from "../../scheduler/tree/reads.ts";
import type { Timers } from "../../std/clock.ts";
import { type CarExportDeps, treeSourceOf } from "./car-export.ts";
import { ContentList } from "./content-list.ts";
import { entriesOf } from "./copy.ts";
import { blockRuns } from "./download.ts";
import { type LeaderAsker, Moment } from "./moment.ts";
import { type BuildEntry, buildTree } from "./tree-build.ts";
import type { FileCall, TreeReader } from "./tree-reader.ts";
import { UploadPin } from "./upload-pin.ts";

/** How often it is begun anew where the leader changes, or lists of large files go before they are named again. */
const TRIES = 5;

/** From this many tries left on all lists are written anew from the moment, so nothing that goes is missed. */
const TRIES_RESTAGED = 3;

const AGAIN: ReadonlySet<string> = new Set(["FS_PIN_LAPSED", "COLLECTION_GONE", "COLLECTION_BUSY"]);

/** Between two tries, ms: who holds moments lets go of them soon. */
const AGAIN_MS = 500;

export interface SnapshotDeps extends CarExportDeps {
  readonly router: LeaderAsker;
  readonly command: (command: TreeCommand) => Promise<{ readonly inode: number }>;
  /** This node, which holds the pin while it is made. */
  readonly self: string;
  readonly timers: Timers;
}

interface Taking {
  readonly call: FileCall;
  readonly signal: AbortSignal;
}

/** What is to be taken; the path without a slash before it. */
export interface SnapshotWanted {
  readonly path: string;
  readonly name: string;
}

/** @throws {JobxError} as `SnapshotPort.take`. */
export async function takeSnapshot(
  deps: SnapshotDeps,
  wanted: SnapshotWanted,
  how: Taking,
): Promise<void> {
  await folderAt(deps.reader, how.call, wanted.path);
  for (let left = TRIES; ; left -= 1) {
    try {
      return await takeOnce(deps, wanted, { ...how, restages: left <= TRIES_RESTAGED });
    } catch (error) {
      how.signal.throwIfAborted();
      if (left === 1 || !isJobxError(error) || !AGAIN.has(error.code)) throw error;
      await new Promise<void>((resolve) => {
        deps.timers.after(AGAIN_MS, resolve);
      });
    }
  }
}

async function takeOnce(
  deps: SnapshotDeps,
  { path, name }: SnapshotWanted,
  how: Taking & { readonly restages: boolean },
): Promise<void> {
  const { command, self, timers } = deps;
  const { call, signal } = how;
  const upload = randomUUID();
  const pin = await UploadPin.begin({ upload, holder: self, timers, command });
  try {
    const begin = { kind: "fs-snapshot", upload, name, path: `/${path}` } as const;
    const { inode: base } = await command(begin);
    try {
      const entries = momentEntries(deps, path, { ...how, upload });
      const counts = await buildTree(entries, { command, upload, base, signal });
      const top = { kind: "directory", ref: base } as const;
      const { id } = await treeLink(top, treeSourceOf(deps, call));
      const root = formatContentId(id);
      await command({ kind: "fs-snapshot-end", upload, name, root, counts });
    } catch (error) {
      // What a node leaves that dies the leader removes when its pin has lapsed.
      await command({ kind: "fs-snapshot-remove", name, upload }).catch(() => undefined);
      throw error;
    }
  } finally {
    pin.release();
  }
}

/** All below the folder as it is at one moment from now on. */
async function* momentEntries(
  deps: SnapshotDeps,
  path: string,
  how: { readonly call: FileCall; readonly upload: string; readonly restages: boolean },
): AsyncGenerator<BuildEntry, void, undefined> {
  const { call } = how;
  const moment = await Moment.hold(deps.router, call);
  try {
    const folder = await folderAt(moment.reader, call, path);
    for await (const entry of entriesOf(moment.reader, call, folder)) {
      const isListed = entry.kind === "file" && entry.content.kind === "listed";
      yield how.restages && isListed ? await restaged(deps, entry, { ...how, moment }) : entry;
    }
  } finally {
    moment.release();
  }
}

/** The same with a list of its own, also where nobody has the other one any more. */
async function restaged(
  { command }: SnapshotDeps,
  entry: Extract<BuildEntry, { readonly kind: "file" }>,
  how: { readonly call: FileCall; readonly upload: string; readonly moment: Moment },
): Promise<BuildEntry> {
  const { call, upload, moment } = how;
  const list = new ContentList(upload, async (one) => (await command(one)).inode);
  const runs = blockRuns({ reader: moment.reader }, entry, { call, fromBytes: 0 });
  for await (const { blocks } of runs) await list.add(blocks);
  return { ...entry, content: await list.finish() };
}

/** @throws {TreeError} `FS_NOT_DIRECTORY`. */
async function folderAt(reader: TreeReader, call: FileCall, path: string): Promise<Found> {
  const found = await reader.find(call, path);
  if (found.row.kind === "fs-directory") return found;
  throw treeError("FS_NOT_DIRECTORY", "a snapshot is of a folder", { path });
}
