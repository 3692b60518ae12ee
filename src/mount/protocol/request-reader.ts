/** A cursor over one request of the kernel: little-endian numbers, then names and bytes. */
import { NAME_BYTES_MAX } from "../../std/name-bounds.ts";
import { MountError, malformed, volumeError } from "../errors.ts";

/** Bytes of a symlink's target: PATH_MAX without its end. */
export const TARGET_BYTES_MAX = 4095;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class RequestReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #opcode: number;
  #at = 0;

  /** `bytes` is only read; what `rest` gives is a view of it. `opcode` is for errors. */
  constructor(bytes: Uint8Array, opcode: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#opcode = opcode;
  }

  uint32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** @throws {MountError} `MOUNT_REQUEST_MALFORMED` when the number is no safe integer. */
  uint64(): number {
    const at = this.#take(8);
    const high = this.#view.getUint32(at + 4, true);
    if (high >= 0x20_0000) throw malformed(this.#opcode, "a number above 2^53 - 1");
    return high * 0x1_0000_0000 + this.#view.getUint32(at, true);
  }

  /** Signed seconds; `time` makes nanoseconds of them. */
  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  /**
   * Text up to a zero byte.
   * @throws {MountError} `MOUNT_NAME_NOT_UTF8`, `MOUNT_REQUEST_MALFORMED` when no end is there
   * @throws {VolumeError} `VOLUME_NAME_TOO_LONG` beyond `bytesMax`
   */
  name(bytesMax: number = NAME_BYTES_MAX): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end === -1) throw malformed(this.#opcode, "a name without an end");
    const from = this.#at;
    this.#at = end + 1;
    if (end === from) throw malformed(this.#opcode, "an empty name");
    if (end - from > bytesMax) throw volumeError("VOLUME_NAME_TOO_LONG", "the name is too long");
    try {
      return utf8.decode(this.#bytes.subarray(from, end));
    } catch (cause) {
      throw new MountError({ code: "MOUNT_NAME_NOT_UTF8" }, "a name is not UTF-8", { cause });
    }
  }

  /** The next bytes, as a view. @throws {MountError} `MOUNT_REQUEST_MALFORMED` when there are fewer. */
  bytes(length: number): Uint8Array {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  /** @throws {MountError} `MOUNT_REQUEST_MALFORMED` when something is left. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed(this.#opcode, "bytes after the end");
  }

  /** Whether all was read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  #take(length: number): number {
    const from = this.#at;
    if (length > this.#bytes.length - from) throw malformed(this.#opcode, "cut short");
    this.#at = from + length;
    return from;
  }
}
