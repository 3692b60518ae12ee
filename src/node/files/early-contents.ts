/**
 * Contents that come while they are still being written (R25): each has a pin of its own, under which its pieces are
 * stored and copied as they come, in any order, and again where they were written to once more. A commit names the
 * pin and how long the content is. Only this node knows the pieces: whoever comes to another, or after a restart, is
 * refused and sends the whole.
 */
import { randomUUID } from "node:crypto";
import { CHUNK_BYTES_MAX } from "../../fs/content/chunk.ts";
import { formatContentId } from "../../fs/content/content-id.ts";
import { FileTreeBuilder } from "../../fs/content/file-tree.ts";
import { WINDOW_BYTES } from "../../fs/file-blocks.ts";
import type { PieceFile } from "../../fs/file-taking.ts";
import { plainChunk, type SealedChunk, type SealKey } from "../../fs/seal.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { volumeUse } from "../../scheduler/tree/reads.ts";
import { type FileContent, PART_BLOCKS_MAX, PARTS_MAX } from "../../scheduler/tree/rows.ts";
import type { Timer } from "../../std/clock.ts";
import { ClusterError } from "../cluster-errors.ts";
import { ContentList } from "./content-list.ts";
import { keyToSeal } from "./sealing.ts";
import type { FileCall } from "./tree-reader.ts";
import { CHUNKING, codingOf, storeCopied, type UploadDeps } from "./upload.ts";
import { UploadPin } from "./upload-pin.ts";

/** Contents at once: each has a pin, and an entry of memory for each MiB. */
const EARLY_CONTENTS_MAX = 256;

/** One of which nothing comes for so long is given up; and each when it is so old, since collecting waits for pins. */
const IDLE_MS = 300_000;
const AGE_MS = 3_600_000;

/** Bytes of a piece; only the last one of a content is shorter. */
export const PIECE_BYTES = CHUNK_BYTES_MAX;

const NO_CONTENT: FileContent = { kind: "inline", blocks: [] };

interface Early {
  readonly group: number;
  readonly pin: UploadPin;
  readonly key: SealKey | undefined;
  readonly copies: number;
  /** By where they begin, in pieces. */
  readonly pieces: Map<number, SealedChunk>;
  readonly untilMs: number;
  idle: Timer | undefined;
}

/** Pieces of a content that are one after the other. */
export interface EarlyPieces {
  readonly upload: string;
  /** Where they begin in the content: whole pieces. */
  readonly at: number;
  readonly bytes: number;
}

export class EarlyContents {
  readonly #deps: () => UploadDeps;
  readonly #nowMs: () => number;
  readonly #contents = new Map<string, Early>();
  #beginning = 0;

  constructor(deps: () => UploadDeps, nowMs: () => number) {
    this.#deps = deps;
    this.#nowMs = nowMs;
  }

