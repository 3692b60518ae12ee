/** New content of inodes: it is stored, and one command names it, whose answer tells what has come of it. */
import type { InodeCommit, InodeView, NameAt } from "../../api/inode-port.ts";
import type { Row } from "../../scheduler/rows.ts";
import { type RowView, UNKNOWN } from "../../scheduler/transaction.ts";
import type { CodedCommand, Place, StoredFor } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { treeKeys, VOLUME_KEY } from "../../scheduler/tree/keys.ts";
import { checkName } from "../../scheduler/tree/names.ts";
import { findInode } from "../../scheduler/tree/reading.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import type { FileContent, VolumeOptions } from "../../scheduler/tree/rows.ts";
import { concatBytes } from "../../std/bytes.ts";
import { isJobxError } from "../../std/errors.ts";
import { PUSHED_BLOCK_BYTES_MAX } from "../../wire/bounds.ts";
import type { EarlyContents } from "./early-contents.ts";
import type { FileCalls, Told } from "./file-calls.ts";
import { inodeView } from "./inode-views.ts";
import { keyToSeal } from "./sealing.ts";
import { withStripes } from "./stripe-writer.ts";
import type { FileCall } from "./tree-reader.ts";
import { storeFile } from "./upload.ts";

/** Of new files that nobody says a mode for. */
const FILE_MODE = 0o644;

/** Volumes whose options are remembered; of others they are asked for before anything is stored. */
const VOLUMES_KNOWN_MAX = 1_024;

const STORED_OTHERWISE: ReadonlySet<string> = new Set([
  "FS_SEALING_DIFFERS",
  "FS_STORED_OTHERWISE",
]);

/** What was brought, and what the tree shows of it. */
export interface CommittedContent {
  readonly content: FileContent;
  readonly view: InodeView;
  /** In which it got its name. */
  readonly folder: InodeView | null;
}

interface Named {
  readonly content: FileContent;
  readonly cid: string;
  readonly size: number;
  readonly told: Told;
}

interface HowStored {
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  /** As it is, or was lately. */
  readonly volume: VolumeOptions;
  /** They were asked for before this call. */
  readonly isRemembered?: boolean;
}

export class InodeCommits {
  readonly #calls: FileCalls;
  readonly #early: Pick<EarlyContents, "content">;
  /** As they were when they were asked for last, by group. */
  readonly #volumes = new Map<number, VolumeOptions>();

  constructor(calls: FileCalls, early: Pick<EarlyContents, "content">) {
    this.#calls = calls;
    this.#early = early;
  }

  /** Stores it, where it did not come before, and puts the command through that names it. @throws {JobxError} as `InodePort.commit`. */
  async commit(
    call: FileCall,
    input: InodeCommit,
    how: { readonly bytes: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
  ): Promise<CommittedContent> {
    const { upload } = input;
    const { content, cid, size, told } =
      upload === undefined
        ? await this.#store(call, input, how)
        : await this.#nameEarly(call, input, upload);
    const { view, folder } = shownIn(viewOf(input, told), input);
    // Somebody else may have brought other content since.
    return { content, view: { ...view, bytes: size, content: cid }, folder };
  }

  async #nameEarly(call: FileCall, input: InodeCommit, upload: string): Promise<Named> {
    const size = input.bytes ?? 0;
    const { content, cid } = await this.#early.content(call, { upload, bytes: size });
    const command = commandOf(input, { upload, content, cid });
    const told = await this.#calls.commandTold(call, command, keysOf(input));
    return { content, cid, size, told };
  }

  /**
   * Small content is stored as the volume's options were lately, and the command that names it says so: where they
   * are others by then it names nothing, and the content is stored once more as they are.
   */
  async #store(
    call: FileCall,
    input: InodeCommit,
    { bytes, signal }: { readonly bytes: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
  ): Promise<Named> {
    const isSmall = input.bytes !== undefined && input.bytes <= PUSHED_BLOCK_BYTES_MAX;
    const known = isSmall ? this.#volumes.get(call.group) : undefined;
    if (known === undefined) {
      return this.#storeFor(call, input, { bytes, signal, volume: await this.#volume(call) });
    }
    const parts: Uint8Array[] = [];
    for await (const part of bytes) parts.push(part);
    const whole = (): AsyncIterable<Uint8Array> => once(concatBytes(parts));
    const named = await unlessStoredOtherwise(() =>
      this.#storeFor(call, input, { bytes: whole(), signal, volume: known, isRemembered: true }),
    );
    if (named !== undefined) return named;
    // Nothing was named.
    const volume = await this.#volume(call);
    return this.#storeFor(call, input, { bytes: whole(), signal, volume });
  }

