/** The source of a bundle: its files, compressed, as text. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import {
  BUNDLE_BYTES_MAX,
  BUNDLE_MARK,
  type DecodedBundle,
  decodeBundle,
} from "../wire/handler-metadata.ts";

/** Bytes of the table of files, at most, besides the files. */
const TABLE_BYTES_MAX = 8 * 2 ** 20;

const uncompressed = promisify(gunzip);

/** True for a source that is a bundle. */
export function isBundleSource(source: string): boolean {
  return source.startsWith(BUNDLE_MARK);
}

/** The files of a bundle. Total: any text gives files or a reason, in bounded memory. */
export async function unpackBundle(source: string): Promise<DecodedBundle> {
  const packed = Buffer.from(source.slice(BUNDLE_MARK.length), "base64");
  try {
    const limit = { maxOutputLength: BUNDLE_BYTES_MAX + TABLE_BYTES_MAX };
    return decodeBundle(await uncompressed(packed, limit));
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    return { kind: "malformed", reason: `it cannot be unpacked: ${why}` };
  }
}
