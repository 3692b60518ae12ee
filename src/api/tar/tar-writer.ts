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
    UTF8.encode(path).length > TAR_FIELDS.name[1] ? record("path", path) : "",
    UTF8.encode(target).length > TAR_FIELDS.link[1] ? record("linkpath", target) : "",
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
  const put = (field: TarField, text: string): void => {
    const space = fieldOf(header, field);
    space.set(UTF8.encode(text).subarray(0, space.length));
  };
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");
  put(TAR_FIELDS.name, of.path);
  put(TAR_FIELDS.mode, octal(of.mode, 7));
  put([108, 8], octal(0, 7));
  put([116, 8], octal(0, 7));
  put(TAR_FIELDS.size, octal(of.bytes, 11));
  const seconds = Math.floor(of.mtimeMicros / 1e6);
  put(TAR_FIELDS.mtime, octal(Math.min(Math.max(seconds, 0), OCTAL_MAX), 11));
  put(TAR_FIELDS.type, of.type);
  put(TAR_FIELDS.link, of.target);
  put(TAR_FIELDS.magic, "ustar\u000000");
  put(TAR_FIELDS.checksum, `${octal(checksumOf(header), 6)}\0 `);
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
