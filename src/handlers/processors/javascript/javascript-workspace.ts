/**
 * The workspace of a call as a directory of this machine, for what opens files by their names: programs that a
 * handler starts, and libraries. A handler asks for it; what is committed comes in then, and when the handler is
 * done what has changed goes out, as if it were written with `ctx.fs`.
 */
import {
  type BigIntStats,
  chmodSync,
  createReadStream,
  createWriteStream,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Fault } from "./javascript-fault.ts";
import { type FileStat, type HandlerFiles, VolumeError } from "./javascript-volume.ts";

/** Files, folders and links of a workspace as a directory. */
export const WORKSPACE_FILES_MAX = 10_000;

/** Bytes of its files. */
export const WORKSPACE_BYTES_MAX = 4 * 1024 ** 3;

/** Where it is: one call at a time has it. Beside the worker's current directory. */
const place = join(process.cwd(), "workspace");

/** Where programs find it. */
const VARIABLE = "JOBX_WORKSPACE";

/** Where the node has mounted the workflow's volume, if it has. */
const VOLUME_VARIABLE = "JOBX_VOLUME";

/** Says to a call, and to what it starts, where the volume is mounted; a workspace it has to ask for. */
export function enterVolume(mount: string | undefined): void {
  const { env } = process;
  if (env[VARIABLE] !== undefined) Reflect.deleteProperty(env, VARIABLE);
  if (mount !== undefined) env[VOLUME_VARIABLE] = mount;
  else if (env[VOLUME_VARIABLE] !== undefined) Reflect.deleteProperty(env, VOLUME_VARIABLE);
}

export class StagedWorkspace {
  readonly #files: HandlerFiles;
  readonly #workspace: string;
  /** What came in, by its path in the workspace. */
  readonly #known = new Map<string, string>();
  #isOpen = false;
  #count = 0;
  #bytes = 0;

  constructor(files: HandlerFiles, workspace: string) {
    this.#files = files;
    this.#workspace = workspace;
  }

  /**
   * Brings in what is at these paths of the workspace, or all of it; the directory, which is then in `JOBX_WORKSPACE`.
   * @throws {Fault} `HANDLER_WORKSPACE_TOO_LARGE`. @throws {VolumeError} `FS_NOT_FOUND` and others.
   */
  async open(paths: readonly string[]): Promise<string> {
    if (!this.#isOpen) {
      // A call that was broken off may have left it, and a handler that looks around may have made it.
      rmSync(place, { recursive: true, force: true });
      mkdirSync(place);
      process.env[VARIABLE] = place;
      this.#isOpen = true;
    }
    if (paths.length === 0) await this.#bringBelow("");
    for (const path of paths) await this.#bringAt(path);
    return place;
  }

