/** Mounts whose server dies, stands still or has no room: nobody hangs, and nothing closed is lost. */
import { execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mountedAt } from "../../src/mount/mount-info.ts";
import { namespacesRefused } from "../../src/mount/start-mount.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { MountKit, mountsRefused } from "../lib/e2e-mount.ts";

/** Until all that hung on a dead mount has got its error. */
const END_MS_MAX = 20_000;

const refused = mountsRefused();
if (refused !== undefined) console.warn(`skipped: ${refused}`);
const unshared = refused ?? (await namespacesRefused());
if (unshared !== undefined) console.warn(`skipped, no mounts in namespaces: ${unshared}`);

/** Writes files one after the other, says each that is closed, and at the end what stopped it. */
const WRITER = `
import errno, os, sys
os.chdir(sys.argv[1])
number = 0
while True:
    try:
        with open(f"f{number}", "wb") as file:
            for _ in range(8): file.write(b"%08d" % number * 4096); file.flush()
        print(number, flush=True)
        number += 1
    except OSError as error:
        print(errno.errorcode[error.errno], flush=True)
        break
`;

interface Writer {
  readonly lines: readonly string[];
  readonly ended: Promise<number | null>;
}

function startWriter(directory: string): Writer {
  const child = spawn("python3", ["-c", WRITER, directory], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  return { lines, ended: new Promise((resolve) => child.on("close", resolve)) };
}

const stateOf = (pid: number): string =>
  execFileSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).trim();

