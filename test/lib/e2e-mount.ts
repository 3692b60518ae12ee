/** Mounts of local volumes for tests, in directories of their own, gone when the tests end. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { runCommand } from "../../src/mount/command.ts";
import { deviceRefused, unmountLazily } from "../../src/mount/kernel-mount.ts";
import { mountedAt } from "../../src/mount/mount-info.ts";
import { type MountScope, type StartedMount, startMount } from "../../src/mount/start-mount.ts";
import type { WorkerOptions } from "../../src/mount/worker-options.ts";

const run = promisify(execFile);

/** What a program that works inside a mount may take; one that hangs is killed, and the test fails. */
const PROGRAM_MS_MAX = 45_000;

/** Why nothing can be mounted here; undefined when it can. */
export const mountsRefused = (): string | undefined =>
  process.platform === "linux" ? deviceRefused() : "only Linux has /dev/fuse";

/** A folder with a volume, places to mount it at, and room for staging. */
export class MountKit {
  readonly folder: string;
  readonly #started: StartedMount[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  static async make(): Promise<MountKit> {
    const kit = new MountKit(await mkdtemp(join(tmpdir(), "jobx-mount-")));
    for (const name of ["volume", "staging", "a", "b", "local"]) await mkdir(kit.path(name));
    return kit;
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  async start(
    options: Partial<WorkerOptions> & { readonly bytesMax?: number } = {},
    scope: MountScope = "machine",
  ): Promise<StartedMount> {
    const { bytesMax = Number.MAX_SAFE_INTEGER, ...others } = options;
    const started = await startMount(
      {
        directories: [this.path("a")],
        volume: { kind: "local", directory: this.path("volume"), bytesMax },
        stagingDirectory: this.path("staging"),
        readOnly: false,
        entryMs: 1_000,
        attributesMs: 1_000,
        hangMs: 10_000,
        unmountMs: 2_000,
        endsWithStarter: false,
        ...others,
      },
      { scope },
    );
    this.#started.push(started);
    return started;
  }

  /** Runs a script of a shell; its output. @throws {Error} when it fails or takes too long. */
  async shell(script: string, cwd: string = this.path("a")): Promise<string> {
    const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], {
      // Never from within the mount: a process whose directory hangs cannot be started in it.
      cwd: this.folder,
      env: { ...process.env, AT: cwd, LC_ALL: "C" },
      timeout: PROGRAM_MS_MAX,
      killSignal: "SIGKILL",
      maxBuffer: 64 << 20,
    });
    return stdout;
  }

  /** Runs Python; its output. */
  async python(script: string, cwd: string = this.path("a")): Promise<string> {
    const { stdout } = await run(
      "python3",
      ["-c", `import os\nos.chdir(${JSON.stringify(cwd)})\n${script}`],
      {
        cwd: this.folder,
        timeout: PROGRAM_MS_MAX,
        killSignal: "SIGKILL",
      },
    );
    return stdout;
  }

  /** Ends every mount, and takes away what they left. */
  async end(): Promise<void> {
    await Promise.all(this.#started.map((started) => started.stop()));
    for (const name of ["a", "b"]) {
      if (mountedAt(this.path(name)) !== undefined) await unmountLazily(this.path(name));
      // What hangs must not be looked into, least of all by a process that may serve it.
      if (mountedAt(this.path(name)) !== undefined) throw new Error(`still mounted: ${name}`);
    }
    // Not by this process, should something hang after all.
    await runCommand("rm", ["-rf", "--one-file-system", this.folder], { deadlineMs: 20_000 });
    await rm(this.folder, { recursive: true, force: true });
  }
}
