/**
 * A folder of this machine as a tar archive. Small files are read by calls that wait: thousands of them take less
 * time so than their promises would, and what waits meanwhile in this process is its own upload.
 */
import { closeSync, constants, createReadStream, lstatSync, openSync, readSync } from "node:fs";
import { lstat, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { paddingOf } from "../api/tar/tar-blocks.ts";
import { TAR_END, tarHeader, tarPadding } from "../api/tar/tar-writer.ts";
import { errorText } from "../std/errors.ts";
import { Pieces } from "../std/pieces.ts";
import { cliError } from "./errors.ts";

/** Bytes that are sent at once, and of which a file is read at once. */
const PIECE_BYTES = 256 * 1024;

/** @throws {JobxError} `CLI_FILE_UNREADABLE` for what is no folder. */
export async function checkFolder(path: string): Promise<void> {
  const found = await attempt(path, () => lstat(join(path, ".")));
  if (!found.isDirectory()) throw unreadable(path, new Error("it is no folder"));
}

/**
 * What is in a folder, sorted by name; links are not followed. `skipped` is told what is no file, folder or link.
 * @throws {JobxError} `CLI_FILE_UNREADABLE`, also for a file that becomes shorter while it is read.
 */
export async function* archiveOfLocal(
  folder: string,
  skipped: (path: string) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pieces = new Pieces(PIECE_BYTES);
  const top = join(folder, ".");
  const found = await attempt(top, () => lstat(top));
  pieces.add(tarHeader({ kind: "directory", path: "", ...attributesOf(found) }));
  yield* below({ local: folder, path: "" }, { pieces, skipped });
  pieces.add(TAR_END);
  yield pieces.take();
}

async function* below(
  folder: { readonly local: string; readonly path: string },
  how: { readonly pieces: Pieces; readonly skipped: (path: string) => void },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { pieces, skipped } = how;
  const names = await attempt(folder.local, () => readdir(folder.local));
  for (const name of names.sort()) {
    const local = join(folder.local, name);
    const path = folder.path === "" ? name : `${folder.path}/${name}`;
    const found = attemptNow(local, () => lstatSync(local));
    const attributes = attributesOf(found);
    if (found.isDirectory()) {
      pieces.add(tarHeader({ kind: "directory", path, ...attributes }));
      yield* below({ local, path }, how);
    } else if (found.isSymbolicLink()) {
      const target = await attempt(local, () => readlink(local));
      pieces.add(tarHeader({ kind: "symlink", path, target, ...attributes }));
    } else if (found.isFile()) {
      const bytes = found.size;
      pieces.add(tarHeader({ kind: "file", path, bytes, ...attributes }));
      if (bytes <= PIECE_BYTES) {
        pieces.add(readNow(local, bytes));
      } else {
        yield pieces.take();
        yield* content(local, bytes);
        pieces.add(tarPadding(bytes));
      }
    } else {
      skipped(local);
    }
    if (pieces.isFull) yield pieces.take();
  }
}

function attributesOf(found: { readonly mode: number; readonly mtimeMs: number }): {
  readonly mode: number;
  readonly mtimeMicros: number;
} {
  return { mode: found.mode & 0o7777, mtimeMicros: Math.floor(found.mtimeMs * 1000) };
}

/** A small file with its padding. A pipe that took its place meanwhile is not waited for. */
function readNow(path: string, bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes + paddingOf(bytes));
  if (bytes === 0) return whole;
  attemptNow(path, () => {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      for (let at = 0; at < bytes; ) {
        const read = readSync(file, whole, at, bytes - at, at);
        if (read === 0) throw becameShorter();
        at += read;
      }
    } finally {
      closeSync(file);
    }
  });
  return whole;
}

/** As many bytes as were said: what is appended meanwhile is left out. */
async function* content(path: string, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  let read = 0;
  try {
    const stream: AsyncIterable<Uint8Array> = createReadStream(path, {
      end: bytes - 1,
      highWaterMark: PIECE_BYTES,
    });
    for await (const part of stream) {
      read += part.length;
      yield part;
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (read < bytes) throw unreadable(path, becameShorter());
}

function becameShorter(): Error {
  return new Error("it became shorter while it was read");
}

async function attempt<Result>(path: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function attemptNow<Result>(path: string, run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): Error {
  const message = `cannot read ${path}: ${errorText(cause)}`;
  return cliError({ code: "CLI_FILE_UNREADABLE", path }, message, { cause });
}
