/** New content of inodes: it is stored, and one command names it, whose answer tells what has come of it. */
import type { InodeCommit, InodeView, NameAt } from "../../api/inode-port.ts";
import type { Row } from "../../scheduler/rows.ts";
import { type RowView, UNKNOWN } from "../../scheduler/transaction.ts";
import type { CodedCommand, Place } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { treeKeys } from "../../scheduler/tree/keys.ts";
import { checkName } from "../../scheduler/tree/names.ts";
import { findInode } from "../../scheduler/tree/reading.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import type { FileContent, VolumeOptions } from "../../scheduler/tree/rows.ts";
import { concatBytes } from "../../std/bytes.ts";
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
    const { view, folder } = this.#shown(input, told);
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
   * Small content is stored as the volume's options were lately, while they are asked for: the command waits for both.
   * Where they are others by now, nothing was named, and it is stored once more.
   */
  async #store(
    call: FileCall,
    input: InodeCommit,
    { bytes, signal }: { readonly bytes: AsyncIterable<Uint8Array>; readonly signal: AbortSignal },
  ): Promise<Named> {
    const isSmall = input.bytes !== undefined && input.bytes <= PUSHED_BLOCK_BYTES_MAX;
    const known = isSmall ? this.#volumes.get(call.group) : undefined;
    const asked = this.#volume(call);
    if (known === undefined) {
      const volume = await asked;
      return this.#storeFor(call, input, { bytes, signal, volume, confirm: async () => volume });
    }
    // It may be answered after what makes nobody ask any more.
    asked.catch(() => undefined);
    const parts: Uint8Array[] = [];
    for await (const part of bytes) parts.push(part);
    const confirm = (): Promise<VolumeOptions> => asked;
    try {
      const first = once(concatBytes(parts));
      return await this.#storeFor(call, input, { bytes: first, signal, volume: known, confirm });
    } catch (error) {
      if (!(error instanceof OptionsChanged)) throw error;
      const again = once(concatBytes(parts));
      const volume = await asked;
      return this.#storeFor(call, input, { bytes: again, signal, volume, confirm });
    }
  }

  async #storeFor(
    call: FileCall,
    input: InodeCommit,
    how: {
      readonly bytes: AsyncIterable<Uint8Array>;
      readonly signal: AbortSignal;
      readonly volume: VolumeOptions;
      readonly confirm: () => Promise<VolumeOptions>;
    },
  ): Promise<Named> {
    const { bytes, signal, volume, confirm } = how;
    const { copies, chunking, erasure } = volume;
    const deps = this.#calls.uploadDeps();
    const key = await keyToSeal(deps.keys, call, volume);
    const stored = await storeFile(deps, {
      ...{ call, bytes, signal, copies, chunking, key, erasure, sha256: undefined },
      ...{ path: input.place?.name ?? "", bytesSaid: input.bytes },
      commit: async ({ stripes, ...one }) => {
        if (!areSame(volume, await confirm())) throw new OptionsChanged();
        const command = withStripes(commandOf(input, one), stripes);
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

  /** A file, and the folder in which it got its name, after a commit. @throws {TreeError} `FS_NOT_FOUND` where it is gone. */
  #shown({ inode, place }: InodeCommit, { rows }: Told): Pick<CommittedContent, "view" | "folder"> {
    const known = new Map(keysOf({ inode, place }).map((key, at) => [key, rows[at]]));
    const view: RowView<Row> = { peek: (key) => (known.has(key) ? known.get(key) : UNKNOWN) };
    const shown = shownIn(view, inode, place?.parent);
    if (shown === undefined) throw treeError("FS_NOT_FOUND", "there is no such inode");
    return shown;
  }
}

/** What was stored is not as the volume wants it by now. */
class OptionsChanged extends Error {}

function areSame(one: VolumeOptions, other: VolumeOptions): boolean {
  return (
    one.copies === other.copies &&
    one.chunking === other.chunking &&
    one.sealing === other.sealing &&
    one.erasure?.data === other.erasure?.data &&
    one.erasure?.parity === other.erasure?.parity
  );
}

/** Rows that tell what came of a commit. */
function keysOf({ inode, place }: Pick<InodeCommit, "inode" | "place">): readonly string[] {
  const inodes = place === undefined ? [inode] : [inode, place.parent];
  return inodes.map((number) => treeKeys.inode(number));
}

/** A file and a folder; undefined where the file is gone. */
function shownIn(
  view: RowView<Row>,
  inode: number,
  parent: number | undefined,
): Pick<CommittedContent, "view" | "folder"> | undefined {
  const shown = (number: number): InodeView | undefined => {
    const row = findInode(view, number);
    return row === undefined ? undefined : inodeView({ inode: number, row });
  };
  const file = shown(inode);
  const folder = parent === undefined ? undefined : shown(parent);
  return file === undefined ? undefined : { view: file, folder: folder ?? null };
}

/** The command that names content which is stored. */
function commandOf(
  { inode, place, exclusive, mode, mtimeMicros }: InodeCommit,
  stored: { readonly upload: string; readonly content: FileContent; readonly cid: string },
): CodedCommand {
  const { upload, content, cid: root } = stored;
  const what = { content, root, mtimeMicros };
  if (place === undefined) {
    const at = { place: { from: inode, path: "" }, mode, keep: undefined };
    const file = { ...what, ...at, expect: { kind: "any" } } as const;
    return { kind: "fs-commit", upload, files: [file], parents: false };
  }
  const at = { place: placeOf(place), exclusive };
  return { kind: "fs-create", upload, inode, ...at, ...what, mode: mode ?? FILE_MODE };
}

/** One name of a folder. @throws {TreeError} `FS_NAME_INVALID`, also for a path of several; `FS_NAME_TOO_LONG`. */
export function placeOf({ parent, name }: Pick<NameAt, "parent" | "name">): Place {
  checkName(name);
  return { from: parent, path: name };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}
