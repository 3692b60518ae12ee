/** What a container is made with, and how that is said to an engine. */
import { readFileSync } from "node:fs";

/** A container to make. */
export interface ContainerSpec {
  readonly image: string;
  /** The image's own when undefined. */
  readonly command: readonly string[] | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly mounts: readonly ContainerMount[];
  /** Bytes, without swap. */
  readonly memoryBytes: number | undefined;
  readonly cpus: number | undefined;
  readonly pids: number | undefined;
  /** `none`: not even to this machine. */
  readonly network: "none" | "host";
  readonly directory?: string | undefined;
  /** Bytes of /tmp, which is in memory. */
  readonly tmpBytes: number;
}

/** A directory or file of the machine that the container sees. */
export interface ContainerMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** Processes and threads of a container that does not say, so that a fork bomb harms nobody else. */
export const PIDS_DEFAULT = 1024;

/** Open files of a process, if this machine allows so many. */
const OPEN_FILES = 4096;

/** Of all processes of one user of the machine; those of one container are bounded by its own number. */
const PROCESSES = 4096;

/** Time from the asking of a container to end until it is killed. */
const STOP_SECONDS = 1;

/**
 * The body of "create a container". Nothing here can be widened by who names an image: no privileges, no
 * capabilities, a root that is read only, the network only when asked for.
 */
export function createBody(spec: ContainerSpec): unknown {
  const { memoryBytes, cpus, pids = PIDS_DEFAULT, tmpBytes } = spec;
  return {
    Image: spec.image,
    ...(spec.command === undefined ? {} : { Cmd: spec.command }),
    ...(spec.entrypoint === undefined ? {} : { Entrypoint: spec.entrypoint }),
    ...(spec.directory === undefined ? {} : { WorkingDir: spec.directory }),
    Env: Object.entries(spec.environment).map(([name, value]) => `${name}=${value}`),
    Labels: spec.labels,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: false,
    Tty: false,
    StopTimeout: STOP_SECONDS,
    HostConfig: {
      Privileged: false,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      ReadonlyRootfs: true,
      Tmpfs: { "/tmp": `rw,nosuid,nodev,mode=1777,size=${tmpBytes}` },
      NetworkMode: spec.network,
      Binds: spec.mounts.map(
        ({ source, target, readOnly }) => `${source}:${target}:${readOnly ? "ro" : "rw"}`,
      ),
      ...(memoryBytes === undefined ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
      ...(cpus === undefined ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
      PidsLimit: pids,
      // Both at or under our own: an engine cannot raise what it was started with.
      Ulimits: [
        ulimit("nofile", "Max open files", OPEN_FILES),
        ulimit("nproc", "Max processes", PROCESSES),
      ],
      // Prints are read while they come; nothing of them is to fill the engine's disk.
      LogConfig: { Type: "none" },
      // Removed by us, after its end was looked at.
      AutoRemove: false,
      RestartPolicy: { Name: "no" },
    },
  };
}

function ulimit(name: string, line: string, wanted: number): unknown {
  const hard = Math.min(wanted, hardLimit(line));
  return { Name: name, Soft: hard, Hard: hard };
}

/** Of this process; what it has is what an engine beside it has as well. */
function hardLimit(line: string): number {
  try {
    const limits = readFileSync("/proc/self/limits", "latin1").split("\n");
    const found = limits.find((one) => one.startsWith(line)) ?? "";
    const [, , hard = ""] = found.split(/\s{2,}/);
    return /^\d+$/.test(hard) ? Number(hard) : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
