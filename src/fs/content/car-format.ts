/**
 * The format of content archives, CAR version 1: a header that names the root, then blocks, each with
 * its id before it. https://ipld.io/specs/transport/car/carv1/
 */
import { concatBytes, varintLength, writeVarint } from "../../std/bytes.ts";
import {
  type ContentId,
  contentIdBytes,
  type LinkTarget,
  readCid,
  readLink,
} from "./content-id.ts";
import { ContentError } from "./errors.ts";

/** Bytes of a header: one root takes 59. */
export const CAR_HEADER_BYTES_MAX = 1024;

/** Bytes of a block: IPFS allows 2 MiB, with room for what nodes add to it. */
export const CAR_BLOCK_BYTES_MAX = 2 * 1024 * 1024 + 64 * 1024;

/** A block with the id under which it is found. */
export interface Block {
  readonly id: ContentId;
  readonly data: Uint8Array;
}

/** What stands before a block's bytes: how long both are together, and its id. */
export function sectionHead(block: Block): Uint8Array {
  const id = contentIdBytes(block.id);
  return concatBytes([varint(id.length + block.data.length), id]);
}

/** The beginning of an archive with this root. */
export function encodeHeader(root: ContentId): Uint8Array {
  const id = contentIdBytes(root);
  // In CBOR: {"roots": [a link: tag 42 before bytes that begin with a zero], "version": 1}.
  const link = [0xd8, LINK_TAG, 0x58, id.length + 1, 0x00];
  const body = concatBytes([
    Uint8Array.of(0xa2, ...cborText("roots"), 0x81, ...link),
    id,
    Uint8Array.of(...cborText("version"), CAR_VERSION),
  ]);
  return concatBytes([varint(body.length), body]);
}

/**
 * The root that a header names; `offset` of errors counts from the header's own beginning.
 * @throws {JobxError} `FS_CAR_MALFORMED`; `FS_CAR_UNSUPPORTED` for other versions than 1, and for
 * anything but one root.
 */
export function decodeHeader(body: Uint8Array): LinkTarget {
  const reader = new HeaderReader(body);
  let version: number | undefined;
  let roots: readonly Uint8Array[] | undefined;
  for (let left = reader.head(MAP); left > 0; left--) {
    const key = reader.text();
    if (key === "version" && version === undefined) version = reader.head(NUMBER);
    else if (key === "roots" && roots === undefined) roots = reader.links();
    else throw carMalformed(reader.at, "an unknown field in the header");
  }
  if (reader.at !== body.length) throw carMalformed(reader.at, "bytes after the header");
  if (version !== CAR_VERSION) throw carUnsupported(`version ${version ?? "unknown"}`);
  const [root] = roots ?? [];
  if (root === undefined || roots?.length !== 1) {
    throw carUnsupported(`${roots?.length ?? 0} roots, not one`);
  }
  return readCarId(root, 0).target;
}

/**
 * The id at the beginning of `bytes`, and its length; `offset` is where they lie in the archive.
 * @throws {JobxError} `FS_CAR_MALFORMED`, `FS_CAR_UNSUPPORTED`.
 */
export function readCarId(
  bytes: Uint8Array,
  offset: number,
): { readonly target: LinkTarget; readonly length: number } {
  const read = orElse(
    () => readCid(bytes),
    (cause) => carMalformed(offset, "a block without an id", cause),
  );
  const target = orElse(
    () => readLink(read.cid),
    (cause) => carUnsupported(cause.message, cause),
  );
  return { target, length: read.length };
}

/** Bytes are no archive; `offset` says where in it. */
export function carMalformed(offset: number, reason: string, cause?: unknown): ContentError {
  const details = { code: "FS_CAR_MALFORMED", offset, reason } as const;
  return new ContentError(details, `no archive: ${reason}, at byte ${offset}`, { cause });
}

function carUnsupported(reason: string, cause?: unknown): ContentError {
  const details = { code: "FS_CAR_UNSUPPORTED", reason } as const;
  return new ContentError(details, `an archive that is not read here: ${reason}`, { cause });
}

const CAR_VERSION = 1;
const LINK_TAG = 42;

/** Kinds of CBOR's values, the three high bits of their first byte. */
const NUMBER = 0;
const BYTES = 2;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const TAG = 6;

/** The few forms of CBOR that a header has. */
class HeaderReader {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** The number in the head of a value of this kind: itself, its length, or its count. */
  head(kind: number): number {
    const first = this.#take(1)[0] ?? 0;
    const small = first & 0x1f;
    if (first >> 5 !== kind) throw carMalformed(this.at, "another value than a header has");
    if (small < 24) return small;
    if (small === 24) return this.#take(1)[0] ?? 0;
    if (small !== 25) throw carMalformed(this.at, "a number that no header has");
    const [high = 0, low = 0] = this.#take(2);
    return high * 256 + low;
  }

  text(): string {
    return String.fromCharCode(...this.#take(this.head(TEXT)));
  }

  links(): readonly Uint8Array[] {
    const found: Uint8Array[] = [];
    for (let left = this.head(LIST); left > 0; left--) {
      if (this.head(TAG) !== LINK_TAG) throw carMalformed(this.at, "a root that is no link");
      const link = this.#take(this.head(BYTES));
      if (link[0] !== 0) throw carMalformed(this.at, "a root that is no link");
      found.push(link.subarray(1));
    }
    return found;
  }

  #take(count: number): Uint8Array {
    const end = this.at + count;
    if (end > this.#bytes.length) throw carMalformed(this.at, "a header that ends early");
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }
}

/** A short text in CBOR. */
function cborText(text: string): readonly number[] {
  return [(TEXT << 5) | text.length, ...Buffer.from(text, "latin1")];
}

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintLength(value));
  writeVarint(bytes, 0, value);
  return bytes;
}

function orElse<Result>(run: () => Result, fail: (cause: Error) => ContentError): Result {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof ContentError) throw fail(cause);
    throw cause;
  }
}
