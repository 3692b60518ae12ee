// Fields of the mesh's own small messages: each is its length (4 bytes, big endian) and its bytes.
import type { JobxError } from "../std/errors.ts";
import { type MeshErrorDetails, meshError } from "./errors.ts";

const LENGTH_BYTES = 4;

/** Fields one after the other; also what proofs are computed over, as no two lists share bytes. */
export function packFields(fields: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const field of fields) {
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32BE(field.length);
    parts.push(length, field);
  }
  return Buffer.concat(parts);
}

/**
 * Exactly `count` fields, copied.
 * @throws {JobxError} `MESH_FRAME_MALFORMED` when there are fewer, more, or a length is wrong.
 */
export function unpackFields(bytes: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fields: Uint8Array[] = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    if (at + LENGTH_BYTES > bytes.length) throw malformed();
    const end = at + LENGTH_BYTES + view.getUint32(at);
    if (end > bytes.length) throw malformed();
    fields.push(bytes.slice(at + LENGTH_BYTES, end));
    at = end;
  }
  if (at !== bytes.length) throw malformed();
  return fields;
}

/** A version as a field. */
export function versionField(version: number): Uint8Array {
  const field = Buffer.alloc(2);
  field.writeUInt16BE(version);
  return field;
}

/** @throws {JobxError} `MESH_VERSION_UNKNOWN` unless the field says `expected`. */
export function checkVersion(field: Uint8Array | undefined, expected: number): void {
  if (field?.length !== 2) throw malformed();
  const version = new DataView(field.buffer, field.byteOffset).getUint16(0);
  if (version !== expected) {
    throw meshError(
      { code: "MESH_VERSION_UNKNOWN", version },
      "the other node speaks a version that this one does not",
    );
  }
}

/** @throws {JobxError} `MESH_FRAME_MALFORMED` unless the field has just so many bytes. */
export function sizedField(field: Uint8Array | undefined, bytes: number): Uint8Array {
  if (field?.length !== bytes) throw malformed();
  return field;
}

/** The error for bytes that are not what the protocol says. */
export function malformed(): JobxError<MeshErrorDetails> {
  return meshError(
    { code: "MESH_FRAME_MALFORMED" },
    "the other node sent what the protocol does not allow",
  );
}

/** The kind of an error frame, the same in every protocol of the mesh. */
export const ERROR_KIND = 255;

const CODE_PATTERN = /^[A-Z][A-Z0-9_]{0,63}$/;
/** Bytes of an error's message that are sent and believed. */
const MESSAGE_BYTES_MAX = 1024;

/** The payload of an error frame. */
export function encodeRemoteError(error: {
  readonly code: string;
  readonly message: string;
}): Uint8Array {
  const message = Buffer.from(error.message).subarray(0, MESSAGE_BYTES_MAX);
  return packFields([Buffer.from(error.code), message]);
}

/**
 * The other side's error, to be thrown. Its code is in `details.remoteCode`.
 * @throws {JobxError} `MESH_FRAME_MALFORMED` when it is not an error at all.
 */
export function decodeRemoteError(payload: Uint8Array): JobxError<MeshErrorDetails> {
  const [code, message] = unpackFields(payload, 2);
  if (code === undefined || message === undefined) throw malformed();
  const remoteCode = Buffer.from(code).toString("latin1");
  if (!CODE_PATTERN.test(remoteCode) || message.length > MESSAGE_BYTES_MAX) throw malformed();
  return meshError(
    { code: "MESH_REMOTE_ERROR", remoteCode },
    Buffer.from(message).toString("utf8"),
  );
}
