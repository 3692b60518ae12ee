/**
 * A bundle: a handler that is a folder with `handler.yaml` and what its main file needs beside it. Here its
 * layout as bytes: the number of bytes of a table, the table as JSON (a list of path, mode and size for each file,
 * by path), then the files one after the other. Pure; compressing and unpacking is done by others.
 */
import { readUint32, writeUint32 } from "../std/bytes.ts";

/** A file of a bundle. */
export interface BundleFile {
  /** Relative to the bundle's folder, with `/`. */
  readonly path: string;
  readonly isExecutable: boolean;
  readonly bytes: Uint8Array;
}

/** Files, or why the bytes are no bundle. */
export type DecodedBundle =
  | { readonly kind: "files"; readonly files: readonly BundleFile[] }
  | { readonly kind: "malformed"; readonly reason: string };

/** Says what it is inside of. */
export const BUNDLE_FILE = "handler.yaml";

/** What the source of a bundle begins with; its compressed bytes follow in base64. */
export const BUNDLE_MARK = "jobx bundle 1\n";

/** Files of one bundle: some packages with what they need. */
export const BUNDLE_FILES_MAX = 5000;

/** Bytes of a bundle's files together. */
export const BUNDLE_BYTES_MAX = 32 * 2 ** 20;

/** Characters of a path in a bundle. */
export const BUNDLE_PATH_LENGTH_MAX = 1024;

const HEADER_BYTES = 4;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Files as the bytes of a bundle, the same ones for the same files. */
export function encodeBundle(files: readonly BundleFile[]): Uint8Array {
  const sorted = [...files].sort((left, right) => (left.path < right.path ? -1 : 1));
  const table = sorted.map(({ path, isExecutable, bytes }) => [
    path,
    isExecutable ? 1 : 0,
    bytes.length,
  ]);
  const head = encoder.encode(JSON.stringify(table));
  const size = sorted.reduce((sum, { bytes }) => sum + bytes.length, HEADER_BYTES + head.length);
  const whole = new Uint8Array(size);
  writeUint32(whole, 0, head.length);
  whole.set(head, HEADER_BYTES);
  let at = HEADER_BYTES + head.length;
  for (const { bytes } of sorted) {
    whole.set(bytes, at);
    at += bytes.length;
  }
  return whole;
}

/** The files of a bundle, as parts of its bytes. Total: any bytes give files or a reason. */
export function decodeBundle(whole: Uint8Array): DecodedBundle {
  const malformed = (reason: string): DecodedBundle => ({ kind: "malformed", reason });
  if (whole.length < HEADER_BYTES) return malformed("it has no table");
  const start = HEADER_BYTES + readUint32(whole, 0);
  if (start > whole.length) return malformed("its table is cut");
  const table = parsed(whole.subarray(HEADER_BYTES, start));
  if (table === undefined || table.length > BUNDLE_FILES_MAX) {
    return malformed(`it has no table of at most ${BUNDLE_FILES_MAX} files`);
  }
  const files: BundleFile[] = [];
  let at = start;
  let before = "";
  for (const row of table) {
    const parts: readonly unknown[] = Array.isArray(row) ? row : [];
    const [path, mode, size] = parts;
    if (typeof path !== "string" || !isBundlePath(path)) return malformed("a path leads outside");
    if (path <= before) return malformed("its paths do not rise");
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0) {
      return malformed("a size is no count");
    }
    if (at + size > whole.length) return malformed("a file is cut");
    files.push({ path, isExecutable: mode === 1, bytes: whole.subarray(at, at + size) });
    at += size;
    before = path;
  }
  return at === whole.length ? { kind: "files", files } : malformed("bytes follow its files");
}

/** Whether a path of a bundle stays below its folder. */
export function isBundlePath(path: string): boolean {
  if (path.length === 0 || path.length > BUNDLE_PATH_LENGTH_MAX || path.includes("\0"))
    return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

function parsed(bytes: Uint8Array): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(decoder.decode(bytes));
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
