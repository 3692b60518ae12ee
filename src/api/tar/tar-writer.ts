/** Writes tar archives: ustar, with pax records (POSIX.1-2001) for what does not fit into its fields. */
import {
  checksumOf,
  fieldOf,
  paddingOf,
  TAR_BLOCK_BYTES,
  TAR_FIELDS,
  type TarField,
} from "./tar-blocks.ts";
import type { TarHead } from "./tar-entry.ts";

/** What stands at the end of an archive. */
export const TAR_END: Uint8Array = new Uint8Array(2 * TAR_BLOCK_BYTES);

const TYPES = { file: "0", link: "1", symlink: "2", directory: "5" } as const satisfies Record<
  TarHead["kind"],
  string
>;

/** Largest number of eleven octal digits. */
const OCTAL_MAX = 8 ** 11 - 1;

const UTF8 = new TextEncoder();

/** The header of a member. The content of a file follows, and then `tarPadding`. */
export function tarHeader(head: TarHead): Uint8Array {
  const name = head.path === "" ? "./" : head.path;
  const path = head.kind === "directory" && !name.endsWith("/") ? `${name}/` : name;
  const target = "target" in head ? head.target : "";
  const bytes = head.kind === "file" ? head.bytes : 0;
  const mtimeMicros = "mtimeMicros" in head ? (head.mtimeMicros ?? 0) : 0;
  const records = [
    fits(path, TAR_FIELDS.name) ? "" : record("path", path),
    fits(target, TAR_FIELDS.link) ? "" : record("linkpath", target),
    bytes > OCTAL_MAX ? record("size", String(bytes)) : "",
    isPlainTime(mtimeMicros) ? "" : record("mtime", timeText(mtimeMicros)),
  ].join("");
  const fields = { path, target, mode: "mode" in head ? head.mode : 0o644, mtimeMicros };
  const header = block({ ...fields, bytes: bytes > OCTAL_MAX ? 0 : bytes, type: TYPES[head.kind] });
  if (records === "") return header;
  const body = UTF8.encode(records);
  const before = { ...fields, path: "pax", target: "", bytes: body.length, type: "x" };
  return joined([block(before), body, tarPadding(body.length), header]);
}

function fits(text: string, [, length]: TarField): boolean {
  // A unit of UTF-16 is at most three bytes.
  return text.length * 3 <= length || UTF8.encode(text).length <= length;
}

/** What follows after content of so many bytes. */
export function tarPadding(bytes: number): Uint8Array {
  return new Uint8Array(paddingOf(bytes));
}

function block(of: {
  readonly path: string;
  readonly target: string;
  readonly mode: number;
  readonly mtimeMicros: number;
  readonly bytes: number;
  readonly type: string;
}): Uint8Array {
  const header = new Uint8Array(TAR_BLOCK_BYTES);
  // What does not fit whole is in a record.
  const put = (field: TarField, text: string): void => {
    if (text !== "") UTF8.encodeInto(text, fieldOf(header, field));
  };
  const octal = ([from]: TarField, value: number, digits: number): void => {
    for (let at = from + digits - 1, rest = value; at >= from; at--) {
      header[at] = 0x30 + (rest % 8);
      rest = Math.floor(rest / 8);
    }
  };
  put(TAR_FIELDS.name, of.path);
  octal(TAR_FIELDS.mode, of.mode, 7);
  octal([108, 8], 0, 7);
  octal([116, 8], 0, 7);
  octal(TAR_FIELDS.size, of.bytes, 11);
  const seconds = Math.floor(of.mtimeMicros / 1e6);
  octal(TAR_FIELDS.mtime, Math.min(Math.max(seconds, 0), OCTAL_MAX), 11);
  put(TAR_FIELDS.type, of.type);
  put(TAR_FIELDS.link, of.target);
  put(TAR_FIELDS.magic, "ustar\u000000");
  octal(TAR_FIELDS.checksum, checksumOf(header), 6);
  header[TAR_FIELDS.checksum[0] + 7] = 0x20;
  return header;
}

function isPlainTime(micros: number): boolean {
  return micros >= 0 && micros % 1e6 === 0 && micros / 1e6 <= OCTAL_MAX;
}

function timeText(micros: number): string {
  const whole = Math.abs(micros);
  const fraction = String(whole % 1e6).padStart(6, "0");
  return `${micros < 0 ? "-" : ""}${Math.floor(whole / 1e6)}.${fraction}`;
}

/** A record begins with its own length, of which the digits are a part. */
function record(key: string, value: string): string {
  const rest = UTF8.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (rest + String(length).length > length) length += 1;
  return `${length} ${key}=${value}\n`;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
