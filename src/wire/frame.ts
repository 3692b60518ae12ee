/**
 * Plain values as bytes: MessagePack of `[formatVersion, body]` (R10). A frame is a whole message or
 * a whole stored record; how frames follow each other on a stream or in a file is not decided here.
 */
import { Packr } from "msgpackr";
import { assert } from "../std/assert.ts";
import { type Codec, unfit } from "./codec.ts";
import { malformed, WireError } from "./errors.ts";
import { PlainReader } from "./plain-reader.ts";

/** Largest frame of any format: that of the mesh's control stream. Formats may set a lower one. */
export const FRAME_BYTES_MAX = 8 * 1024 * 1024;

/** Only writes. `useRecords` off: objects could not be read back, so a codec must never make one. */
const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });

/**
 * One frame: bytes that never change later, but a part of a larger buffer that other frames share.
 * What is kept for long is better copied.
 * @throws {AssertionError} when the value is out of its codec's bounds.
 */
export function encodeFrame<T>(codec: Codec<T>, version: number, value: T): Uint8Array {
  assert(Number.isSafeInteger(version) && version >= 1, "versions count from 1");
  const body = codec.encode(value);
  // Without its reset mode the packer goes on behind the last frame and takes a new buffer when one
  // is full, so it never writes to a place twice.
  const packed = packr.pack([version, body]);
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
}

/**
 * The value of a frame whose version is in `supportedVersions`, in memory of its own.
 * @throws {WireError} `WIRE_VERSION_UNKNOWN` when the version is another; `WIRE_MALFORMED` when the
 * bytes are not exactly one frame of the codec, or more than `bytesMax`.
 */
export function decodeFrame<T>(
  codec: Codec<T>,
  supportedVersions: readonly number[],
  frame: Uint8Array,
  bytesMax = FRAME_BYTES_MAX,
): T {
  if (frame.length > bytesMax) throw malformed(`frame of more than ${bytesMax} bytes`);
  const reader = new PlainReader(frame);
  if (reader.shortArray() !== 2) throw malformed("not a frame");
  const version = reader.value();
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 1) {
    throw malformed("frame without a version");
  }
  // Before the body is looked at: a later version may hold what this program cannot read.
  if (!supportedVersions.includes(version)) {
    throw new WireError({ code: "WIRE_VERSION_UNKNOWN", version }, `unknown version ${version}`);
  }
  const body = reader.value();
  reader.end();
  return codec.decode(body);
}

/** One message or stored record: its codec, its version, and how large it may be. */
export interface Format<T> {
  /** What `encode` writes. */
  readonly version: number;
  /** What `decode` takes at most. */
  readonly bytesMax: number;
  /** @throws {AssertionError} when the value, or the frame of a format that checks it, is out of bounds. */
  readonly encode: (value: T) => Uint8Array;
  /** @throws {WireError} `WIRE_VERSION_UNKNOWN` or `WIRE_MALFORMED`, see `decodeFrame`. */
  readonly decode: (frame: Uint8Array) => T;
}

/** What `defineFormat` needs to know. */
export interface FormatOptions<T> {
  readonly codec: Codec<T>;
  readonly version: number;
  readonly bytesMax: number;
  /** Stays in memory for long once encoded, and so gets memory of exactly its size. */
  readonly kept?: boolean;
  /** The caller encodes first and looks at the length then; `encode` does not assert it. */
  readonly sizeUnchecked?: boolean;
}

/** Binds a codec to the one version that is written and read. */
export function defineFormat<T>(options: FormatOptions<T>): Format<T> {
  const { codec, version, bytesMax, kept = false, sizeUnchecked = false } = options;
  return {
    version,
    bytesMax,
    encode(value) {
      const frame = encodeFrame(codec, version, value);
      if (!sizeUnchecked && frame.length > bytesMax) {
        throw unfit(`frame of ${frame.length} bytes, at most ${bytesMax}`);
      }
      return kept ? new Uint8Array(frame) : frame;
    },
    decode: (frame) => decodeFrame(codec, [version], frame, bytesMax),
  };
}
