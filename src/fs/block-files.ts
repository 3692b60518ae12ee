/** Files and directories as the block store uses them. Errors are the machine's own: see `onDisk`. */
import { link, open, readdir, stat, unlink } from "node:fs/promises";
import { errnoOf } from "./errors.ts";

/** Writes a new file; with `sync` its bytes are on the disk when this resolves, its name is not. */
export async function writeWhole(path: string, bytes: Uint8Array, sync: boolean): Promise<void> {
  const file = await open(path, "wx");
  try {
    let at = 0;
    while (at < bytes.length) at += (await file.write(bytes, at)).bytesWritten;
    if (sync) await file.datasync();
  } finally {
    await file.close();
  }
}

/** Undefined without a file; without `bytes` when the file is longer than `bytesMax`. */
export async function readWhole(
  path: string,
  bytesMax: number,
): Promise<{ readonly inode: number; readonly bytes: Uint8Array | undefined } | undefined> {
  const file = await openOrNothing(path);
  if (file === undefined) return undefined;
  try {
    const { size, ino: inode } = await file.stat();
    if (size > bytesMax) return { inode, bytes: undefined };
    const bytes = await readRange(file, { at: 0, length: size });
    return { inode, bytes: bytes.length === size ? bytes : undefined };
  } finally {
    await file.close();
  }
}

/** Bytes of an open file, fewer where it ends before. */
export async function readRange(
  file: Awaited<ReturnType<typeof open>>,
  range: { readonly at: number; readonly length: number },
): Promise<Uint8Array> {
  const bytes = new Uint8Array(range.length);
  let read = 0;
  while (read < bytes.length) {
    const { bytesRead } = await file.read(bytes, read, bytes.length - read, range.at + read);
    if (bytesRead === 0) return bytes.subarray(0, read);
    read += bytesRead;
  }
  return bytes;
}

/** Its bytes are on the disk when this resolves. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** The names in it are on the disk when this resolves. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

type Maybe<Call extends (...args: never[]) => Promise<unknown>> =
  | Awaited<ReturnType<Call>>
  | undefined;

/** Opens a file to be read, or also to be changed in place; undefined where there is none. */
export async function openOrNothing(
  path: string,
  flags: "r" | "r+" = "r",
): Promise<Maybe<typeof open>> {
  return open(path, flags).catch(nothingIfAbsent);
}

/** What the machine knows of a file; undefined where there is none. */
export async function statOrNothing(
  path: string,
): Promise<{ readonly ino: number; readonly size: number; readonly mtimeMs: number } | undefined> {
  return stat(path).catch(nothingIfAbsent);
}

/** What a link is refused with that is not possible there. */
const NO_LINK = new Set(["EXDEV", "EMLINK", "EPERM", "ENOTSUP"]);

/** Gives a file one more name; false where the disk cannot. */
export async function linkOrNothing(path: string, name: string): Promise<boolean> {
  try {
    await link(path, name);
    return true;
  } catch (error) {
    if (NO_LINK.has(errnoOf(error) ?? "")) return false;
    throw error;
  }
}

/** False where there was no such file. */
export async function unlinkOrNothing(path: string): Promise<boolean> {
  const removed = await unlink(path).then(() => true, nothingIfAbsent);
  return removed === true;
}

/** How many names a directory has. */
export async function countNames(path: string): Promise<number> {
  return (await readdir(path)).length;
}

/** An error as it was thrown, also where something else was. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error("not an error", { cause: error });
}

function nothingIfAbsent(error: unknown): undefined {
  if (errnoOf(error) === "ENOENT") return undefined;
  throw asError(error);
}
