import { closeSync, openSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import { MountError } from "../../mount/errors.ts";
import { deviceRefused } from "../../mount/kernel-mount.ts";
import { mayMount } from "../../mount/mount-rights.ts";
import { type MountScope, namespacesRefused, startMount } from "../../mount/start-mount.ts";
import { ownMountAt } from "../../mount/unmount.ts";
import { errorText } from "../../std/errors.ts";
import { type Command, type CommandRun, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import { type SharedPath, sharedPath } from "../shared-path.ts";

/** How long the kernel goes by names and attributes, while the cluster has changes of others wait for it; else it asks each time. */
const KNOWN_MS = 1_000;

/** A server that gives no sign of life for so long is ended. */
const HANG_MS = 30_000;

/** How long an unmount waits for what is open. */
const UNMOUNT_MS = 30_000;

/** `jobx fs mount WORKFLOW[:/path] DIR` */
export const FS_MOUNT: Command = {
  name: "fs mount",
  summary:
    "Show a workflow's volume, or a folder of it, as a directory. Ends with SIGINT or SIGTERM, when nothing is open there or after 30 s.",
  usage: "WORKFLOW[:/PATH] DIR",
  positionals: { min: 2, max: 2 },
  options: {
    "read-only": { kind: "flag", help: "Nothing can be changed through it." },
    background: { kind: "flag", help: "Return when it is mounted; jobx fs unmount ends it." },
    staging: {
      kind: "text",
      value: "DIR",
      help: "Local disk for what is being written; default the node's own, where that is on this machine and of this user, else the folder of temporary files.",
    },
    log: { kind: "text", value: "FILE", help: "Append the log of the mount to a file." },
  },
  examples: [
    "jobx fs mount text ./text",
    "jobx fs mount text:/in /mnt/in --read-only --background",
    "JOBX_API=http://a:7070,http://b:7070 jobx fs mount text /mnt/text",
  ],
  async run(run) {
    const shared = positional(run, 0);
    const at = sharedPath(shared.includes(":") ? shared : `${shared}:`, "fs mount");
    const directory = resolve(positional(run, 1));
    await checkDirectory(directory);
    const scope = await scopeHere();
    const root = await folderInode(run, at);
    const { urls, token } = await run.addresses();
    const isBackground = run.flag("background");
    const logFd = logOf(run);
    const started = await startMount(
      {
        directories: [directory],
        volume: { kind: "remote", urls, workflow: at.workflow, root },
        stagingDirectory: stagingOf(run.text("staging")),
        readOnly: run.flag("read-only"),
        ...{ entryMs: KNOWN_MS, attributesMs: KNOWN_MS, hangMs: HANG_MS, unmountMs: UNMOUNT_MS },
        endsWithStarter: false,
      },
      { scope, token, logFd },
    );
    if (logFd !== undefined) closeSync(logFd);
    const { pid } = started;
    const text = `${at.workflow}:${printable(at.path)} is mounted at ${printable(directory)}\n`;
    const said = { ...at, directory, pid, scope };
    run.io.out(run.json ? toJson(said) : text + hintOf(scope, pid));
    if (isBackground) {
      started.release();
      return EXIT.ok;
    }
    void run.io.interrupted().then(() => started.stop());
    return (await started.ended) === 0 ? EXIT.ok : EXIT.failed;
  },
};

function stagingOf(said: string | undefined): string | undefined {
  return said === undefined ? undefined : resolve(said);
}

/** @throws {JobxError} `MOUNT_UNAVAILABLE`; `CLI_FILE_UNREADABLE` for what is no empty directory. */
async function checkDirectory(directory: string): Promise<void> {
  const reason = process.platform === "linux" ? deviceRefused() : "only Linux has /dev/fuse";
  if (reason !== undefined) throw new MountError({ code: "MOUNT_UNAVAILABLE", reason }, reason);
  // One that nobody serves any more cannot be looked at, and is replaced; one that answers is refused.
  if ((await ownMountAt(directory)) !== undefined) return;
  let names: readonly string[];
  try {
    names = await readdir(directory);
  } catch (cause) {
    throw unusable(directory, errorText(cause), cause);
  }
  if (names.length > 0) throw unusable(directory, "it is not empty");
}

/** @throws {MountError} `MOUNT_UNAVAILABLE` where this user may mount nowhere at all. */
async function scopeHere(): Promise<MountScope> {
  if (mayMount()) return "machine";
  const refused = await namespacesRefused();
  if (refused === undefined) return "namespace";
  const reason = `this user may not mount, nor make namespaces to mount in: ${refused}`;
  throw new MountError({ code: "MOUNT_UNAVAILABLE", reason }, reason);
}

/** What somebody does with a mount that is not seen by everybody. */
function hintOf(scope: MountScope, pid: number): string {
  if (scope === "machine") return "";
  const enter = `nsenter -t ${pid} -U -m --preserve-credentials COMMAND`;
  return `You may not mount for the machine, so it is in namespaces of its own. To run a program there: ${enter}; to end it: kill ${pid}\n`;
}

function unusable(path: string, why: string, cause?: unknown): Error {
  const message = `cannot mount at ${path}: ${why}`;
  return cliError({ code: "CLI_FILE_UNREADABLE", path }, message, { cause });
}

async function folderInode(run: CommandRun, at: SharedPath): Promise<number> {
  const { files } = await run.connect();
  const { type, inode } = await files.stat({ ...at, follow: true });
  if (type === "directory") return inode;
  const message = `${at.workflow}:${at.path} is not a folder`;
  throw cliError({ code: "CLI_USAGE", command: "fs mount" }, message);
}

/** Where the log goes; in the background without a file nobody reads it. */
function logOf(run: CommandRun): number | undefined {
  const path = run.text("log") ?? (run.flag("background") ? "/dev/null" : undefined);
  if (path === undefined) return undefined;
  try {
    return openSync(path, "a", 0o600);
  } catch (cause) {
    const message = `cannot write ${path}: ${errorText(cause)}`;
    throw cliError({ code: "CLI_FILE_UNWRITABLE", path }, message, { cause });
  }
}
