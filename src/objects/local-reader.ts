/**
 * Files of the machine that lists and fetches, below the folders that its owner allows for this. A list is read
 * by one node and its objects by all, so such a folder has the same files on all of them.
 */
import { createReadStream } from "node:fs";
import { open as openFile, readdir, realpath, stat } from "node:fs/promises";
import { matchesGlob, sep } from "node:path";
import type { ObjectRef, ObjectSource } from "../wire/object-source.ts";
import { ObjectError, saying } from "./errors.ts";
import { failing, fetchFailed } from "./http-reader.ts";
import {
  type Listed,
  type ObjectReader,
  type OfType,
  type OpenedObject,
  PASSED_UNTOLD,
} from "./ports.ts";
import { type FolderEntry, join, walkFiles } from "./walk.ts";

type LocalObject = OfType<ObjectRef, "local">;

/** Fulfils the port for the machine's own files. */
export class LocalReader implements ObjectReader<"local"> {
  readonly #folders: readonly string[];

  /** Nothing outside of `folders` is listed or read, wherever symbolic links lead. */
  constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  async *list(
    source: OfType<ObjectSource, "local">,
    after: string | undefined,
  ): AsyncGenerator<Listed<LocalObject>, void, undefined> {
    const { path, match } = source;
    try {
      const top = await this.#allowed(path);
      if ((await stat(top)).isFile()) {
        if (after === undefined) yield { at: "", object: await refOf(path, top) };
        return;
      }
      let passed = 0;
      for await (const { at } of walkFiles(listFolder, top, after)) {
        if (match !== undefined && !matchesGlob(at, match)) {
          passed += 1;
          if (passed % PASSED_UNTOLD === 0) yield { at, object: undefined };
          continue;
        }
        yield { at, object: await refOf(join(path, at), join(top, at)) };
      }
    } catch (cause) {
      const details = { code: "OBJECT_LIST_FAILED", source: path } as const;
      throw new ObjectError(details, `${path} cannot be listed: ${saying(cause)}`, { cause });
    }
  }

  async open({ path }: LocalObject): Promise<OpenedObject> {
    const real = await this.pathOf(path);
    const { size, mtimeMs } = await stat(real);
    const content = failing(createReadStream(real), path);
    return { content, bytes: size, version: `${size}.${mtimeMs}` };
  }

  /**
   * Where the file is.
   * @throws {JobxError} `OBJECT_MISSING` for what is not there, or not below an allowed folder.
   */
  async pathOf(path: string): Promise<string> {
    try {
      const real = await this.#allowed(path);
      await (await openFile(real)).close();
      return real;
    } catch (cause) {
      if (cause instanceof Error && "code" in cause && cause.code === "EMFILE") {
        throw fetchFailed(path, cause.message, cause);
      }
      const details = { code: "OBJECT_MISSING", object: path } as const;
      throw new ObjectError(details, `${path} cannot be read: ${saying(cause)}`, { cause });
    }
  }

  async #allowed(path: string): Promise<string> {
    const real = await realpath(path);
    for (const folder of this.#folders) {
      const top = await realpath(folder).catch(() => undefined);
      if (top === undefined) continue;
      if (real === top || real.startsWith(top.endsWith(sep) ? top : `${top}${sep}`)) return real;
    }
    throw new Error("this node's --input-folders has no folder above it");
  }
}

async function refOf(path: string, real: string): Promise<LocalObject> {
  const { size, mtimeMs } = await stat(real);
  return { type: "local", path, bytes: size, version: `${size}.${mtimeMs}` };
}

async function* listFolder(
  path: string,
  after: string | undefined,
): AsyncGenerator<FolderEntry, void, undefined> {
  const found = await readdir(path, { withFileTypes: true });
  const names = found.map((entry) => ({ entry, bytes: Buffer.from(entry.name) }));
  names.sort((left, right) => Buffer.compare(left.bytes, right.bytes));
  const past = after === undefined ? undefined : Buffer.from(after);
  for (const { entry, bytes } of names) {
    if (past !== undefined && Buffer.compare(bytes, past) <= 0) continue;
    const { name } = entry;
    if (entry.isDirectory()) yield { name, type: "directory" };
    else if (entry.isFile()) yield { name, type: "file" };
  }
}
