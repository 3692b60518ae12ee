/** In the data plane: content of files between streams of the control thread and blocks. */
import type { BlockRacer } from "../../fs/block-racer.ts";
import type { BlockStore } from "../../fs/block-store.ts";
import { readFileBlock } from "../../fs/file-block-reader.ts";
import { type ChunkPart, readContent, storeContent } from "../../fs/file-blocks.ts";
import { takeFiles } from "../../fs/file-taking.ts";
import { PackedAhead } from "../../fs/packed-ahead.ts";
import { PACKED_BLOCK_BYTES } from "../../fs/packs/format.ts";
import { storeFiles } from "../../fs/small-files.ts";
import { joinedSmall } from "../../std/pieces.ts";
import type { Cid } from "../../wire/dataset.ts";
import { isReadForOne } from "./compact.ts";
import type { ContentRequest } from "./messages.ts";
import type { SliceStreams } from "./slice-streams.ts";
import { windowTexts } from "./window-texts.ts";

/** Small blocks go to the other thread together, up to so much. */
const PIECE_BYTES = 256 * 1024;

export interface ContentServerDeps {
  readonly store: BlockStore;
  readonly streams: Pick<SliceStreams, "send" | "receive">;
  readonly racer: Pick<BlockRacer, "get">;
  /** Told what reading ended with, whoever hears of it besides. */
  readonly note: (error: unknown) => void;
}

/** Requests are answered by streams of their numbers, which also bring what went wrong. */
export class ContentServer {
  readonly #deps: ContentServerDeps;

  constructor(deps: ContentServerDeps) {
    this.#deps = deps;
  }

  /** Resolves when the stream of the answer has ended. */
  serve(request: ContentRequest): Promise<void> {
    switch (request.kind) {
      case "store-content":
      case "store-files":
        return this.#store(request);
      case "take-files": {
        const windows = takeFiles(this.#deps.store, request.files);
        return this.#deps.streams.send(request.id, () => windowTexts(each(windows)));
      }
      case "read-content":
        return this.#read(request);
    }
  }

  #store(
    request: Extract<ContentRequest, { readonly kind: "store-content" | "store-files" }>,
  ): Promise<void> {
    const { store, streams } = this.#deps;
    return streams.send(request.id, (stopped) => {
      const bytes = streams.receive(request.id, stopped);
      const windows =
        request.kind === "store-content"
          ? each(storeContent(store, { ...request, bytes }))
          : once(() => storeFiles(store, { ...request, bytes }));
      return windowTexts(windows);
    });
  }

  #read(request: Extract<ContentRequest, { readonly kind: "read-content" }>): Promise<void> {
    const { store, streams, racer } = this.#deps;
    const { id, parts, holders, key } = request;
    const ahead = new PackedAhead(store, parts);
    const source = {
      get: (cid: Cid) => ahead.get(cid),
      put: (bytes: Uint8Array) => store.put(bytes),
    };
    const read = (chunk: ChunkPart, signal: AbortSignal): Promise<Uint8Array> =>
      readFileBlock(chunk, holders, { store: source, racer, key, signal });
    const slices = (signal: AbortSignal) =>
      joinedSmall(this.#noting(readContent(parts, { read, signal })), {
        smallBytes: PACKED_BLOCK_BYTES,
        pieceBytes: PIECE_BYTES,
      });
    return streams.send(id, slices, isReadForOne);
  }

  async *#noting(slices: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* slices;
    } catch (error) {
      this.#deps.note(error);
      throw error;
    }
  }
}

async function* each<Item>(items: AsyncIterable<Item>): AsyncGenerator<readonly Item[]> {
  for await (const item of items) yield [item];
}

async function* once<Result>(run: () => Promise<Result>): AsyncGenerator<Result> {
  yield await run();
}
