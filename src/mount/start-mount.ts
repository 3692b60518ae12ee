/** Starts a mount in a process of its own, so that who starts it may use the mount without harm. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { runCommand } from "./command.ts";
import { MountError } from "./errors.ts";
import { workerFile } from "./worker-file.ts";
import { parseWorkerWord, TOKEN_VARIABLE, type WorkerOptions } from "./worker-options.ts";

/** Reads wait in threads of libuv's pool, and files on the local disk need some beside them. */
const POOL_THREADS = 12;

/** Long enough for a busy machine to start a process and to mount. */
const START_MS = 60_000;

const PROBE_MS = 10_000;

/**
 * What lives in a server is bounded, some 100 MB at most; this bounds the garbage beside it. By itself V8 takes 128 MiB
 * for what is new, lets the rest grow to several times what lives, and never gives back what it has had.
 */
const MEMORY = ["--max-semi-space-size=8", "--heap-growing-percent=50"];

/** Namespaces of its own: only processes in them see the mount. */
const UNSHARE = ["unshare", "-U", "-r", "-m", "--propagation", "private"];

/** Where the mount is seen: by everybody, or only by processes in the namespaces of its server. */
export type MountScope = "machine" | "namespace";

export interface StartedMount {
  /** The server's process id; in the scope "namespace" it is in the namespaces that others may enter. */
  readonly pid: number;
  readonly minors: readonly number[];
  /** Fulfilled with the exit status, or with the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** This process may end before the server. */
  release(): void;
  /** Asks it to unmount: when nothing is open any more, or after its deadline. */
  stop(): Promise<void>;
}

/** How a server is started. */
export interface StartOptions {
  readonly scope: MountScope;
  /** For the volume's nodes; the server finds it in its environment. */
  readonly token?: string | undefined;
  /** Descriptor of a file for its log; default this process's error output. */
  readonly logFd?: number | undefined;
}

/**
 * Starts a server and waits until it serves.
 * @throws {MountError} with the code that the server says, `MOUNT_SERVER_ENDED` when it says nothing
 */
export async function startMount(
  options: WorkerOptions,
  { scope, token, logFd }: StartOptions = { scope: "machine" },
): Promise<StartedMount> {
  const argv = [
    ...(scope === "namespace" ? UNSHARE : []),
    process.execPath,
    ...MEMORY,
    workerFile("mount-worker"),
  ];
  const [file = process.execPath, ...args] = [...argv, JSON.stringify(options)];
  const child = spawn(file, args, {
    stdio: [options.endsWithStarter ? "pipe" : "ignore", "pipe", logFd ?? "inherit"],
    // In a group of its own: an interrupt from the terminal must not end it before its clients.
    detached: true,
    env: {
      ...process.env,
      UV_THREADPOOL_SIZE: String(POOL_THREADS),
      [TOKEN_VARIABLE]: token,
    },
  });
  child.stdin?.on("error", () => undefined);
  const ended = new Promise<number | string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (status, signal) => resolve(status ?? signal ?? "gone"));
  });
  const minors = await served(child, ended);
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await ended;
  };
  const release = (): void => {
    child.stdout?.destroy();
    child.unref();
  };
  return { pid: child.pid ?? 0, minors, ended, release, stop };
}

async function served(
  child: ChildProcess,
  ended: Promise<number | string>,
): Promise<readonly number[]> {
  const late = AbortSignal.timeout(START_MS);
  const word = child.stdout === null ? undefined : await firstWord(child.stdout, late);
  if (word?.kind === "serving") return word.minors;
  if (late.aborted) child.kill("SIGKILL");
  const reason =
    word?.kind === "failed"
      ? `${word.code}: ${word.message}`
      : `it ended with ${String(await ended)}`;
  throw new MountError({ code: "MOUNT_SERVER_ENDED", reason }, `the mount's process: ${reason}`);
}

function firstWord(
  stdout: NonNullable<ChildProcess["stdout"]>,
  signal: AbortSignal,
): Promise<ReturnType<typeof parseWorkerWord>> {
  const lines = createInterface({ input: stdout });
  return new Promise((resolve) => {
    lines.once("line", (line) => resolve(parseWorkerWord(line)));
    lines.once("close", () => resolve(undefined));
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** Whether this user may mount inside namespaces of its own, and why not. */
export async function namespacesRefused(): Promise<string | undefined> {
  const [file = "unshare", ...args] = [...UNSHARE, "sh", "-c", "exec 3<>/dev/fuse"];
  const end = await runCommand(file, args, { deadlineMs: PROBE_MS });
  if (end.kind === "ended" && end.status === 0) return undefined;
  return end.said === "" ? "namespaces cannot be made" : end.said;
}
