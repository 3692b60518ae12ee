/** Content of files in the data plane, as the control thread sees it: streams there and back. */

import { CHUNK_BYTES_MAX, type Chunking } from "../../fs/content/chunk.ts";
import type { Holders } from "../../fs/file-block-reader.ts";
import type { ChunkPart, ContentToStore, StoredWindow } from "../../fs/file-blocks.ts";
import type { PieceFile } from "../../fs/file-taking.ts";
import type { SealKey } from "../../fs/seal.ts";
import { concatBytes } from "../../std/bytes.ts";
import { regathered } from "../../std/gather.ts";
import { coded } from "./errors.ts";
import type { ContentRequest } from "./messages.ts";
import type { SliceStreams } from "./slice-streams.ts";
import { windowsOf } from "./window-texts.ts";

/** What content needs of the thread. */
export interface ContentsDeps {
  readonly streams: Pick<SliceStreams, "send" | "receive">;
  readonly nextId: () => number;
  /** @throws {JobxError} `DATA_PLANE_CLOSED`. */
  readonly post: (request: ContentRequest) => void;
}

/** All methods may be called at the same time. */
export class Contents {
  readonly #deps: ContentsDeps;

  constructor(deps: ContentsDeps) {
    this.#deps = deps;
  }

  /**
   * Cuts content into chunks and makes them durable as it comes; tells each window when it is. The bytes are
   * not asked for faster than they are stored and the windows are taken. To be read to the end or returned.
   * @throws {JobxError} what `bytes` throws; `FS_DISK_FULL`, `FS_IO`, `DATA_PLANE_CRASHED`, `DATA_PLANE_CLOSED`.
   */
  async *store({
    bytes,
    chunking,
    sha256,
    key,
  }: ContentToStore): AsyncGenerator<StoredWindow, void, undefined> {
    const { streams, nextId, post } = this.#deps;
    const id = nextId();
    post({ kind: "store-content", id, chunking, sha256, key });
    const windows = streams.receive(id);
    // It ends when the windows do; whoever gives the bytes ends them when the call is over.
    // One message for a whole chunk, where content comes in the small pieces of a socket.
    void streams.send(id, () => coded(regathered(bytes, CHUNK_BYTES_MAX)), isGiven);
    for await (const text of windows) yield* windowsOf(text);
  }

  /**
   * Stores small files in one batch, together at most `WINDOW_BYTES`; when all are durable, tells a window for
   * each, in their order. To be read to the end or returned.
   * @throws {JobxError} as `store`.
   */
  async *storeFiles(
    files: readonly Uint8Array[],
    { chunking, key }: { readonly chunking: Chunking; readonly key: SealKey | undefined },
  ): AsyncGenerator<StoredWindow, void, undefined> {
    const { streams, nextId, post } = this.#deps;
    const id = nextId();
    post({ kind: "store-files", id, chunking, sizes: files.map(({ length }) => length), key });
    const windows = streams.receive(id);
    // One message for many files.
    const whole = concatBytes(files);
    void streams.send(id, () => coded(once(whole)), isGiven);
    for await (const text of windows) yield* windowsOf(text);
  }

  /**
   * Pieces that are files of the same disk, and that nobody writes to any more, become blocks; together at most
   * `WINDOW_BYTES`. One window is told when all are durable; the files keep their names as well. To be read to the end
   * or returned.
   * @throws {JobxError} `FS_IO` also for a file that is not as long as was said, and as `store`.
   */
  async *takeFiles(files: readonly PieceFile[]): AsyncGenerator<StoredWindow, void, undefined> {
    const { streams, nextId, post } = this.#deps;
    const id = nextId();
    post({ kind: "take-files", id, files });
    for await (const text of streams.receive(id)) yield* windowsOf(text);
  }

  /**
   * Parts of chunks, from here or from the holders; sealed ones are opened with the key. To be read to the end or returned.
   * @throws {JobxError} `FS_BLOCK_LOST`, `FS_BLOCK_MISSING`, `FS_BLOCK_UNSEALED`, `FS_IO`, `FS_STOPPED`, `DATA_PLANE_CRASHED`,
   * `DATA_PLANE_CLOSED`.
   */
  async *read(
    parts: readonly ChunkPart[],
    { holders, key }: { readonly holders: Holders; readonly key: SealKey | undefined },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { streams, nextId, post } = this.#deps;
    const id = nextId();
    post({ kind: "read-content", id, parts, holders, key });
    yield* streams.receive(id);
  }
}

/** Nobody keeps what is sent to be stored. */
function isGiven(): boolean {
  return true;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}
