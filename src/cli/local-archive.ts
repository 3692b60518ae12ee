/** A folder of this machine as a tar archive. */
import { createReadStream } from "node:fs";
import { lstat, opendir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { TAR_END, tarHeader, tarPadding } from "../api/tar/tar-writer.ts";
import { errorText } from "../std/errors.ts";
import { cliError } from "./errors.ts";

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
  yield* member(folder, { path: "", skipped });
  yield TAR_END;
}

async function* member(
  folder: string,
  at: { readonly path: string; readonly skipped: (path: string) => void },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { path, skipped } = at;
  const local = path === "" ? join(folder, ".") : join(folder, path);
  const found = await attempt(local, () => lstat(local));
  const attributes = {
    ...{ path, mode: found.mode & 0o7777 },
    mtimeMicros: Math.floor(found.mtimeMs * 1000),
  };
  if (found.isDirectory()) {
    yield tarHeader({ kind: "directory", ...attributes });
    for (const name of await attempt(local, () => namesIn(local))) {
      yield* member(folder, { path: path === "" ? name : `${path}/${name}`, skipped });
    }
  } else if (found.isSymbolicLink()) {
    const target = await attempt(local, () => readlink(local));
    yield tarHeader({ kind: "symlink", target, ...attributes });
  } else if (found.isFile()) {
    yield tarHeader({ kind: "file", bytes: found.size, ...attributes });
    yield* content(local, found.size);
    yield tarPadding(found.size);
  } else {
    skipped(local);
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { name } of await opendir(folder)) names.push(name);
  return names.sort();
}

/** As many bytes as were said: what is appended meanwhile is left out. */
async function* content(path: string, bytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  if (bytes === 0) return;
  let read = 0;
  try {
    const stream: AsyncIterable<Uint8Array> = createReadStream(path, {
      end: bytes - 1,
      highWaterMark: 256 * 1024,
    });
    for await (const part of stream) {
      read += part.length;
      yield part;
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (read < bytes) throw unreadable(path, new Error("it became shorter while it was read"));
}

async function attempt<Result>(path: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): Error {
  const message = `cannot read ${path}: ${errorText(cause)}`;
  return cliError({ code: "CLI_FILE_UNREADABLE", path }, message, { cause });
}
