/** Packing a handler that is a folder, with everything in it that its main file may need. */
import type { Dirent, Stats } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import {
  BUNDLE_BYTES_MAX,
  BUNDLE_FILES_MAX,
  BUNDLE_MARK,
  type BundleFile,
  encodeBundle,
  isBundlePath,
} from "../workflow/bundle.ts";
import { cliError } from "./errors.ts";

/** What no handler needs: caches, and the histories of others. */
const SKIPPED = ["__pycache__", ".git", ".hg", ".svn", ".cache"];

/** Folders in folders: packages within packages; fewer than the kernel follows of a link to itself. */
const DEPTH_MAX = 32;

/**
 * The source of a bundle: all files of a folder, links followed, compressed. The same files give the same text.
 * @throws {JobxError} `CLI_FILE_UNREADABLE`, `CLI_BUNDLE_TOO_LARGE`.
 */
export async function readBundle(folder: string): Promise<string> {
  const files: BundleFile[] = [];
  let bytes = 0;
  const visit = async (relative: string, depth: number): Promise<void> => {
    for (const { name } of await list(join(folder, relative))) {
      const path = relative === "" ? name : `${relative}/${name}`;
      if (SKIPPED.includes(name) || !isBundlePath(path)) continue;
      const found = await look(join(folder, path));
      if (found?.isDirectory() === true) {
        if (depth >= DEPTH_MAX) throw tooLarge(folder);
        await visit(path, depth + 1);
      } else if (found?.isFile() === true) {
        bytes += found.size;
        if (bytes > BUNDLE_BYTES_MAX || files.length >= BUNDLE_FILES_MAX) throw tooLarge(folder);
        const content = await read(join(folder, path));
        files.push({ path, isExecutable: (found.mode & 0o100) !== 0, bytes: content });
      }
    }
  };
  await visit("", 0);
  return BUNDLE_MARK + gzipSync(encodeBundle(files), { level: 9 }).toString("base64");
}

async function list(folder: string): Promise<readonly Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    throw unreadable(folder, cause);
  }
}

/** Undefined for a link to nothing. */
async function look(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch {
    return undefined;
  }
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return cliError({ code: "CLI_FILE_UNREADABLE", path }, `cannot read ${path}: ${reason}`, {
    cause,
  });
}

function tooLarge(folder: string): Error {
  const most = `${BUNDLE_FILES_MAX} files and ${BUNDLE_BYTES_MAX} bytes`;
  return cliError(
    { code: "CLI_BUNDLE_TOO_LARGE", path: folder },
    `${folder} is too large for one handler: at most ${most}; leave out what it does not need`,
  );
}
