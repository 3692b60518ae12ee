/** The rows of a local volume, and the journal in which each change of them is one line. */
import { VolumeError } from "../errors.ts";
import type { InodeId, InodeKind } from "../ports.ts";

/** An inode as it is stored. */
export interface InodeRow {
  readonly inode: InodeId;
  readonly kind: InodeKind;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly bytes: number;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  /** Of a file: name of its content; empty files have none. */
  readonly content: string | undefined;
  /** Of a symlink. */
  readonly target: string | undefined;
  /** Values in base64. */
  readonly xattrs: readonly (readonly [string, string])[];
}

/** What one row becomes. */
export type RowChange =
  | { readonly kind: "inode"; readonly inode: InodeId; readonly row: InodeRow | undefined }
  | {
      readonly kind: "entry";
      readonly parent: InodeId;
      readonly name: string;
      readonly inode: InodeId | undefined;
    }
  /** Ids up to here were given out. */
  | { readonly kind: "reserved"; readonly last: InodeId };

/** The first line of a journal. */
export const JOURNAL_HEAD = '{"jobxLocalVolume":1}';

/** Changes that happen together, as a line without its end. */
export function changesToLine(changes: readonly RowChange[]): string {
  return JSON.stringify(changes, (_, value: unknown) =>
    typeof value === "bigint" ? `${value}n` : value,
  );
}

/** @throws {VolumeError} `VOLUME_DAMAGED` when the line is none that `changesToLine` makes */
export function changesOfLine(line: string): readonly RowChange[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch (cause) {
    throw damaged("a line is no JSON", cause);
  }
  if (!Array.isArray(parsed)) throw damaged("a line is no list of changes");
  return parsed.map(changeOf);
}

function changeOf(value: unknown): RowChange {
  switch (field(value, "kind")) {
    case "inode": {
      const row = field(value, "row");
      const inode = numberOf(value, "inode");
      return { kind: "inode", inode, row: row === undefined ? undefined : rowOf(row) };
    }
    case "entry": {
      const inode = field(value, "inode") === undefined ? undefined : numberOf(value, "inode");
      return {
        kind: "entry",
        parent: numberOf(value, "parent"),
        name: textOf(value, "name"),
        inode,
      };
    }
    case "reserved":
      return { kind: "reserved", last: numberOf(value, "last") };
    default:
      throw damaged("a change of an unknown kind");
  }
}

function rowOf(value: unknown): InodeRow {
  const kind = field(value, "kind");
  if (kind !== "file" && kind !== "directory" && kind !== "symlink") throw damaged("a kind");
  const xattrs = field(value, "xattrs");
  if (!Array.isArray(xattrs)) throw damaged("extended attributes");
  return {
    inode: numberOf(value, "inode"),
    kind,
    mode: numberOf(value, "mode"),
    uid: numberOf(value, "uid"),
    gid: numberOf(value, "gid"),
    links: numberOf(value, "links"),
    bytes: numberOf(value, "bytes"),
    mtimeNs: timeOf(value, "mtimeNs"),
    ctimeNs: timeOf(value, "ctimeNs"),
    content: field(value, "content") === undefined ? undefined : textOf(value, "content"),
    target: field(value, "target") === undefined ? undefined : textOf(value, "target"),
    xattrs: xattrs.map((pair: unknown) => [textOf(pair, "0"), textOf(pair, "1")] as const),
  };
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) throw damaged("a row is no object");
  return Reflect.get(value, name);
}

function numberOf(value: unknown, name: string): number {
  const number = field(value, name);
  if (typeof number !== "number" || !Number.isSafeInteger(number)) throw damaged(name);
  return number;
}

function textOf(value: unknown, name: string): string {
  const text = field(value, name);
  if (typeof text !== "string") throw damaged(name);
  return text;
}

function timeOf(value: unknown, name: string): bigint {
  const [, digits] = /^(-?\d+)n$/.exec(textOf(value, name)) ?? [];
  if (digits === undefined) throw damaged(name);
  return BigInt(digits);
}

function damaged(reason: string, cause?: unknown): VolumeError {
  return new VolumeError(
    { code: "VOLUME_DAMAGED", reason },
    `the journal of the volume cannot be read: ${reason}`,
    { cause },
  );
}
