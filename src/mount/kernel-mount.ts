/** Mounting and unmounting through mount(8) and umount(8), and cutting connections through fusectl. */
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { errorText } from "../std/errors.ts";
import { type CommandEnd, endText, runCommand } from "./command.ts";
import { MountError } from "./errors.ts";
import { mountedAt } from "./mount-info.ts";

const DEVICE = "/dev/fuse";
const CONTROL = "/sys/fs/fuse/connections";

/** What our mounts are called in the table of mounts. */
export const SOURCE = "jobx";

/** Long enough for a busy machine; what takes longer hangs. */
const COMMAND_MS = 15_000;

/** The device, open; its descriptor is closed by whoever called. @throws {MountError} `MOUNT_UNAVAILABLE` */
export function openDevice(): number {
  try {
    return openSync(DEVICE, constants.O_RDWR);
  } catch (cause) {
    const reason = `${DEVICE} cannot be opened: ${errorText(cause)}`;
    throw new MountError({ code: "MOUNT_UNAVAILABLE", reason }, reason, { cause });
  }
}

/** Why nothing can be mounted here; undefined when the device can be opened. */
export function deviceRefused(): string | undefined {
  try {
    closeSync(openDevice());
    return undefined;
  } catch (error) {
    return errorText(error);
  }
}

export interface MountRequest {
  readonly fd: number;
  readonly directory: string;
  readonly readOnly: boolean;
}

/**
 * Mounts the connection behind `fd`; requests are to be served meanwhile.
 * @throws {MountError} `MOUNT_REFUSED` with what mount(8) says
 */
export async function mountDevice({ fd, directory, readOnly }: MountRequest): Promise<void> {
  const options = [
    "fd=3",
    "rootmode=40000",
    `user_id=${process.getuid?.() ?? 0}`,
    `group_id=${process.getgid?.() ?? 0}`,
    "allow_other",
    "default_permissions",
    "nosuid",
    "nodev",
    readOnly ? "ro" : "rw",
  ].join(",");
  // With -i no helper of libfuse takes over, where there is one.
  const args = ["-i", "-t", "fuse", "-o", options, SOURCE, directory];
  const end = await runCommand("mount", args, { deadlineMs: COMMAND_MS, fd });
  if (end.kind === "ended" && end.status === 0) return;
  const reason = endText(end);
  throw new MountError({ code: "MOUNT_REFUSED", reason }, `mount(8): ${reason}`);
}

/** Unmounts what is idle: false when something is open there. */
export async function unmountIdle(directory: string): Promise<boolean> {
  if (mountedAt(directory) === undefined) return true;
  await runCommand("umount", ["-i", directory], { deadlineMs: COMMAND_MS });
  return mountedAt(directory) === undefined;
}

/** Takes the mount out of the tree, whoever uses it; they keep what they have. */
export async function unmountLazily(directory: string): Promise<CommandEnd> {
  // Without -c umount(8) looks at the directory first, and hangs with it.
  const args = ["-l", "-i", "-c", directory];
  return runCommand("umount", args, { deadlineMs: COMMAND_MS });
}

/** Writes to the connection's `abort`. In a mount namespace of its own, fusectl may be mounted for it. */
const ABORT = `[ -e "$1/$2" ] || mount -t fusectl fusectl "$1"; echo 1 > "$1/$2/abort"`;

/**
 * Has the kernel answer everything on one connection with an error, now and from now on. False where
 * fusectl cannot be used, as in a user namespace: there the end of the server does the same.
 */
export async function abortConnection(minor: number): Promise<boolean> {
  if (!existsSync(CONTROL)) return false;
  const shell = ["sh", "-c", ABORT, "sh", CONTROL, String(minor)];
  const direct = existsSync(`${CONTROL}/${minor}`);
  const [file, ...args] = direct ? shell : ["unshare", "--mount", ...shell];
  const end = await runCommand(file ?? "sh", args, { deadlineMs: COMMAND_MS });
  return end.kind === "ended" && end.status === 0;
}
