/**
 * Programs and bundles as files of this machine, for workers that start from them: written once for each
 * version, and removed when the last worker that needs them has ended.
 */
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unpackBundle } from "./bundle-source.ts";
import { HandlersError } from "./errors.ts";
import type { WorkerNeed } from "./worker-key.ts";

/** A handler's files. */
export interface PlacedProgram {
  /** Of a version; several workers share it, and none may change it. */
  readonly directory: string;
  /** The file that is run or loaded. */
  readonly main: string;
}

interface Placed {
  readonly program: Promise<PlacedProgram>;
  users: number;
}

/** Where workers of a pool find their programs. `take` and `leave` are in pairs. */
export class ProgramStore {
  readonly #directory: string;
  readonly #placed = new Map<string, Placed>();
  /** Removals that go on: the same version may be wanted again meanwhile. */
  #removing: Promise<void> = Promise.resolve();

  /** `directory`: is made, and owned by this store alone. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * The files of a handler at its version. Rejects with what `source` rejects with.
   * @throws {JobxError} `HANDLER_WORKER_UNAVAILABLE` when they cannot be written.
   */
  take(need: WorkerNeed, source: () => Promise<string>): Promise<PlacedProgram> {
    const key = keyOf(need);
    const known = this.#placed.get(key);
    if (known !== undefined) {
      known.users++;
      return known.program;
    }
    const program = this.#removing.then(() => this.#place(need, source));
    this.#placed.set(key, { program, users: 1 });
    // Whoever takes it next tries again.
    program.catch(() => this.#placed.delete(key));
    return program;
  }

  /** One who took it needs it no more. */
  leave(need: WorkerNeed): void {
    const key = keyOf(need);
    const placed = this.#placed.get(key);
    if (placed === undefined) return;
    placed.users--;
    if (placed.users > 0) return;
    this.#placed.delete(key);
    const remove = (): Promise<void> =>
      rm(join(this.#directory, key), { recursive: true, force: true });
    this.#removing = this.#removing.then(remove).catch(() => undefined);
  }

  async #place(need: WorkerNeed, source: () => Promise<string>): Promise<PlacedProgram> {
    const text = await source();
    const directory = join(this.#directory, keyOf(need));
    try {
      const main = need.runtime?.main;
      const program = { directory, main: join(directory, main ?? need.name) };
      if (main === undefined) await write(program.main, { bytes: Buffer.from(text), mode: 0o555 });
      else await unpack(text, directory);
      if (need.language === "executable") await chmod(program.main, 0o555);
      return program;
    } catch (cause) {
      // What is there half can be read only, and would be in the way of the next try.
      await rm(directory, { recursive: true, force: true }).catch(() => undefined);
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new HandlersError(
        { code: "HANDLER_WORKER_UNAVAILABLE", language: need.language },
        `the files of ${need.name} cannot be written here: ${why}`,
        { cause },
      );
    }
  }
}

/** A version is hexadecimal, and a name has no slash. */
function keyOf({ name, version }: WorkerNeed): string {
  return `${version}-${name}`;
}

async function unpack(text: string, directory: string): Promise<void> {
  const found = await unpackBundle(text);
  if (found.kind === "malformed") throw new Error(found.reason);
  for (const { path, bytes, isExecutable } of found.files) {
    await write(join(directory, path), { bytes, mode: isExecutable ? 0o555 : 0o444 });
  }
}

async function write(
  path: string,
  file: { readonly bytes: Uint8Array; readonly mode: number },
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, file.bytes);
  await chmod(path, file.mode);
}
