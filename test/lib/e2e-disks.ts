/**
 * A disk of its own for a node's data: an ext4 file system in a file, which can lose power, stand still,
 * and be full. Killing a process keeps what it wrote in the kernel's memory; only this forgets it.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./e2e-eventually.ts";

const DISK_BYTES = 192 * 2 ** 20;
const UNMOUNT_MS_MAX = 15_000;

/**
 * EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH: from then on nothing is written, not even what lies in
 * memory, as when the power fails. All disks within a moment.
 */
const CUT = `
  my $flags = pack("I", 2);
  for (@ARGV) {
    open(my $disk, "<", $_) or die "$_: $!";
    ioctl($disk, 0x8004587D, $flags) or die "$_: $!";
  }
`;

function run(file: string, ...args: readonly string[]): void {
  execFileSync(file, args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Why this machine lets nobody mount such disks; undefined when it does. */
export async function disksRefused(): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "jobx-disk-"));
  const disk = new TestDisk({ image: join(folder, "image"), at: join(folder, "mount") });
  try {
    mkdirSync(join(folder, "mount"));
    disk.mount();
    await disk.unmount();
    return undefined;
  } catch (error) {
    return `file systems in files cannot be mounted here: ${String(error)}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export class TestDisk {
  readonly at: string;
  readonly #image: string;
  #frozen = false;

  /** `image` is made anew; the folder `at` exists. */
  constructor({ image, at }: { readonly image: string; readonly at: string }) {
    this.#image = image;
    this.at = at;
    writeFileSync(image, "");
    truncateSync(image, DISK_BYTES);
    run("mkfs.ext4", "-q", "-F", image);
  }

  mount(): void {
    run("mount", "-o", "loop", this.#image, this.at);
    // It would count as something in the data directory that is not the node's.
    rmSync(join(this.at, "lost+found"), { recursive: true, force: true });
  }

  /** Waits for whoever still has something open there: processes that were killed end a moment later. */
  async unmount(): Promise<void> {
    this.thaw();
    await eventually(`${this.at} is unmounted`, UNMOUNT_MS_MAX, () => {
      try {
        run("umount", this.at);
        return true;
      } catch {
        return false;
      }
    });
  }

  /** What was written so far, to any file, is on its disk. */
  static syncAll(): void {
    run("sync");
  }

  /** Power fails for all of them at once: what was not synced is gone after `unmount` and `mount`. */
  static cutPower(disks: readonly TestDisk[]): void {
    run("perl", "-e", CUT, ...disks.map(({ at }) => at));
  }

  /** Writes stand still until `thaw`; reads go on. */
  freeze(): void {
    run("fsfreeze", "--freeze", this.at);
    this.#frozen = true;
  }

  thaw(): void {
    if (this.#frozen) run("fsfreeze", "--unfreeze", this.at);
    this.#frozen = false;
  }

  /** Leaves no room. */
  fill(): void {
    try {
      run("dd", "if=/dev/zero", `of=${join(this.at, FILLER)}`, "bs=64K", "conv=fsync");
    } catch {
      return;
    }
    throw new Error(`${this.at} took as much as was written`);
  }

  makeRoom(): void {
    rmSync(join(this.at, FILLER));
  }
}

const FILLER = "filler";
