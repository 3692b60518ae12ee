/** Mounts by the command line: of a volume in memory, by the real server on the real device. */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { cluster, folder, jobx } from "../../test/lib/cli-kit.ts";
import { mountsRefused } from "../../test/lib/e2e-mount.ts";
import { mountedAt } from "../mount/mount-info.ts";

const run = promisify(execFile);
const refused = mountsRefused();

/** By another process: what looks into the mount must not be what answers for it. */
async function shell(script: string, at: string): Promise<string> {
  const env = { ...process.env, AT: at, LC_ALL: "C" };
  const how = { cwd: folder, env, timeout: 20_000, killSignal: "SIGKILL" } as const;
  return (await run("bash", ["-euo", "pipefail", "-c", script], how)).stdout;
}

async function emptyDirectory(name: string): Promise<string> {
  const directory = join(folder, name);
  await mkdir(directory, { recursive: true });
  return directory;
}

function addRoot(): void {
  cluster.files.nodes.set("/in", { content: undefined, inode: 1, revision: 1 });
}

describe.skipIf(refused !== undefined)("jobx fs mount", () => {
  test("shows a volume in which files are made, moved, linked and cut, and ends when it is told to", async () => {
    addRoot();
    const directory = await emptyDirectory("one");
    const how = ["--background", "--staging", folder];
    const mounted = await jobx(["fs", "mount", "text:/in", directory, ...how]);
    expect([mounted.exit, mounted.err]).toEqual([0, ""]);
    try {
      const said = await shell(
        `cd "$AT"; echo one > f; mkdir d; mv f d/g; ln -s d/g s; cat s; stat -c '%s %h' d/g
         head -c 3000000 /dev/urandom > big; sha256sum < big > sum; sha256sum -c --quiet < <(sed 's/-/big/' sum)
         (echo a; sleep 1) > w; cat w; truncate -s 1 w; cat w; ls -A | tr '\\n' ' '`,
        directory,
      );
      expect(said).toBe("one\n4 1\na\nabig d s sum w ");
      const again = await jobx(["fs", "mount", "text:/in", directory, ...how]);
      expect([again.exit, again.err]).toEqual([2, expect.stringContaining("MOUNT_IN_USE")]);
    } finally {
      const ended = await jobx(["fs", "unmount", directory, "--wait", "5"]);
      expect([ended.exit, ended.err]).toEqual([0, ""]);
    }
    expect(mountedAt(directory)).toBeUndefined();
  });

  test("in the foreground it goes on until it is interrupted, and leaves nothing", async () => {
    addRoot();
    const directory = await emptyDirectory("two");
    let interrupt = (): void => {};
    const interrupted = new Promise<void>((resolve) => {
      interrupt = resolve;
    });
    const words = ["fs", "mount", "text:/in", directory, "--staging", folder, "--read-only"];
    const running = jobx(words, { interrupted });
    await expect.poll(() => mountedAt(directory), { timeout: 20_000 }).toBeDefined();
    const said = await shell('touch "$AT/f" 2>&1 || true', directory);
    expect(said).toContain("Read-only file system");
    interrupt();
    expect((await running).exit).toBe(0);
    expect(mountedAt(directory)).toBeUndefined();
  });

  test("what is no empty directory, and what is no folder of the volume, is refused", async () => {
    addRoot();
    cluster.files.add("/file", Buffer.from("x"));
    const directory = await emptyDirectory("three");
    const file = await jobx(["fs", "mount", "text:/file", directory]);
    expect([file.exit, file.err]).toEqual([2, expect.stringContaining("is not a folder")]);
    const missing = await jobx(["fs", "mount", "text:/in", join(directory, "none")]);
    expect([missing.exit, missing.err]).toEqual([2, expect.stringContaining("ENOENT")]);
    await writeFile(join(directory, "x"), "");
    const full = await jobx(["fs", "mount", "text:/in", directory]);
    expect([full.exit, full.err]).toEqual([2, expect.stringContaining("it is not empty")]);
  });
});

test("jobx fs unmount of what is no mount of a volume says so", async () => {
  const { exit, err } = await jobx(["fs", "unmount", await emptyDirectory("none")]);
  expect([exit, err]).toEqual([2, expect.stringContaining("MOUNT_REFUSED")]);
});
