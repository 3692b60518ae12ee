/** Snapshots between replicas: what is announced, what is asked for, and rows on their way. */
import type { SnapshotChunk, SnapshotInfo, SnapshotRequest } from "../actors/ports.ts";
import { concatBytes, readUint32, writeUint32 } from "../std/bytes.ts";
import { CRC32C_EMPTY, crc32c } from "../std/crc32c.ts";
import type { Hash64 } from "../std/hash64.ts";
import { ID_LENGTH_MAX, ROW_KEY_LENGTH_MAX, ROWS_MAX } from "./bounds.ts";
import { bool, bytes, type Codec, int, natural, text } from "./codec.ts";
import { array, optional, struct } from "./codec-shapes.ts";
import { malformed } from "./errors.ts";
import { defineFormat, type Format, FRAME_BYTES_MAX } from "./frame.ts";
import { membershipCodec } from "./membership.ts";
import { SNAPSHOT_DESCRIPTOR_BYTES_MAX } from "./raft-message.ts";

const half = int(0, 2 ** 32 - 1);

const hash64Codec: Codec<Hash64> = struct<Hash64>({ high: half, low: half });

/** What a snapshot stands for: the descriptor of the Raft message. Format `snapshot`, version 1. */
export const snapshotInfoFormat: Format<SnapshotInfo> = defineFormat({
  codec: struct<SnapshotInfo>({
    snapshot: text(ID_LENGTH_MAX),
    index: natural,
    term: natural,
    membership: membershipCodec,
    hash: hash64Codec,
  }),
  version: 1,
  bytesMax: SNAPSHOT_DESCRIPTOR_BYTES_MAX,
  kept: true,
});

/** Asks for rows: the header of a bulk stream. Format `snapshot-request`, version 1. */
export const snapshotRequestFormat: Format<SnapshotRequest> = defineFormat({
  codec: struct<SnapshotRequest>({
    group: natural,
    snapshot: text(ID_LENGTH_MAX),
    after: optional(text(ROW_KEY_LENGTH_MAX)),
  }),
  version: 1,
  bytesMax: 16 * 1024,
});

const rawRow = struct<SnapshotChunk["rows"][number]>({
  key: text(ROW_KEY_LENGTH_MAX),
  value: bytes(FRAME_BYTES_MAX),
});

/** Rows. Format `snapshot-chunk`, version 1. A row may be as large as a frame, hence twice that. */
const chunkFormat: Format<SnapshotChunk> = defineFormat({
  codec: struct<SnapshotChunk>({ rows: array(rawRow, ROWS_MAX), last: bool }),
  version: 1,
  bytesMax: 2 * FRAME_BYTES_MAX,
});

/** Length and CRC-32C of the chunk that follows, each big endian. */
const CHUNK_HEADER_BYTES = 8;

/** A chunk as it travels: length, checksum, content. */
export function encodeChunk(chunk: SnapshotChunk): Uint8Array {
  const content = chunkFormat.encode(chunk);
  const framed = new Uint8Array(CHUNK_HEADER_BYTES + content.length);
  writeUint32(framed, 0, content.length);
  writeUint32(framed, 4, crc32c(CRC32C_EMPTY, content));
  framed.set(content, CHUNK_HEADER_BYTES);
  return framed;
}

/** Puts chunks together out of the pieces in which a stream brings them. */
export class ChunkReader {
  #parts: Uint8Array[] = [];
  #bytes = 0;
  /** Bytes of the chunk that has begun, with its header; undefined until that is here. */
  #wanted: number | undefined;

  /** Takes the next piece. */
  take(piece: Uint8Array): void {
    this.#parts.push(piece);
    this.#bytes += piece.length;
  }

  /** The next whole chunk; undefined until there is one. @throws {WireError} when it is not what was sent. */
  next(): SnapshotChunk | undefined {
    if (this.#bytes < CHUNK_HEADER_BYTES) return undefined;
    this.#wanted ??= CHUNK_HEADER_BYTES + readUint32(this.#join(), 0);
    if (this.#wanted > CHUNK_HEADER_BYTES + chunkFormat.bytesMax)
      throw malformed("a chunk is longer than any may be");
    if (this.#bytes < this.#wanted) return undefined;
    const whole = this.#join();
    const content = whole.subarray(CHUNK_HEADER_BYTES, this.#wanted);
    if (crc32c(CRC32C_EMPTY, content) !== readUint32(whole, 4))
      throw malformed("the checksum of a chunk does not fit");
    const rest = whole.subarray(this.#wanted);
    this.#parts = [rest];
    this.#bytes = rest.length;
    this.#wanted = undefined;
    return chunkFormat.decode(content);
  }

  #join(): Uint8Array {
    const whole = concatBytes(this.#parts);
    this.#parts = [whole];
    return whole;
  }
}
