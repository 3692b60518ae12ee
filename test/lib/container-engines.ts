/**
 * Real container engines and a real registry, each in a directory of its own: Debian's docker.io, podman with
 * runc, and docker-registry. What is not installed is told, and its tests are skipped.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A program that runs until it is told otherwise. */
export interface StartedProgram {
  readonly child: ChildProcess;
  readonly stop: () => Promise<void>;
}

/** A running engine. */
export interface TestEngine {
  readonly kind: "docker" | "podman";
  readonly socket: string;
  readonly pid: number;
  /** Ends it and starts it anew on the same data. */
  readonly restart: () => Promise<void>;
  /** Ends the engine alone: what it holds stays. */
  readonly halt: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const SBIN = "/usr/local/sbin:/usr/sbin:/sbin";
const READY_MS = 20_000;

/** Why an engine cannot be started here; undefined when it can. */
export function whyNoEngine(kind: TestEngine["kind"]): string | undefined {
  const needed =
    kind === "docker" ? ["dockerd", "containerd", "runc"] : ["podman", "runc", "conmon"];
  const missing = needed.filter((name) => programPath(name) === undefined);
  if (missing.length > 0) return `not installed: ${missing.join(", ")}`;
  if (process.getuid?.() !== 0) return "only root can start it";
  return existsSync("/bin/busybox") ? undefined : "not installed: busybox-static";
}

function programPath(name: string): string | undefined {
  const folders = `${process.env["PATH"] ?? ""}:${SBIN}`.split(":");
  return folders.map((folder) => join(folder, name)).find((path) => isProgram(path));
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Starts an engine; `registry` is a HOST:PORT that it may speak to without TLS. */
export async function startEngine(
  kind: TestEngine["kind"],
  options: { readonly registry?: string } = {},
): Promise<TestEngine> {
  const directory = await mkdtemp(join(tmpdir(), `jobx-${kind}.`));
  const socket = join(directory, "engine.sock");
  const make = kind === "docker" ? dockerCommand : podmanCommand;
  const command = await make(directory, socket, options.registry);
  let program = await launch(command, socket);
  const restart = async (): Promise<void> => {
    await program.stop();
    program = await launch(command, socket);
  };
  return {
    kind,
    socket,
    get pid() {
      return program.child.pid ?? 0;
    },
    restart,
    halt: () => program.stop(),
    stop: async () => {
      await program.stop();
      unmountBelow(directory);
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

interface EngineCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly directory: string;
}

/** Without bridge and packet filter: containers have no network, or that of the machine. */
async function dockerCommand(
  directory: string,
  socket: string,
  registry: string | undefined,
): Promise<EngineCommand> {
  await writeFile(join(directory, "daemon.json"), "{}");
  const args = [
    ...["--config-file", join(directory, "daemon.json"), "--data-root", join(directory, "data")],
    ...["--exec-root", join(directory, "exec"), "--pidfile", join(directory, "pid")],
    ...["-H", `unix://${socket}`, "--bridge=none", "--iptables=false", "--ip6tables=false"],
    ...["--ip-masq=false", "--default-ulimit", "nofile=1024:4096", "--log-level", "warn"],
    ...(registry === undefined ? [] : ["--insecure-registry", registry]),
  ];
  return { file: programPath("dockerd") ?? "", args, env: environment(directory), directory };
}

async function podmanCommand(
  directory: string,
  socket: string,
  registry: string | undefined,
): Promise<EngineCommand> {
  const settings = {
    "containers.conf": [
      "[engine]",
      'runtime = "runc"',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "file"',
      `tmp_dir = "${join(directory, "tmp")}"`,
      "[containers]",
      'default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]',
    ],
    "storage.conf": [
      "[storage]",
      'driver = "overlay"',
      `graphroot = "${join(directory, "data")}"`,
      `runroot = "${join(directory, "run")}"`,
    ],
    "registries.conf": [
      'unqualified-search-registries = ["docker.io"]',
      ...(registry === undefined
        ? []
        : ["[[registry]]", `location = "${registry}"`, "insecure = true"]),
    ],
    "policy.json": ['{"default": [{"type": "insecureAcceptAnything"}]}'],
  };
  for (const [name, lines] of Object.entries(settings)) {
    await writeFile(join(directory, name), `${lines.join("\n")}\n`);
  }
  await mkdir(join(directory, ".config", "containers"), { recursive: true });
  await cp(join(directory, "policy.json"), join(directory, ".config", "containers", "policy.json"));
  const env = {
    ...environment(directory),
    CONTAINERS_CONF: join(directory, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(directory, "storage.conf"),
    CONTAINERS_REGISTRIES_CONF: join(directory, "registries.conf"),
  };
  const args = ["system", "service", "--time=0", `unix://${socket}`];
  return { file: programPath("podman") ?? "", args, env, directory };
}

function environment(directory: string): NodeJS.ProcessEnv {
  const PATH = `${process.env["PATH"] ?? ""}:${SBIN}`;
  return { PATH, HOME: directory, TMPDIR: directory };
}

async function launch(command: EngineCommand, socket: string): Promise<StartedProgram> {
  await rm(socket, { force: true });
  const program = startProgram(command.file, command.args, command.env);
  await waitForPort({ path: socket }, program);
  return program;
}

/** Starts a program whose last words are told when it ends before it was asked to. */
function startProgram(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): StartedProgram & { readonly words: () => string } {
  const child = spawn(file, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let words = "";
  const hear = (chunk: Buffer): void => {
    words = `${words}${chunk.toString("utf8")}`.slice(-4000);
  };
  child.stdout.on("data", hear);
  child.stderr.on("data", hear);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", (error) => {
      words += String(error);
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGCONT");
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
  };
  return { child, stop, words: () => words };
}

async function waitForPort(
  to: { readonly path: string } | { readonly port: number; readonly host: string },
  program: StartedProgram & { readonly words?: () => string },
): Promise<void> {
  const untilMs = Date.now() + READY_MS;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(to);
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (open) return;
    if (program.child.exitCode !== null || Date.now() > untilMs) {
      await program.stop();
      throw new Error(`${program.child.spawnfile} does not start: ${program.words?.() ?? ""}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What an engine that was killed has left mounted. */
function unmountBelow(directory: string): void {
  const mounts = execFileSync("cat", ["/proc/self/mounts"], { encoding: "utf8" });
  const below = mounts
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of below.toReversed()) execFileSync("umount", ["-l", path]);
}

/** A registry on this machine. `password` is for the user `jobx`; without it everybody may do everything. */
export async function startRegistry(): Promise<{
  readonly address: string;
  readonly stop: () => Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), "jobx-registry."));
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const settings = [
    "version: 0.1",
    "log: {level: warn}",
    `storage: {filesystem: {rootdirectory: ${join(directory, "data")}}}`,
    `http: {addr: "${address}"}`,
  ];
  await writeFile(join(directory, "registry.yml"), `${settings.join("\n")}\n`);
  const file = programPath("docker-registry") ?? "";
  const args = ["serve", join(directory, "registry.yml")];
  const program = startProgram(file, args, environment(directory));
  await waitForPort({ port, host: "127.0.0.1" }, program);
  const stop = async (): Promise<void> => {
    await program.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return { address, stop };
}

/** Why no registry can be started here; undefined when one can. */
export function whyNoRegistry(): string | undefined {
  return programPath("docker-registry") === undefined
    ? "not installed: docker-registry"
    : undefined;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Programs of busybox that tests call by their names. */
const APPLETS = [
  "sh",
  "cat",
  "echo",
  "env",
  "sleep",
  "id",
  "ls",
  "seq",
  "touch",
  "mount",
  "dd",
  "nc",
];

/** The files of an image as a tar: busybox-static and nothing else. */
export async function busyboxRoot(): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), "jobx-busybox."));
  try {
    await mkdir(join(directory, "bin"));
    for (const folder of ["tmp", "etc", "jobx"]) await mkdir(join(directory, folder));
    await writeFile(join(directory, "etc", "passwd"), "root:x:0:0:root:/:/bin/sh\n");
    await writeFile(join(directory, "bin", "busybox"), await readFile("/bin/busybox"), {
      mode: 0o755,
    });
    for (const name of APPLETS) await symlink("busybox", join(directory, "bin", name));
    return execFileSync("tar", ["-C", directory, "-c", "."], { maxBuffer: 64 << 20 });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
