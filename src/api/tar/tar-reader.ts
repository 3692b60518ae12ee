/**
 * Reads tar archives as they come. What the archive says about sizes is never taken for memory: content passes
 * in the pieces in which it comes, and headers are bounded.
 */
import { ByteSource } from "./byte-source.ts";
import { paddingOf, TAR_BLOCK_BYTES } from "./tar-blocks.ts";
import type { TarContent, TarEntry } from "./tar-entry.ts";
import { tarInvalid } from "./tar-errors.ts";
import {
  headOf,
  parseHeader,
  parseLongName,
  parseRecords,
  type RawHeader,
  type TarRecords,
} from "./tar-header.ts";

/** Bytes of one extended header or long name, each of which is in memory whole. */
const TAR_RECORDS_BYTES_MAX = 1 << 20;

/** Extended headers before one member: pax and two long names, and one for the whole archive. */
const TAR_RECORDS_MAX = 16;

/** Bytes behind the end of an archive, which writers fill up to their block size. */
const TAR_TRAILER_BYTES_MAX = 1 << 20;

/** Content is handed on in pieces of at most so much. */
const PIECE_BYTES = 256 * 1024;

/**
 * The members of an archive, in its order. Records for the whole archive are passed over.
 * @throws {JobxError} `API_TAR_INVALID`, also for an archive without its end; `API_TAR_ENTRY_REFUSED`; what
 * `bytes` throws.
 */
export async function* readTar(
  bytes: AsyncIterable<Uint8Array>,
): AsyncGenerator<TarEntry, void, undefined> {
  const source = new ByteSource(bytes);
  try {
    for (;;) {
      const next = await nextHeader(source);
      if (next === undefined) break;
      const head = headOf(next.header, next.records);
      if (head.kind !== "file") {
        yield head;
        continue;
      }
      const content = new Content(source, head.bytes);
      yield { ...head, content };
      if (!content.isRead) await content.skip();
      const padding = paddingOf(head.bytes);
      if (source.now(padding) === undefined) await exactly(source, padding);
    }
    await readTrailer(source);
  } finally {
    await source.close();
  }
}

/** The next member's header with what stands before it; undefined at the end. */
async function nextHeader(
  source: ByteSource,
): Promise<{ readonly header: RawHeader; readonly records: TarRecords } | undefined> {
  const records = new Map<string, string>();
  for (let before = 0; before <= TAR_RECORDS_MAX; before++) {
    const block = source.now(TAR_BLOCK_BYTES) ?? (await exactly(source, TAR_BLOCK_BYTES));
    if (block.every((byte) => byte === 0)) {
      const second = await exactly(source, TAR_BLOCK_BYTES);
      if (before > 0 || second.some((byte) => byte !== 0))
        throw tarInvalid("it ends in its middle");
      return undefined;
    }
    const header = parseHeader(block);
    switch (header.type) {
      case "x":
        for (const [key, value] of parseRecords(await body(source, header)))
          records.set(key, value);
        break;
      case "g":
        parseRecords(await body(source, header));
        break;
      case "L":
        records.set("path", parseLongName(await body(source, header)));
        break;
      case "K":
        records.set("linkpath", parseLongName(await body(source, header)));
        break;
      default:
        return { header, records };
    }
  }
  throw tarInvalid("too many extended headers before one member");
}

async function body(source: ByteSource, { bytes }: RawHeader): Promise<Uint8Array> {
  if (bytes > TAR_RECORDS_BYTES_MAX) throw tarInvalid("an extended header is too large");
  const padded = bytes + paddingOf(bytes);
  const whole = source.now(padded) ?? (await exactly(source, padded));
  return whole.subarray(0, bytes);
}

async function exactly(source: ByteSource, bytes: number): Promise<Uint8Array> {
  const whole = await source.read(bytes);
  if (whole.length < bytes) throw tarInvalid("it ends early");
  return whole;
}

async function readTrailer(source: ByteSource): Promise<void> {
  for (let left = TAR_TRAILER_BYTES_MAX; left > 0; ) {
    const part = await source.some(left);
    if (part === undefined) return;
    left -= part.length;
  }
  throw tarInvalid("too much follows after its end");
}

/** The content of one file; may be read once. */
class Content implements TarContent {
  readonly #source: ByteSource;
  #left: number;

  constructor(source: ByteSource, bytes: number) {
    this.#source = source;
    this.#left = bytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.#left > 0) {
      const piece = await this.#source.some(Math.min(this.#left, PIECE_BYTES));
      if (piece === undefined) throw tarInvalid("it ends early");
      this.#left -= piece.length;
      yield piece;
    }
  }

  get isRead(): boolean {
    return this.#left === 0;
  }

  now(): Uint8Array | undefined {
    const whole = this.#source.now(this.#left);
    if (whole !== undefined) this.#left = 0;
    return whole;
  }

  /** Passes over what nobody has read. */
  async skip(): Promise<void> {
    for await (const piece of this) void piece;
  }
}
