/** Reads headers of tar archives: ustar, pax (POSIX.1-2001) and the long names of GNU tar. */
import { checksumOf, fieldOf, TAR_FIELDS, type TarField } from "./tar-blocks.ts";
import type { TarHead } from "./tar-entry.ts";
import { tarInvalid, tarRefused } from "./tar-errors.ts";

/** What stands before a header and goes for it: records of pax by key, and GNU's as `path` and `linkpath`. */
export type TarRecords = ReadonlyMap<string, string>;

/** A header as it stands there. */
export interface RawHeader {
  readonly type: string;
  /** Bytes of content behind it, as far as the header says. */
  readonly bytes: number;
  readonly block: Uint8Array;
}

/** Members that nobody means by content: they are refused by name. */
const REFUSED: Readonly<Record<string, string>> = {
  "3": "a character device is not taken",
  "4": "a block device is not taken",
  "6": "a pipe is not taken",
  S: "a sparse file is not taken: pack it without --sparse",
};

/** Decodes or throws: bytes that are no UTF-8 would become another name. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws {JobxError} `API_TAR_INVALID`: a wrong checksum, a number that is none. */
export function parseHeader(block: Uint8Array): RawHeader {
  if (numberOf(block, TAR_FIELDS.checksum) !== checksumOf(block)) {
    throw tarInvalid("a header does not have its checksum");
  }
  const [type = 0] = fieldOf(block, TAR_FIELDS.type);
  const bytes = numberOf(block, TAR_FIELDS.size);
  if (bytes < 0) throw tarInvalid("a size is below zero");
  return { type: type === 0 ? "0" : String.fromCharCode(type), bytes, block };
}

/** The records of a pax header. @throws {JobxError} `API_TAR_INVALID`. */
export function parseRecords(bytes: Uint8Array): TarRecords {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 ? "" : ascii(bytes.subarray(at, Math.min(space, at + 9)));
    const length = /^[1-9][0-9]{0,7}$/u.test(digits) ? Number(digits) : 0;
    const end = at + length;
    // A length of nothing would read the same place for ever.
    if (length === 0 || end <= space || end > bytes.length || bytes[end - 1] !== 0x0a) {
      throw tarInvalid("a pax header cannot be read");
    }
    const record = bytes.subarray(space + 1, end - 1);
    const equals = record.indexOf(0x3d);
    if (equals < 1) throw tarInvalid("a record of a pax header has no key");
    const key = ascii(record.subarray(0, equals));
    const value = record.subarray(equals + 1);
    // Values of other keys may be of any bytes, and nobody looks at them.
    records.set(key, READ_KEYS.has(key) ? textOf(value) : "");
    at = end;
  }
  return records;
}

const READ_KEYS: ReadonlySet<string> = new Set(["path", "linkpath", "size", "mtime"]);

/** The text of a long name. */
export function parseLongName(bytes: Uint8Array): string {
  return textOf(untilZero(bytes));
}

/**
 * The member that a header is of.
 * @throws {JobxError} `API_TAR_ENTRY_REFUSED`: devices, pipes, sparse files, types that nobody knows, names that
 * are absolute or lead out, names that are no UTF-8; `API_TAR_INVALID`.
 */
export function headOf({ type, bytes, block }: RawHeader, records: TarRecords): TarHead {
  const said = records.get("path") ?? nameOf(block);
  const refusal = REFUSED[type];
  if (refusal !== undefined) throw tarRefused(said, refusal);
  if ([...records.keys()].some((key) => key.startsWith("GNU.sparse."))) {
    throw tarRefused(said, "a sparse file is not taken: pack it without --sparse");
  }
  const path = relativePath(said, said);
  const mode = numberOf(block, TAR_FIELDS.mode) & 0o7777;
  const base = { path, mode, mtimeMicros: mtimeOf(block, records) };
  const link = (): string => records.get("linkpath") ?? textField(block, TAR_FIELDS.link);
  switch (type) {
    case "0":
    case "7": {
      // Before POSIX a folder was a file whose name ends with a slash.
      if (said.endsWith("/")) return { kind: "directory", ...base };
      if (path === "") throw tarRefused(said, "a file has a name");
      const size = records.get("size");
      return { kind: "file", bytes: size === undefined ? bytes : sizeOf(size), ...base };
    }
    case "1":
      return { kind: "link", path, target: relativePath(link(), said) };
    case "2":
      return { kind: "symlink", target: link(), ...base };
    case "5":
      return { kind: "directory", ...base };
    default:
      throw tarRefused(said, `a member of type ${JSON.stringify(type)} is not taken`);
  }
}

