/** Files of this machine as streams, for content of volumes. */
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { errorText } from "../std/errors.ts";
import { cliError } from "./errors.ts";

/** A file to be sent. @throws {JobxError} `CLI_FILE_UNREADABLE` also for what is no file. */
export async function localFile(path: string): Promise<{
  readonly bytes: number;
  readonly mode: number;
  readonly content: AsyncIterable<Uint8Array>;
}> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new Error("it is a folder; send its files one by one");
    const handle = await open(path, "r");
    const content = createReadStream(path, { fd: handle, highWaterMark: 256 * 1024 });
    return { bytes: found.size, mode: found.mode & 0o7777, content };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

/**
 * Writes a file whole or not at all.
 * @throws {JobxError} `CLI_FILE_UNWRITABLE`, and what `content` throws.
 */
export async function writeLocal(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const part = `${path}.jobx-part`;
  const handle = await attempt(path, () => open(part, "w"));
  try {
    try {
      for await (const bytes of content) await attempt(path, () => handle.writeFile(bytes));
    } finally {
      await handle.close();
    }
    await attempt(path, () => rename(part, path));
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function attempt<Result>(path: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    throw cliError(
      { code: "CLI_FILE_UNWRITABLE", path },
      `cannot write ${path}: ${errorText(cause)}`,
      { cause },
    );
  }
}

function unreadable(path: string, cause: unknown): Error {
  return cliError(
    { code: "CLI_FILE_UNREADABLE", path },
    `cannot read ${path}: ${errorText(cause)}`,
    { cause },
  );
}