  /** The name of a new one; undefined where the volume takes only whole contents, or there are too many. */
  async begin(call: FileCall): Promise<string | undefined> {
    const deps = this.#deps();
    const volume = await deps.reader.ask(call, volumeUse);
    const isFull = this.#contents.size + this.#beginning >= EARLY_CONTENTS_MAX;
    // Where the content says where it is cut, a piece cannot be stored before what stands in front of it; and pieces
    // that are written once more are coded in vain.
    const isWhole = CHUNKING[volume.chunking] !== "fixed-1" || codingOf(deps, call, volume);
    if (isFull || isWhole) return undefined;
    this.#beginning += 1;
    try {
      const { group, deadlineMs } = call;
      const later = { group, deadlineMs, mount: undefined };
      const pin = await UploadPin.begin({
        ...{ upload: randomUUID(), holder: deps.self, timers: deps.timers },
        command: (command) => deps.command(later, command),
      });
      const early: Early = {
        ...{ group, pin, key: await keyToSeal(deps.keys, call, volume), copies: volume.copies },
        ...{ pieces: new Map(), untilMs: this.#nowMs() + AGE_MS, idle: undefined },
      };
      this.#contents.set(pin.upload, early);
      this.#endLater(early);
      return pin.upload;
    } finally {
      this.#beginning -= 1;
    }
  }

  /**
   * Resolves when they are as durable as the volume wants. One call at a time for the same piece.
   * @throws {JobxError} `FS_PIN_LAPSED` where there is no such content, `API_INPUT_INVALID`, and as `storeFile`.
   */
  async put(
    call: FileCall,
    { upload, at, bytes }: EarlyPieces,
    how: {
      /** Their bytes, or a file for each of them. */
      readonly content: AsyncIterable<Uint8Array> | readonly PieceFile[];
      readonly signal: AbortSignal;
    },
  ): Promise<void> {
    const early = this.#find(call, upload);
    const first = at / PIECE_BYTES;
    const isPlace = Number.isSafeInteger(first) && first < PARTS_MAX * PART_BLOCKS_MAX;
    if (!isPlace || bytes < 1 || bytes > WINDOW_BYTES) {
      throw invalid("pieces begin at whole ones of a file and are 1 byte to 8 MiB together");
    }
    const deps = this.#deps();
    const { copies: wanted, pieces } = early;
    const { content, signal } = how;
    const windows = windowsOf(deps, early, content);
    const stored: SealedChunk[] = [];
    // Which of them make the content is said with the commit.
    const list = {
      add: async (chunks: readonly SealedChunk[]) => void stored.push(...chunks),
      finish: async () => NO_CONTENT,
      stripes: [],
    };
    await storeCopied(deps, { windows, list, wanted, signal, coding: undefined });
    for (const [index, chunk] of stored.entries()) pieces.set(first + index, chunk);
    this.#endLater(early);
  }

  /**
   * The first `bytes` as the content of a file, to be committed under the pin, which stays.
   * @throws {JobxError} as `put`, for pieces that did not come.
   */
  async content(
    call: FileCall,
    { upload, bytes }: Omit<EarlyPieces, "at">,
  ): Promise<{ readonly content: FileContent; readonly cid: string }> {
    const early = this.#find(call, upload);
    const deps = this.#deps();
    const tree = new FileTreeBuilder();
    const list = new ContentList(
      upload,
      async (command) => (await deps.command(call, command)).inode,
    );
    for (let at = 0; at < bytes; at += PIECE_BYTES) {
      const piece = early.pieces.get(at / PIECE_BYTES);
      if (piece?.bytes !== Math.min(PIECE_BYTES, bytes - at)) {
        throw invalid(`no piece of that length has come for byte ${at}`);
      }
      tree.add(plainChunk(piece));
      await list.add([piece]);
    }
    this.#endLater(early);
    const cid = formatContentId(tree.finish().root.id);
    return { content: await list.finish(), cid };
  }

  /** Nothing more will come: what no commit has named may go. Harmless for one that is gone. */
  end(upload: string): void {
    const early = this.#contents.get(upload);
    if (early === undefined) return;
    this.#contents.delete(upload);
    early.idle?.cancel();
    early.pin.release();
  }

  #find({ group }: FileCall, upload: string): Early {
    const early = this.#contents.get(upload);
    if (early?.group === group && this.#nowMs() < early.untilMs) return early;
    throw treeError("FS_PIN_LAPSED", "this node has no such content on its way: send the whole");
  }

  #endLater(early: Early): void {
    const { upload } = early.pin;
    early.idle?.cancel();
    if (this.#contents.get(upload) !== early) return;
    const leftMs = Math.max(0, Math.min(IDLE_MS, early.untilMs - this.#nowMs()));
    early.idle = this.#deps().timers.after(leftMs, () => this.end(upload));
  }
}

function windowsOf(
  { contents }: Pick<UploadDeps, "contents">,
  { key }: Early,
  content: AsyncIterable<Uint8Array> | readonly PieceFile[],
): ReturnType<UploadDeps["contents"]["store"]> {
  if (Symbol.asyncIterator in content) {
    return contents.store({ bytes: content, chunking: "fixed-1", sha256: false, key });
  }
  if (key !== undefined) throw invalid("what is written on the disk is not sealed");
  return contents.takeFiles(content);
}

function invalid(why: string): ClusterError {
  return new ClusterError({ code: "API_INPUT_INVALID" }, why);
}