  async #storeFor(
    call: FileCall,
    input: InodeCommit,
    { bytes, signal, volume, isRemembered = false }: HowStored,
  ): Promise<Named> {
    const { copies, chunking, erasure } = volume;
    const storedFor = isRemembered ? { copies, chunking, erasure } : undefined;
    const deps = this.#calls.uploadDeps();
    const key = await keyToSeal(deps.keys, call, volume);
    const stored = await storeFile(deps, {
      ...{ call, bytes, signal, copies, chunking, key, erasure, sha256: undefined },
      ...{ path: input.place?.name ?? "", bytesSaid: input.bytes },
      commit: ({ stripes, ...one }) => {
        const command = withStripes(commandOf(input, one, storedFor), stripes);
        return this.#calls.commandTold(call, command, keysOf(input));
      },
    });
    const { content, cid, bytes: size, committed: told } = stored;
    return { content, cid, size, told };
  }

  async #volume(call: FileCall): Promise<VolumeOptions> {
    const volume = await this.#calls.reader.ask(call, volumeUse);
    if (this.#volumes.size >= VOLUMES_KNOWN_MAX) this.#volumes.clear();
    this.#volumes.set(call.group, volume);
    return volume;
  }
}

/** What was told with a commit. */
function viewOf(input: InodeCommit, { rows }: Told): RowView<Row> {
  const known = new Map(keysOf(input).map((key, at) => [key, rows[at]]));
  return { peek: (key) => (known.has(key) ? known.get(key) : UNKNOWN) };
}

/** Undefined where the volume wants it otherwise by now. */
async function unlessStoredOtherwise<Result>(
  run: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await run();
  } catch (error) {
    if (isJobxError(error) && STORED_OTHERWISE.has(error.code)) return undefined;
    throw error;
  }
}

/** Rows that tell what came of a commit: the file, the volume, and the folder in which it got its name. */
function keysOf({ inode, place }: InodeCommit): readonly string[] {
  const keys = [treeKeys.inode(inode), VOLUME_KEY];
  return place === undefined ? keys : [...keys, treeKeys.inode(place.parent)];
}

/** A file and a folder. @throws {TreeError} `FS_NOT_FOUND` where the file is gone. */
function shownIn(
  view: RowView<Row>,
  { inode, place }: InodeCommit,
): Pick<CommittedContent, "view" | "folder"> {
  const shown = (number: number): InodeView | undefined => {
    const row = findInode(view, number);
    return row === undefined ? undefined : inodeView({ inode: number, row });
  };
  const file = shown(inode);
  if (file === undefined) throw treeError("FS_NOT_FOUND", "there is no such inode");
  const folder = place === undefined ? undefined : shown(place.parent);
  return { view: file, folder: folder ?? null };
}

/** The command that names content which is stored. */
function commandOf(
  { inode, place, exclusive, mode, mtimeMicros }: InodeCommit,
  stored: { readonly upload: string; readonly content: FileContent; readonly cid: string },
  storedFor: StoredFor | undefined = undefined,
): CodedCommand {
  const { upload, content, cid: root } = stored;
  const what = { content, root, mtimeMicros };
  if (place === undefined) {
    const at = { place: { from: inode, path: "" }, mode, keep: undefined };
    const files = [{ ...what, ...at, expect: { kind: "any" } as const }];
    return { kind: "fs-commit", upload, files, parents: false, storedFor };
  }
  const at = { place: placeOf(place), exclusive };
  return { kind: "fs-create", upload, inode, ...at, ...what, mode: mode ?? FILE_MODE, storedFor };
}

/** One name of a folder. @throws {TreeError} `FS_NAME_INVALID`, also for a path of several; `FS_NAME_TOO_LONG`. */
export function placeOf({ parent, name }: Pick<NameAt, "parent" | "name">): Place {
  checkName(name);
  return { from: parent, path: name };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}
