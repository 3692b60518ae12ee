/** Puts a file: its blocks durable on their nodes under a pin, and only then the command that names them. */
import { randomUUID } from "node:crypto";
import type { FileExpectation, FilePut, FilePutAnswer } from "../../api/file-port.ts";
import type { Chunking as ContentChunking } from "../../fs/content/chunk.ts";
import type { SealKey } from "../../fs/seal.ts";
import type {
  CodedCommand,
  Expectation,
  Place,
  TreeCommand,
} from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { namesOf } from "../../scheduler/tree/names.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import type {
  Chunking,
  Erasure,
  FileContent,
  Stripe,
  VolumeOptions,
} from "../../scheduler/tree/rows.ts";
import type { Timers } from "../../std/clock.ts";
import { ClusterError } from "../cluster-errors.ts";
import type { Contents } from "../data-plane/contents.ts";
import { type BlockCopiesDeps, copyBlocks } from "./block-copies.ts";
import { ContentList } from "./content-list.ts";
import { type OneBlock, storeOneBlock } from "./one-block.ts";
import { type KeySource, keyToSeal } from "./sealing.ts";
import { PIN_SHARED_BYTES_MAX, type SharedPins } from "./shared-pins.ts";
import {
  type CodedChunks,
  type CodingOptions,
  StripeWriter,
  type StripeWriterDeps,
  withStripes,
} from "./stripe-writer.ts";
import { type FileCall, pathOf, type TreeReader } from "./tree-reader.ts";
import { UploadPin } from "./upload-pin.ts";

/** How a volume's files are cut, as content names it. */
export const CHUNKING = {
  fixed: "fixed-1",
  "content-defined": "content-1",
} as const satisfies Record<Chunking, ContentChunking>;

export interface UploadDeps extends StripeWriterDeps {
  readonly reader: TreeReader;
  readonly contents: Pick<Contents, "store" | "takeFiles">;
  readonly timers: Timers;
  readonly pins: Pick<SharedPins, "hold">;
  readonly keys: KeySource;
  /** Puts a command through; resolves with its inode or content, and its revision. */
  readonly command: (
    call: FileCall,
    command: TreeCommand,
  ) => Promise<{ readonly inode: number; readonly revision: number }>;
}

/** What storing content came to. */
interface Stored {
  readonly content: FileContent;
  readonly bytes: number;
  readonly cid: string;
  readonly sha256: string | undefined;
  readonly copies: number;
  /** Of its blocks, to be told with the command that names it. */
  readonly stripes: readonly Stripe[];
  /** To be called when it is named: gives up what only other nodes are to have. */
  readonly tidy: () => void;
}

/** How blocks are coded, and by what. */
export interface Coding extends Pick<CodingOptions, "call" | "erasure"> {
  readonly deps: StripeWriterDeps;
}

/** For a volume that codes; undefined for one that does not. */
export function codingOf(
  deps: StripeWriterDeps,
  call: FileCall,
  { erasure }: Pick<VolumeOptions, "erasure">,
): Coding | undefined {
  return erasure === undefined || erasure.data < 2 ? undefined : { deps, call, erasure };
}

/**
 * Puts a file. An upload that ends early leaves blocks that nothing names.
 * @throws {JobxError} as `FilePort.put`.
 */
export async function putFile(
  deps: UploadDeps,
  input: FilePut,
  how: {
    readonly call: FileCall;
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly signal: AbortSignal;
  },
): Promise<FilePutAnswer> {
  const { call, bytes, signal } = how;
  const path = pathOf(input.path);
  if (namesOf(path).length === 0) throw treeError("FS_IS_DIRECTORY", "the root is a folder");
  // What would be refused is so before a byte of it is taken.
  const expect = await expectationOf(deps, { call, path, expect: input.expect });
  const place = await deps.reader.place(call, path, input);
  const volume = await deps.reader.ask(call, volumeUse);
  const { copies: copiesWanted, chunking, erasure } = volume;
  const key = await keyToSeal(deps.keys, call, volume);
  const stored = await storeFile(deps, {
    ...{
      call,
      bytes,
      signal,
      chunking,
      key,
      erasure,
      copies: copiesWanted,
      sha256: input.sha256,
      path,
      bytesSaid: undefined,
    },
    commit: ({ upload, content, cid, stripes }) => {
      const commit = commitOf({ upload, place, expect, content, cid, input });
      return deps.command(call, withStripes(commit, stripes));
    },
  });
  const { bytes: size, cid, copies, committed } = stored;
  return { path: `/${path}`, bytes: size, cid, ...committed, copies, copiesWanted };
}

/** Content on its way, and what names it when it is there. */
export interface FileToStore<Committed> {
  readonly call: FileCall;
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
  readonly chunking: Chunking;
  /** With which it is sealed; undefined: not at all. */
  readonly key: SealKey | undefined;
  readonly copies: number;
  readonly erasure: Erasure | undefined;
  /** How long it is, where that is known; no longer than that. */
  readonly bytesSaid: number | undefined;
  /** Hex; undefined: whatever it is. */
  readonly sha256: string | undefined;
  readonly path: string;
  readonly commit: (stored: StoredUpload) => Promise<Committed>;
}

/** Content that is there, under a pin that lasts until its commit is over. */
export interface StoredUpload {
  readonly upload: string;
  readonly content: FileContent;
  readonly cid: string;
  /** Of its blocks, to be told with the command that names it. */
  readonly stripes: readonly Stripe[];
}

