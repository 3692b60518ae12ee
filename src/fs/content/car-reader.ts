/**
 * Reads content archives from a stream. A block is hashed before anyone sees it. Blocks may come in
 * any order, so the tree is put together afterwards (`tree-walk.ts`), from wherever they were put.
 */
import { hash } from "node:crypto";
import { equalBytes, readVarint } from "../../std/bytes.ts";
import { ByteReader } from "./byte-reader.ts";
import {
  type Block,
  CAR_BLOCK_BYTES_MAX,
  CAR_HEADER_BYTES_MAX,
  carMalformed,
  decodeHeader,
  readCarId,
} from "./car-format.ts";
import { INLINE_BYTES_MAX, type LinkTarget } from "./content-id.ts";
import { ContentError } from "./errors.ts";

/** What an archive has: first its root, then its blocks, some perhaps twice. */
export type CarPart =
  | { readonly kind: "root"; readonly root: LinkTarget }
  | { readonly kind: "block"; readonly block: Block };

/** Bytes of an id of those that are read: version, codec, hash and length take two each at most. */
const ID_BYTES_MAX = 8 + INLINE_BYTES_MAX;

/** Bytes of a length that is within bounds. */
const LENGTH_BYTES = 4;

/**
 * The parts of an archive in their order. Holds one block and one buffer of the source, which gives
 * its buffers away. Whether the root and what it names are there is not looked at.
 * @throws {JobxError} `FS_CAR_MALFORMED` for what is no archive or ends within a block;
 * `FS_CAR_UNSUPPORTED` for versions, codecs and hashes that are not known here; `FS_CAR_TOO_LARGE` for
 * a header or block beyond its bound; `FS_CAR_DAMAGED` for a block with another hash than it says.
 */
export async function* readCar(source: AsyncIterable<Uint8Array>): AsyncGenerator<CarPart> {
  const reader = new ByteReader(source);
  try {
    const header = await section(reader, CAR_HEADER_BYTES_MAX);
    if (header === undefined) throw carMalformed(0, "nothing");
    yield { kind: "root", root: decodeHeader(header) };
    for (;;) {
      const offset = reader.offset;
      const bytes = await section(reader, ID_BYTES_MAX + CAR_BLOCK_BYTES_MAX);
      if (bytes === undefined) return;
      const block = verified(bytes, offset);
      if (block !== undefined) yield { kind: "block", block };
    }
  } finally {
    await reader.close();
  }
}

/** The next bytes with a length before them; undefined at the end. */
async function section(reader: ByteReader, bytesMax: number): Promise<Uint8Array | undefined> {
  const offset = reader.offset;
  const length = await lengthOf(reader);
  if (length === undefined) return undefined;
  if (length === 0) throw carMalformed(offset, "a block of nothing, not even an id");
  if (length > bytesMax) throw tooLarge(length, bytesMax);
  const bytes = await reader.take(length);
  if (bytes.length < length) throw carMalformed(offset, "the archive ends within a block");
  return bytes;
}

async function lengthOf(reader: ByteReader): Promise<number | undefined> {
  const offset = reader.offset;
  const digits = new Uint8Array(LENGTH_BYTES);
  for (let at = 0; at < LENGTH_BYTES; at++) {
    const [digit] = await reader.take(1);
    if (digit === undefined && at === 0) return undefined;
    if (digit === undefined) throw carMalformed(offset, "the archive ends within a length");
    digits[at] = digit;
    if (digit < 0x80) {
      const length = readVarint(digits, 0, at + 1);
      if (length < 0) throw carMalformed(offset, "a length in a longer form than it needs");
      return length;
    }
  }
  throw tooLarge(2 ** (7 * LENGTH_BYTES), CAR_BLOCK_BYTES_MAX);
}

/** The block of a section; undefined for one whose id holds the same bytes, which nobody has to store. */
function verified(bytes: Uint8Array, offset: number): Block | undefined {
  const { target, length } = readCarId(bytes, offset);
  const data = bytes.subarray(length);
  if (data.length > CAR_BLOCK_BYTES_MAX) throw tooLarge(data.length, CAR_BLOCK_BYTES_MAX);
  if (target.kind === "inline") {
    if (!equalBytes(target.data, data)) throw carMalformed(offset, "an id that holds other bytes");
    return undefined;
  }
  const cid = target.id.block;
  if (hash("sha256", data, "hex") === cid) return { id: target.id, data };
  const details = { code: "FS_CAR_DAMAGED", cid, offset } as const;
  throw new ContentError(details, `the block at byte ${offset} does not have its hash`);
}

function tooLarge(bytes: number, bytesMax: number): ContentError {
  const details = { code: "FS_CAR_TOO_LARGE", bytes, bytesMax } as const;
  return new ContentError(details, `${bytes} bytes in one piece, over ${bytesMax}`);
}