  /** Writes what has changed since. @throws as `open`; {VolumeError} `FS_NOT_FILE` for what is no file, folder or link. */
  async finish(): Promise<void> {
    if (!this.#isOpen) return;
    this.#count = 0;
    this.#bytes = 0;
    const found = new Map<string, BigIntStats>();
    this.#look("", found);
    for (const path of [...this.#known.keys()].toSorted()) {
      const [kind = ""] = this.#known.get(path)?.split(" ") ?? [];
      if (kindOf(found.get(path)) === kind) continue;
      this.#known.delete(path);
      // What lay in a folder that has gone goes with it.
      const above = dirname(path);
      if (above === "." || this.#known.has(above)) await this.#remove(path, kind);
    }
    for (const [path, stats] of found) {
      if (this.#known.get(path) !== markOf(path, stats)) await this.#write(path, stats);
    }
  }

  /** Takes the directory away. */
  close(): void {
    if (this.#isOpen) rmSync(place, { recursive: true, force: true });
    this.#isOpen = false;
  }

  async #bringBelow(folder: string): Promise<void> {
    const at = joined(this.#workspace, folder);
    if (folder === "" && !(await this.#files.exists(at))) return;
    for await (const stat of this.#files.walk(at)) {
      await this.#bring(stat.path.slice(this.#workspace.length + 1), stat);
    }
  }

  async #bringAt(said: string): Promise<void> {
    const stat = await this.#files.getStatOf(joined(this.#workspace, said));
    const path = stat.path.slice(this.#workspace.length + 1);
    if (path === "") return this.#bringBelow("");
    mkdirSync(join(place, dirname(path)), { recursive: true });
    await this.#bring(path, stat);
    if (stat.type === "directory") await this.#bringBelow(path);
  }

  async #bring(path: string, stat: FileStat): Promise<void> {
    if (this.#known.has(path)) return;
    const target = join(place, path);
    this.#checkSize(stat.type === "file" ? stat.size : 0);
    if (stat.type === "directory") mkdirSync(target, { recursive: true });
    else if (stat.type === "symlink") symlinkSync(stat.target ?? "", target);
    else {
      const content = await this.#files.read(joined(this.#workspace, path));
      await pipeline(Readable.fromWeb(content), createWriteStream(target, { flags: "wx" }));
      chmodSync(target, stat.mode & 0o777);
    }
    this.#known.set(path, markOf(path, lstatSync(target, { bigint: true })));
  }

  /** @throws {Fault} `HANDLER_WORKSPACE_TOO_LARGE`. */
  #checkSize(bytes: number): void {
    this.#count += 1;
    this.#bytes += bytes;
    if (this.#count <= WORKSPACE_FILES_MAX && this.#bytes <= WORKSPACE_BYTES_MAX) return;
    const most = `${WORKSPACE_FILES_MAX} files and ${WORKSPACE_BYTES_MAX} bytes`;
    const message = `a workspace as a directory has at most ${most}; ask for parts of it, or use ctx.fs`;
    throw new Fault("HANDLER_WORKSPACE_TOO_LARGE", message);
  }

  /** All below a folder of the directory: each folder before what lies in it. */
  #look(folder: string, found: Map<string, BigIntStats>): void {
    for (const name of readdirSync(join(place, folder)).toSorted()) {
      const path = joined(folder, name);
      const stats = lstatSync(join(place, path), { bigint: true });
      if (kindOf(stats) === "other") {
        const message = `only files, folders and links are kept: ${path}`;
        throw new VolumeError({ code: "FS_NOT_FILE" }, message);
      }
      this.#checkSize(stats.isFile() ? Number(stats.size) : 0);
      found.set(path, stats);
      if (stats.isDirectory()) this.#look(path, found);
    }
  }

  async #remove(path: string, kind: string): Promise<void> {
    const at = joined(this.#workspace, path);
    if (kind === "directory") await this.#files.rmdir(at, { recursive: true });
    else await this.#files.rm(at);
  }

  async #write(path: string, stats: BigIntStats): Promise<void> {
    const at = joined(this.#workspace, path);
    const source = join(place, path);
    if (stats.isDirectory()) await this.#files.mkdir(at);
    else if (stats.isSymbolicLink()) {
      if (this.#known.has(path)) await this.#files.rm(at);
      await this.#files.symlink(at, readlinkSync(source));
    } else {
      const mode = Number(stats.mode & 0o777n);
      await this.#files.write(at, createReadStream(source), { mode });
    }
  }
}

function kindOf(stats: BigIntStats | undefined): string {
  if (stats === undefined) return "none";
  if (stats.isDirectory()) return "directory";
  if (stats.isSymbolicLink()) return "symlink";
  return stats.isFile() ? "file" : "other";
}

/** What differs when somebody has changed it; of folders what lies in them tells. */
function markOf(path: string, stats: BigIntStats): string {
  const kind = kindOf(stats);
  if (kind === "directory") return kind;
  if (kind === "symlink") return `${kind} ${readlinkSync(join(place, path))}`;
  const { ino, size, mtimeNs, ctimeNs, mode } = stats;
  return [kind, ino, size, mtimeNs, ctimeNs, mode].join(" ");
}

function joined(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}
