/**
 * Which table files belong to a LevelDB database. What was being written when the process was killed
 * lies beside them, cut off: LevelDB deletes it when it opens the database, and it is nobody's damage.
 *
 * CURRENT names a manifest, a log of edits. A log is a row of blocks of 32 KiB; a record of it is a
 * masked CRC-32C (4 bytes), a length (2), a kind (1) and content, and a longer edit is several records.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CRC32C_EMPTY, crc32c } from "../std/crc32c.ts";
import { maskedCrc } from "./level-crc.ts";
import { LevelCursor } from "./level-cursor.ts";

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const KIND = { full: 1, first: 2, middle: 3, last: 4 } as const;

/** What a field of an edit is, by the number before it. */
const FIELD = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  previousLog: 9,
} as const;

/**
 * Numbers of the tables of the database at `place`, which nobody has open; undefined when that cannot be
 * read: then LevelDB will not open it either, or every table is to be looked at.
 */
export async function liveTables(place: string): Promise<ReadonlySet<number> | undefined> {
  let manifest: Uint8Array;
  try {
    const name = (await readFile(join(place, "CURRENT"), "latin1")).trimEnd();
    manifest = await readFile(join(place, name));
  } catch {
    return undefined;
  }
  return tablesOf(manifest);
}

/** Numbers of the tables that a manifest's edits leave; undefined when a record is not what was written. */
export function tablesOf(manifest: Uint8Array): ReadonlySet<number> | undefined {
  const edits = recordsOf(manifest);
  if (edits === undefined) return undefined;
  const tables = new Set<number>();
  for (const edit of edits) if (!takeEdit(tables, edit)) return undefined;
  return tables;
}

/** The edits, without one that was cut off at the end; undefined for damage before that. */
function recordsOf(log: Uint8Array): readonly Uint8Array[] | undefined {
  const view = new DataView(log.buffer, log.byteOffset, log.byteLength);
  const records: Uint8Array[] = [];
  let parts: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    const blockLeft = BLOCK_BYTES - (at % BLOCK_BYTES);
    // What is too short for a header is filled with zeros.
    if (blockLeft < HEADER_BYTES) at += blockLeft;
    if (at + HEADER_BYTES > log.length) return records;
    const length = view.getUint16(at + 4, true);
    const end = at + HEADER_BYTES + length;
    if (HEADER_BYTES + length > BLOCK_BYTES - (at % BLOCK_BYTES)) return undefined;
    if (end > log.length) return records;
    const sum = crc32c(CRC32C_EMPTY, log, at + 6, end);
    if (maskedCrc(sum) !== view.getUint32(at, true)) return undefined;
    const kind = log[at + 6];
    if ((kind === KIND.full || kind === KIND.first) !== (parts.length === 0)) return undefined;
    parts.push(log.subarray(at + HEADER_BYTES, end));
    if (kind === KIND.full || kind === KIND.last) {
      records.push(joined(parts));
      parts = [];
    }
    at = end;
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Carries out what an edit says of tables; false when it has a field that is not known here. */
function takeEdit(tables: Set<number>, edit: Uint8Array): boolean {
  const cursor = new LevelCursor(edit, 0);
  while (cursor.at < edit.length) {
    switch (cursor.uint()) {
      case FIELD.comparator:
        cursor.skip(cursor.uint());
        break;
      case FIELD.logNumber:
      case FIELD.nextFile:
      case FIELD.lastSequence:
      case FIELD.previousLog:
        cursor.uint();
        break;
      case FIELD.compactPointer:
        cursor.uint();
        cursor.skip(cursor.uint());
        break;
      case FIELD.deletedFile:
        cursor.uint();
        tables.delete(cursor.uint());
        break;
      case FIELD.newFile:
        cursor.uint();
        tables.add(cursor.uint());
        cursor.uint();
        cursor.skip(cursor.uint());
        cursor.skip(cursor.uint());
        break;
      default:
        return false;
    }
  }
  return cursor.at === edit.length;
}