describe.skipIf(refused !== undefined)("a mount that fails", () => {
  let kit: MountKit;

  beforeEach(async () => {
    kit = await MountKit.make();
  });

  afterEach(() => kit.end());

  const isGone = (): boolean => mountedAt(kit.path("a")) === undefined;

  /** All files that were said to be closed are whole in a new mount, and no other is half there. */
  async function expectWhole(lines: readonly string[]): Promise<void> {
    const closed = lines.filter((line) => /^\d+$/.test(line)).length;
    const said = await kit.python(`
names = [name for name in os.listdir(".") if name.startswith("f")]
bad = [n for n in names if open(n, "rb").read() != b"%08d" % int(n[1:]) * 4096 * 8]
print(bad, all(f"f{i}" in names for i in range(${closed})), len(names) - ${closed} in (0, 1))
`);
    expect(said).toBe("[] True True\n");
  }

  test("after kill -9 of the server writers get an error, and a new mount has what they closed", async () => {
    const mount = await kit.start();
    const writers = startWriter(kit.path("a"));
    await eventually("files are written", END_MS_MAX, () => writers.lines.length > 20);
    process.kill(mount.pid, "SIGKILL");
    await writers.ended;
    expect(["ENOTCONN", "ECONNABORTED", "ENOENT", "EIO"]).toContain(writers.lines.at(-1));
    await eventually("the watchdog takes the dead mount away", END_MS_MAX, isGone);
    await kit.start();
    await expectWhole(writers.lines);
  });

  test("a server that stands still is ended by its watchdog, and nobody waits for it for ever", async () => {
    const mount = await kit.start({ hangMs: 1_500 });
    const writers = startWriter(kit.path("a"));
    await eventually("files are written", END_MS_MAX, () => writers.lines.length > 5);
    process.kill(mount.pid, "SIGSTOP");
    expect(await mount.ended).toBe("SIGKILL");
    await writers.ended;
    await eventually("the mount is gone", END_MS_MAX, isGone);
    await kit.start();
    await expectWhole(writers.lines);
  });

  test("a mount that nobody serves is replaced by the next one, and one that is served is not", async () => {
    const mount = await kit.start({ hangMs: 600_000 });
    await expect(kit.start()).rejects.toThrow("MOUNT_IN_USE");
    const watchdog = execFileSync("pgrep", ["-P", String(mount.pid)], { encoding: "utf8" });
    // Without its watchdog: as when the machine kills both.
    process.kill(Number(watchdog), "SIGKILL");
    process.kill(mount.pid, "SIGKILL");
    await mount.ended;
    expect(isGone()).toBe(false);
    await kit.start();
    expect(await kit.shell('echo new > "$AT/f"; cat "$AT/f"')).toBe("new\n");
  });

  test("a watchdog that ends is started again", async () => {
    const mount = await kit.start({ hangMs: 2_000 });
    const watchdog = (): string =>
      execFileSync("pgrep", ["-P", String(mount.pid)], { encoding: "utf8" }).trim();
    const first = watchdog();
    process.kill(Number(first), "SIGKILL");
    await eventually("there is another", END_MS_MAX, () => watchdog() !== first);
    process.kill(mount.pid, "SIGKILL");
    await eventually("which does its work", END_MS_MAX, isGone);
  });

  test("an unmount waits for what is open, and cuts it off after its deadline", async () => {
    const first = await kit.start({ unmountMs: 60_000 });
    const patient = spawn(
      "sh",
      ["-c", `exec 3> "$1/f"; read word; echo done >&3`, "sh", kit.path("a")],
      {
        stdio: ["pipe", "ignore", "ignore"],
      },
    );
    const ended = new Promise((resolve) => patient.on("close", resolve));
    await eventually("the file is there", END_MS_MAX, async () =>
      (await kit.shell('ls "$AT"')).includes("f"),
    );
    const stopped = first.stop();
    await expect(Promise.race([stopped, Promise.resolve("still")])).resolves.toBe("still");
    patient.stdin.end("go\n");
    await Promise.all([ended, stopped]);
    const second = await kit.start({ unmountMs: 500 });
    expect(await kit.shell('cat "$AT/f"')).toBe("done\n");
    const stubborn = startWriter(kit.path("a"));
    await eventually("files are written", END_MS_MAX, () => stubborn.lines.length > 1);
    await second.stop();
    await stubborn.ended;
    expect(isGone()).toBe(true);
  });

  test("a full volume says so at close and fsync, and neither an empty nor half a file is left", async () => {
    await kit.start({
      volume: { kind: "local", directory: kit.path("volume"), bytesMax: 100_000 },
    });
    const said = await kit.python(`
import errno
def attempt(run):
    try: run(); return "done"
    except OSError as error: return errno.errorcode[error.errno]
with open("old", "wb") as file: file.write(b"o" * 60_000)
new = os.open("new", os.O_CREAT | os.O_WRONLY)
os.write(new, b"n" * 50_000)
print(attempt(lambda: os.fsync(new)), attempt(lambda: os.close(new)), os.listdir("."))
over = os.open("old", os.O_WRONLY | os.O_TRUNC)
os.write(over, b"O" * 150_000)
print(attempt(lambda: os.close(over)), open("old", "rb").read() == b"o" * 60_000)
print(attempt(lambda: os.truncate("old", 500_000)), os.stat("old").st_size)
with open("fits", "wb") as file: file.write(b"f" * 40_000)
space = os.statvfs("."); print(sorted(os.listdir(".")), space.f_bavail, space.f_blocks * space.f_frsize <= 100_000)
`);
    expect(said).toBe("ENOSPC ENOSPC ['old']\nENOSPC True\nENOSPC 60000\n['fits', 'old'] 0 True\n");
  });

  test("a reader that waits for a server that stands still can be killed", async () => {
    const mount = await kit.start({ hangMs: 3_000, attributesMs: 0, entryMs: 0 });
    process.kill(mount.pid, "SIGSTOP");
    const reader = spawn("ls", ["-l", kit.path("a")], { stdio: "ignore" });
    const ended = new Promise((resolve) => reader.on("close", resolve));
    reader.kill("SIGKILL");
    await ended;
    expect(stateOf(process.pid)).not.toMatch(/^D/);
    await mount.ended;
  });

  test("a read-only mount refuses every change", async () => {
    await (await kit.start()).stop();
    await kit.start({ readOnly: true });
    const said = await kit.shell('touch "$AT/f" 2>&1 || true; mkdir "$AT/d" 2>&1 || true');
    expect(said.match(/Read-only file system/g)).toHaveLength(2);
  });

  test.skipIf(unshared !== undefined)(
    "without rights on the machine a mount is seen in its own namespaces only, and works there",
    async () => {
      const mount = await kit.start({}, "namespace");
      expect(isGone()).toBe(true);
      const said = await kit.shell(
        `nsenter -t ${mount.pid} -U --preserve-credentials -m sh -c 'echo in > "$AT/f"; cat "$AT/f"; ls "$AT"'; ls "$AT"`,
      );
      expect(said).toBe("in\nf\n");
      await mount.stop();
    },
  );
});