/** Without `.`, empty names and a slash at the end. */
function relativePath(said: string, path: string): string {
  if (said.startsWith("/")) throw tarRefused(path, "its path is absolute");
  const names = said.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw tarRefused(path, "its path leads out by ..");
  if (said.includes("\0")) throw tarRefused(path, "its path has a zero byte in it");
  return names.join("/");
}

function nameOf(block: Uint8Array): string {
  const name = textField(block, TAR_FIELDS.name);
  // GNU tar has other things where POSIX has a prefix.
  if (block[TAR_FIELDS.prefix[0]] === 0) return name;
  const isPosix = ascii(fieldOf(block, TAR_FIELDS.magic)).startsWith("ustar\0");
  const prefix = isPosix ? textField(block, TAR_FIELDS.prefix) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function mtimeOf(block: Uint8Array, records: TarRecords): number | undefined {
  const said = records.get("mtime");
  if (said === undefined) return safe(numberOf(block, TAR_FIELDS.mtime) * 1e6);
  const { seconds = "", fraction = "" } =
    /^(?<seconds>-?[0-9]{1,18})(?:\.(?<fraction>[0-9]{0,18}))?$/u.exec(said)?.groups ?? {};
  if (seconds === "") throw tarInvalid("a time of a pax header is none");
  const micros = Number(fraction.slice(0, 6).padEnd(6, "0"));
  return safe(Number(seconds) * 1e6 + (seconds.startsWith("-") ? -micros : micros));
}

function safe(micros: number): number | undefined {
  return Number.isSafeInteger(micros) ? micros : undefined;
}

function sizeOf(text: string): number {
  const size = /^[0-9]{1,16}$/u.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(size)) return size;
  throw tarInvalid("a size of a pax header is none");
}

/** Octal digits, or with the first bit set the bytes of a number, as GNU tar writes large ones. */
function numberOf(block: Uint8Array, field: TarField): number {
  const plain = octalOf(block, field);
  if (plain !== undefined) return plain;
  const bytes = fieldOf(block, field);
  const [first = 0] = bytes;
  if (first >= 0x80) {
    const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    // The first bit is the mark; the next one is the sign.
    const value = Number(BigInt.asIntN(bytes.length * 8 - 1, BigInt(`0x${digits}`)));
    if (Number.isSafeInteger(value)) return value;
    throw tarInvalid("a number of a header is too large");
  }
  const text = ascii(untilZero(bytes)).trim();
  if (!/^[0-7]*$/u.test(text)) throw tarInvalid("a number of a header is none");
  return text === "" ? 0 : Number.parseInt(text, 8);
}

/** Digits up to a zero, as nearly all writers have them; undefined for all else. */
function octalOf(block: Uint8Array, [from, length]: TarField): number | undefined {
  let value = 0;
  for (let at = from; at < from + length; at++) {
    const byte = block[at] ?? 0;
    if (byte === 0) return value;
    if (byte < 0x30 || byte > 0x37) return undefined;
    value = value * 8 + byte - 0x30;
  }
  return value;
}

function textField(block: Uint8Array, field: TarField): string {
  return textOf(untilZero(fieldOf(block, field)));
}

function untilZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

function textOf(bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw tarRefused(new TextDecoder().decode(bytes), "its name is not UTF-8");
  }
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
