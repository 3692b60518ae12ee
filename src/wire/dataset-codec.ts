/** Datasets as they travel inside other messages and records. */
import { fromHex, toHex } from "../std/bytes.ts";
import { HOLDERS_MAX, ID_LENGTH_MAX, PIECES_MAX } from "./bounds.ts";
import { bytes, type Codec, enumeration, natural, text, unfit } from "./codec.ts";
import { array, struct, union } from "./codec-shapes.ts";
import {
  type Dataset,
  INLINE_BYTES_MAX,
  type NodeId,
  type PairOrder,
  type Piece,
  type PieceSlice,
  type RunPiece,
} from "./dataset.ts";
import { malformed } from "./errors.ts";

const SHA256_BYTES = 32;
const SHA256_HEX = /^[0-9a-f]{64}$/u;

/** A sha256 that the program holds as 64 lower-case hex digits, as its 32 bytes. */
export const sha256Codec: Codec<string> = {
  encode(value) {
    const hash = SHA256_HEX.test(value) ? fromHex(value) : undefined;
    if (hash === undefined) throw unfit(`not a sha256 in lower-case hex: ${value}`);
    return hash;
  },
  decode(raw) {
    if (!(raw instanceof Uint8Array) || raw.length !== SHA256_BYTES)
      throw malformed("not a sha256");
    return toHex(raw);
  },
};

/** A node. */
export const nodeIdCodec: Codec<NodeId> = text(ID_LENGTH_MAX);

const order = enumeration<PairOrder>({ key: 1, yield: 2 });

const runFields = {
  cid: sha256Codec,
  bytes: natural,
  count: natural,
  order,
  holders: array(nodeIdCodec, HOLDERS_MAX),
} as const;

const pieceCodec = union<Piece>({
  inline: [1, { bytes: bytes(INLINE_BYTES_MAX), count: natural, order }],
  run: [2, runFields],
});

/** A run alone. */
export const runPieceCodec: Codec<RunPiece> = union<RunPiece>({ run: [2, runFields] });

/** A dataset. */
export const datasetCodec: Codec<Dataset> = array(pieceCodec, PIECES_MAX);

/** A stretch of a piece. */
export const pieceSliceCodec: Codec<PieceSlice> = struct<PieceSlice>({
  piece: pieceCodec,
  first: natural,
  count: natural,
});
