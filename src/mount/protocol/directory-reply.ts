/** One answer to READDIR or READDIRPLUS: as many entries as fit, each aligned to eight bytes. */
import type { Attributes, InodeId } from "../ports.ts";
import { ENTRY_BYTES, KIND_BITS, setUint64, type Timeouts, writeEntry } from "./reply.ts";

const DIRENT_BYTES = 24;
const KIND_SHIFT = 12;

const encoder = new TextEncoder();

export class DirectoryReply {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #plus: boolean;
  readonly #root: InodeId;
  #at = 0;

  /** `length` is what the kernel has room for. */
  constructor(options: {
    readonly length: number;
    readonly plus: boolean;
    readonly root: InodeId;
  }) {
    this.#bytes = new Uint8Array(options.length);
    this.#view = new DataView(this.#bytes.buffer);
    this.#plus = options.plus;
    this.#root = options.root;
  }

  /** False when there was no room for it. `next` is the offset by which the kernel goes on after it. */
  add(
    entry: {
      readonly name: string;
      readonly attributes: Attributes;
      readonly timeouts: Timeouts;
    },
    next: number,
  ): boolean {
    const { name, attributes, timeouts } = entry;
    const nameBytes = encoder.encode(name);
    const entryBytes = this.#plus ? ENTRY_BYTES : 0;
    const length = (entryBytes + DIRENT_BYTES + nameBytes.length + 7) & ~7;
    if (length > this.#bytes.length - this.#at) return false;
    const at = this.#at + entryBytes;
    // Without a node the kernel takes the names . and .. as it should.
    if (this.#plus && name !== "." && name !== "..") {
      writeEntry(this.#view, this.#at, { attributes, root: this.#root, timeouts });
    }
    setUint64(this.#view, at, attributes.inode);
    setUint64(this.#view, at + 8, next);
    this.#view.setUint32(at + 16, nameBytes.length, true);
    this.#view.setUint32(at + 20, KIND_BITS[attributes.kind] >> KIND_SHIFT, true);
    this.#bytes.set(nameBytes, at + DIRENT_BYTES);
    this.#at += length;
    return true;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }
}