/** Stores content under a pin, has it copied, and commits it. @throws {JobxError} as `FilePort.put`. */
export async function storeFile<Committed>(
  deps: UploadDeps,
  file: FileToStore<Committed>,
): Promise<Stored & { readonly committed: Committed }> {
  const { call, signal, path } = file;
  const command = (one: TreeCommand) => deps.command(call, one);
  const begin = (): Promise<UploadPin> =>
    UploadPin.begin({ upload: randomUUID(), holder: deps.self, timers: deps.timers, command });
  const isSmall = file.bytesSaid !== undefined && file.bytesSaid <= PIN_SHARED_BYTES_MAX;
  const pin = await (isSmall ? deps.pins.hold(call.group, begin) : begin());
  const { upload } = pin;
  try {
    const list = new ContentList(upload, async (one) => (await command(one)).inode);
    const one = await storeOneBlock(deps, file);
    const stored =
      one.kind === "stored"
        ? await listOneBlock(one, list)
        : await storeWindows(deps, { ...file, bytes: one.bytes }, list);
    signal.throwIfAborted();
    if (stored.sha256 !== file.sha256) throw digestMismatch(path);
    const { content, cid, stripes, tidy } = stored;
    const committed = await file.commit({ upload, content, cid, stripes });
    tidy();
    return { ...stored, committed };
  } finally {
    pin.release();
  }
}

async function listOneBlock(
  { chunk, cid, copies }: Extract<OneBlock, { readonly kind: "stored" }>,
  list: ContentList,
): Promise<Stored> {
  await list.add([chunk]);
  const content = await list.finish();
  const { bytes } = chunk;
  return { content, bytes, cid, sha256: undefined, copies, stripes: [], tidy: () => undefined };
}

function storeWindows<Committed>(
  deps: UploadDeps,
  file: FileToStore<Committed>,
  list: ContentList,
): Promise<Stored> {
  const { call, bytes, chunking, key, copies: wanted, signal } = file;
  const sha256 = file.sha256 !== undefined;
  const windows = deps.contents.store({ bytes, chunking: CHUNKING[chunking], sha256, key });
  const coding = codingOf(deps, call, file);
  return storeCopied(deps, { windows, list, wanted, signal, coding });
}

function commitOf(file: {
  readonly upload: string;
  readonly place: Place;
  readonly expect: Expectation;
  readonly content: FileContent;
  readonly cid: string;
  readonly input: FilePut;
}): CodedCommand {
  const { upload, place, expect, content, cid: root } = file;
  const { mode, parents } = file.input;
  const commit = { place, expect, mode, mtimeMicros: undefined, root, content, keep: undefined };
  return { kind: "fs-commit", upload, files: [commit], parents };
}

/** Windows are copied one after the other, while the next is stored. */
export async function storeCopied(
  deps: BlockCopiesDeps,
  from: {
    readonly windows: ReturnType<Contents["store"]>;
    readonly list: Pick<ContentList, "add" | "finish" | "stripes">;
    readonly wanted: number;
    readonly signal: AbortSignal;
    /** Undefined: blocks are copied. */
    readonly coding: Coding | undefined;
  },
): Promise<Stored> {
  const { windows, list, wanted, signal, coding } = from;
  let copies = wanted;
  let bytes = 0;
  let cid = "";
  let digest: string | undefined;
  const writer = coding && new StripeWriter(coding.deps, { ...coding, copies: wanted, signal });
  const take = async (coded: CodedChunks): Promise<void> => {
    copies = Math.min(copies, coded.copies);
    await list.add(coded.chunks, coded.stripes);
  };
  for await (const { chunks, root, sha256 } of windows) {
    if (writer !== undefined) await take(await writer.add(chunks));
    else if (chunks.length > 0) {
      const cids = chunks.map((chunk) => chunk.cid);
      copies = Math.min(copies, await copyBlocks(cids, deps, { wanted, signal }));
      await list.add(chunks);
    }
    bytes += chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
    cid = root ?? cid;
    digest = sha256;
  }
  if (writer !== undefined) await take(await writer.finish());
  const content = await list.finish();
  const { stripes } = list;
  const tidy = () => void writer?.tidy();
  return { content, bytes, cid, sha256: digest, copies, stripes, tidy };
}

function digestMismatch(path: string): ClusterError {
  const message = "the content that came does not have the hash that was said; nothing was changed";
  return new ClusterError({ code: "FS_DIGEST_MISMATCH", path }, message);
}

/** What the commit is to expect. @throws {TreeError} what the caller's expectation is refused with. */
async function expectationOf(
  { reader }: UploadDeps,
  of: { readonly call: FileCall; readonly path: string; readonly expect: FileExpectation },
): Promise<Expectation> {
  const { call, path, expect } = of;
  const found = await reader.findIfThere(call, path, { follow: false });
  if (found?.row.kind === "fs-directory") {
    throw treeError("FS_IS_DIRECTORY", "it is a folder", { path });
  }
  switch (expect.kind) {
    case "any":
      return { kind: "any" };
    case "absent":
      if (found !== undefined) throw treeError("FS_EXISTS", "it is there already", { path });
      return { kind: "absent" };
    case "present":
    case "content": {
      const cid = found?.row.kind === "fs-file" ? found.row.root : undefined;
      if (found === undefined || (expect.kind === "content" && cid !== expect.cid)) {
        throw treeError("FS_CHANGED", "it is not what was expected", { path });
      }
      return { kind: "revision", revision: found.row.revision };
    }
  }
}
