/**
 * A folder of the data directory in which the mounts of this machine write, so that what they write need not be
 * sent: the node is told the name of a file in it. Only this node's user can write there, and only what is there
 * is read: who may call the API reaches no other file by it.
 */
import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { chmod, lstat, mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { NearPlace } from "../api/near.ts";
import { CHUNK_BYTES_MAX } from "../fs/content/chunk.ts";
import { errnoOf } from "../fs/errors.ts";
import type { PieceFile } from "../fs/file-taking.ts";
import { ClusterError } from "./cluster-errors.ts";

/** `writing-PID-XXXXXX/UUID`, as mounts name what they write. */
const NAME = /^writing-([0-9]{1,10})-[A-Za-z0-9]{6}\/[0-9a-f-]{36}$/;
const FOLDER = /^writing-([0-9]{1,10})-[A-Za-z0-9]{6}$/;

/** Who can read this is on the same machine, and sees the same files. */
const PROOF_FILE = "proof";

export class NearFolder {
  readonly #directory: string;
  readonly #blocks: string;
  readonly #readMs: number;
  #place: Promise<NearPlace> | undefined;

  /** `readMs`: how long after a file was opened its blocks may be read without asking this node. */
  constructor(dataDirectory: string, { readMs }: { readonly readMs: number }) {
    this.#directory = resolve(dataDirectory, "near");
    this.#blocks = resolve(dataDirectory, "blocks", "blocks");
    this.#readMs = readMs;
  }

  /** Where it is, for a mount that begins; what dead mounts have left is removed. @throws {Error} of the disk */
  async place(): Promise<NearPlace> {
    this.#place ??= this.#make().catch((error: unknown) => {
      this.#place = undefined;
      throw error;
    });
    const place = await this.#place;
    await this.#sweep();
    return place;
  }

  /**
   * `bytes` of a file that a mount has written there, from byte `from`.
   * @throws {ClusterError} `API_INPUT_INVALID` where there is no such file, or a shorter one
   */
  async *read(
    name: string,
    { from, bytes }: { readonly from: number; readonly bytes: number },
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (!NAME.test(name)) throw notStaged("it is no name of a file that a mount writes");
    const path = join(this.#directory, name);
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((cause) => {
      throw notStaged(`it cannot be opened: ${errnoOf(cause) ?? "unknown"}`, cause);
    });
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size < from + bytes) throw notStaged("it is shorter, or no file");
      for (let at = 0; at < bytes; ) {
        const piece = new Uint8Array(Math.min(CHUNK_BYTES_MAX, bytes - at));
        const { bytesRead } = await file.read(piece, 0, piece.length, from + at);
        if (bytesRead === 0) throw notStaged("it became shorter while it was read");
        at += bytesRead;
        yield bytesRead === piece.length ? piece : piece.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  /**
   * Files that a mount has written there, as pieces of `bytes` together: all but the last are of 1 MiB.
   * @throws {ClusterError} `API_INPUT_INVALID` where these are no names of such files
   */
  async pieces(names: readonly string[], bytes: number): Promise<readonly PieceFile[]> {
    if (names.length !== Math.ceil(bytes / CHUNK_BYTES_MAX)) throw notStaged("pieces are of 1 MiB");
    return Promise.all(
      names.map(async (name, at) => {
        if (!NAME.test(name)) throw notStaged("it is no name of a file that a mount writes");
        const path = join(this.#directory, name);
        const stat = await lstat(path).catch(() => undefined);
        if (stat?.isFile() !== true) throw notStaged("it is not there, or no file");
        return { path, bytes: Math.min(CHUNK_BYTES_MAX, bytes - at * CHUNK_BYTES_MAX) };
      }),
    );
  }

  async #sweep(): Promise<void> {
    for (const name of await readdir(this.#directory)) {
      const [, pid] = FOLDER.exec(name) ?? [];
      if (pid === undefined || lives(Number(pid))) continue;
      await rm(join(this.#directory, name), { recursive: true, force: true });
    }
  }

  async #make(): Promise<NearPlace> {
    const directory = this.#directory;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // Also one that was there, whatever it was.
    await chmod(directory, 0o700);
    const proof = randomUUID();
    await writeFile(join(directory, PROOF_FILE), proof, { mode: 0o600 });
    const blocks = this.#blocks;
    return { directory, proofFile: PROOF_FILE, proof, blocks, readMs: this.#readMs };
  }
}

/** The pid in a folder's name is that of the mount. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== "ESRCH";
  }
}

function notStaged(why: string, cause?: unknown): ClusterError {
  const message = `nothing is taken from the folder of this node's mounts: ${why}`;
  return new ClusterError({ code: "API_INPUT_INVALID" }, message, { cause });
}
