/**
 * `sandbox: strict`, by bubblewrap: everything is read-only but the worker's own directory and a /tmp that
 * goes with it; there are no other processes; there is no network unless the handler asks for it; what the
 * node keeps and what other programs listen at is not there.
 *
 * X1: what is hidden is covered by an empty folder, so that what a worker needs below it is laid on top.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Debian's package bubblewrap. */
const BWRAP = "/usr/bin/bwrap";

/** Where other programs listen, where people keep what is theirs, and what is nobody's for long. */
const HIDDEN = ["/tmp", "/run", "/var/tmp", "/root", "/home"] as const;

/** Longest time of the try, milliseconds. */
const TRY_MS_MAX = 10_000;

/** What a worker is shut into. */
export interface SandboxWish {
  /** Its own directory: all that it may write to. */
  readonly directory: string;
  /** What it may read besides, wherever that is. */
  readonly readable: readonly string[];
  /** Of the node: keys, logs and data of all workflows. */
  readonly hidden: readonly string[];
  /** Whether it reaches the network, as its node does. */
  readonly network: boolean;
}

/** What stands before a worker's command. */
export function sandboxWords({
  directory,
  readable,
  hidden,
  network,
}: SandboxWish): readonly string[] {
  const tmpfs = (paths: readonly string[]): readonly string[] =>
    paths.filter((path) => existsSync(path)).flatMap((path) => ["--tmpfs", path]);
  const programs = [dirname(process.execPath), ...programPaths()];
  const readOnly = (paths: readonly string[], covering: readonly string[]): readonly string[] =>
    paths
      .filter((path) => covering.some((one) => path.startsWith(`${one}/`)))
      .flatMap((path) => ["--ro-bind", path, path]);
  return [
    BWRAP,
    ...["--unshare-all", "--die-with-parent", "--cap-drop", "ALL"],
    ...(network ? ["--share-net"] : []),
    ...["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"],
    ...tmpfs(HIDDEN),
    ...readOnly(programs, HIDDEN),
    // What the node keeps may be below its programs, and what a handler is made of below that.
    ...tmpfs(hidden),
    ...readOnly(programs, hidden),
    ...readOnly(readable, [...HIDDEN, ...hidden]),
    ...["--bind", directory, directory, "--chdir", directory, "--"],
  ];
}

/**
 * What workers are made of: the sources, or of a built package the workers and what they may load. Not the
 * whole package: people keep a node's data below it.
 */
function programPaths(): readonly string[] {
  const workers = fileURLToPath(new URL("workers", import.meta.url));
  if (!existsSync(workers)) return [dirname(fileURLToPath(new URL("..", import.meta.url)))];
  const root = dirname(dirname(dirname(workers)));
  const loaded = ["package.json", "node_modules"].map((name) => join(root, name));
  return [workers, ...loaded.filter((path) => existsSync(path))];
}

/** Why a sandbox does not work here; undefined where it does. Found by trying to get out of one. */
export async function probeSandbox(): Promise<string | undefined> {
  if (!existsSync(BWRAP)) return `there is no ${BWRAP} (Debian's package bubblewrap)`;
  const folder = await mkdtemp(join(tmpdir(), "jobx-sandbox-")).catch(() => undefined);
  if (folder === undefined) return "there is no place for temporary files";
  try {
    const directory = await realpath(folder);
    return await tryToGetOut(directory);
  } finally {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** Each line is printed for what a sandbox must allow or forbid. */
const ATTEMPTS = [
  "touch inside && echo writes",
  "touch /usr/jobx-probe 2>/dev/null || echo read-only",
  // Two lines of heading, and the loopback interface.
  'test "$(wc -l </proc/net/dev)" -le 3 && echo no-network',
  // Those of the sandbox and of the test.
  'test "$(ls /proc | grep -c "^[0-9]")" -le 5 && echo no-others',
  "grep -q '^NoNewPrivs:.*1$' /proc/self/status && echo no-new-privileges",
  "grep -q '^CapEff:[[:space:]]*0*$' /proc/self/status && echo no-capabilities",
];
const EXPECTED = [
  ...["writes", "read-only", "no-network", "no-others"],
  ...["no-new-privileges", "no-capabilities"],
];

function tryToGetOut(directory: string): Promise<string | undefined> {
  const [program = "", ...words] = sandboxWords({
    directory,
    readable: [],
    hidden: [],
    network: false,
  });
  const script = ["/bin/sh", "-c", ATTEMPTS.join("; ")];
  return new Promise((resolve) => {
    const options = {
      timeout: TRY_MS_MAX,
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin" },
    } as const;
    execFile(program, [...words, ...script], options, (error, stdout, stderr) => {
      const lines = stdout.split("\n");
      const missing = EXPECTED.filter((one) => !lines.includes(one));
      if (missing.length === 0) return resolve(undefined);
      const why = stderr.trim() || (error instanceof Error ? error.message : "");
      resolve(`bubblewrap does not do it here (${missing.join(", ")}): ${why.slice(0, 200)}`);
    });
  });
}
