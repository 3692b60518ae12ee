/**
 * Unpacks a tar archive into a folder of this machine. Nothing is written outside of it: paths of an archive
 * have no `..` (`readTar`), and no folder on the way may be a symbolic link, whoever made it.
 */
import {
  closeSync,
  fchmodSync,
  futimesSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { chmod, link, lstat, mkdir, open, rename, rm, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { TreeCounts } from "../api/file-port.ts";
import type { TarEntry } from "../api/tar/tar-entry.ts";
import { readTar } from "../api/tar/tar-reader.ts";
import { errorText, JobxError } from "../std/errors.ts";
import { cliError } from "./errors.ts";

/** Folders whose modes and times are set at the end, since what is put into them changes the time. */
const FOLDERS_KEPT = 100_000;

type Folder = Extract<TarEntry, { readonly kind: "directory" }>;

/** @throws {JobxError} `CLI_FILE_UNWRITABLE`, and those of `readTar`; what came before is there. */
export async function unpackLocal(
  folder: string,
  archive: AsyncIterable<Uint8Array>,
): Promise<TreeCounts> {
  const unpack = new LocalUnpack(folder);
  await attempt(folder, () => mkdir(folder, { recursive: true }));
  for await (const entry of readTar(archive)) {
    await attempt(join(folder, entry.path), () => unpack.take(entry));
  }
  await attempt(folder, () => unpack.setFolders());
  return unpack.counts;
}

class LocalUnpack {
  readonly counts = { files: 0, directories: 0, links: 0, bytes: 0 };
  readonly #folder: string;
  /** That are folders and no links. */
  #known = new Set<string>();
  #folders: Folder[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  async take(entry: TarEntry): Promise<void> {
    const { path } = entry;
    const local = join(this.#folder, path);
    await this.#enter(entry.kind === "directory" ? path : above(path));
    switch (entry.kind) {
      case "directory":
        this.#folders.push(entry);
        if (path !== "") this.counts.directories += 1;
        if (this.#folders.length >= FOLDERS_KEPT) await this.setFolders();
        return;
      case "file":
        await this.#write(local, entry);
        this.counts.files += 1;
        this.counts.bytes += entry.bytes;
        return;
      case "symlink":
        await rm(local, { force: true });
        await symlink(entry.target, local);
        break;
      case "link":
        await this.#enter(above(entry.target));
        await rm(local, { force: true });
        await link(join(this.#folder, entry.target), local);
        break;
    }
    this.counts.links += 1;
  }

  async setFolders(): Promise<void> {
    // Those within first: a mode may shut the way to them.
    for (const { path, mode, mtimeMicros } of this.#folders.toReversed()) {
      const local = join(this.#folder, path);
      if (mtimeMicros !== undefined) await utimes(local, mtimeMicros / 1e6, mtimeMicros / 1e6);
      await chmod(local, mode & 0o777);
    }
    this.#folders = [];
  }

  /** Makes a folder with those on the way. */
  async #enter(path: string): Promise<void> {
    if (path === "" || this.#known.has(path)) return;
    await this.#enter(above(path));
    const local = join(this.#folder, path);
    const found = await lstat(local).catch(() => undefined);
    if (found === undefined) await mkdir(local);
    else if (!found.isDirectory()) throw new Error("something is there that is no folder");
    if (this.#known.size >= FOLDERS_KEPT) this.#known = new Set();
    this.#known.add(path);
  }

  async #write(local: string, file: Extract<TarEntry, { readonly kind: "file" }>): Promise<void> {
    const part = `${local}.jobx-part`;
    const content = file.content.now();
    if (content !== undefined) {
      writeNow({ part, local }, file, content);
      return;
    }
    // One that is there may be a link to anywhere; it is not opened.
    await rm(part, { force: true });
    const handle = await open(part, "wx", 0o600);
    try {
      try {
        for await (const bytes of file.content) await handle.writeFile(bytes);
        await handle.chmod(file.mode & 0o777);
        const { mtimeMicros } = file;
        if (mtimeMicros !== undefined) await handle.utimes(mtimeMicros / 1e6, mtimeMicros / 1e6);
      } finally {
        await handle.close();
      }
      await rename(part, local);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
  }
}

/**
 * A small file that is here whole, by calls that wait: thousands of them take less time so than their promises
 * would, and what waits meanwhile in this process is its own download.
 */
function writeNow(
  at: { readonly part: string; readonly local: string },
  { mode, mtimeMicros }: Extract<TarEntry, { readonly kind: "file" }>,
  content: Uint8Array,
): void {
  const { part, local } = at;
  const handle = openNew(part);
  try {
    try {
      for (let from = 0; from < content.length; ) from += writeSync(handle, content, from);
      fchmodSync(handle, mode & 0o777);
      if (mtimeMicros !== undefined) futimesSync(handle, mtimeMicros / 1e6, mtimeMicros / 1e6);
    } finally {
      closeSync(handle);
    }
    renameSync(part, local);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/** One that is there may be a link to anywhere; it is not opened. */
function openNew(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch {
    rmSync(path, { force: true });
    return openSync(path, "wx", 0o600);
  }
}

function above(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}

async function attempt(path: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await run();
  } catch (cause) {
    if (cause instanceof JobxError) throw cause;
    const message = `cannot write ${path}: ${errorText(cause)}`;
    throw cliError({ code: "CLI_FILE_UNWRITABLE", path }, message, { cause });
  }
}
