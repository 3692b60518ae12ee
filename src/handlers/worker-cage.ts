/**
 * What a worker's process is put into before it runs anything: control groups, limits that its descendants
 * inherit, fewer rights, a sandbox. It goes there by itself, one program becoming the next, so that the node
 * knows its number all the while and nothing of it was ever outside.
 */
import type { Timers } from "../std/clock.ts";
import type { EnforcedLimit, WorkerExit } from "../wire/dataset.ts";
import { HandlersError } from "./errors.ts";
import { signalOfStatus } from "./limits/exit-status.ts";
import { GroupLimiter } from "./limits/group-limiter.ts";
import { privilegeWords } from "./limits/privileges.ts";
import { type Machine, reportOf } from "./limits/report.ts";
import { fileSizeWords } from "./limits/rlimits.ts";
import { sandboxWords } from "./limits/sandbox.ts";
import type { FamilyRoot } from "./process-table.ts";
import type { PreparedTree, ProcessTree, TreeKeeper } from "./process-tree.ts";
import type { WorkerNeed } from "./worker-key.ts";
import type { WorkerCommand } from "./worker-languages.ts";

/** Processes and threads of a worker whose handlers do not say: more than programs need, fewer than a machine has. */
export const WORKER_PIDS_DEFAULT = 1024;

/** It becomes the program that it starts. */
const ENV = "/usr/bin/env";

/**
 * Joins the groups whose files it is given, after how many, and becomes the command after them. A shell
 * tells where it is in the environment, which is not the node's to say.
 */
const JOIN =
  'n=$1; shift; while [ "$n" -gt 0 ]; do echo 0 > "$1" || exit 97; shift; n=$((n - 1)); done; unset PWD OLDPWD; exec "$@"';

/** Where workers are caged. */
export interface CageGround {
  readonly trees: TreeKeeper;
  readonly machine: Machine;
  readonly timers: Timers;
  /** Directories of the node that a sandbox hides. */
  readonly hidden: readonly string[];
}

/** The cage of one worker. */
export class WorkerCage {
  /** Counts what the kernel refuses its processes, and kills. */
  readonly groups: GroupLimiter;
  /** Processes and threads that are allowed. */
  readonly pids: number;
  readonly #need: WorkerNeed;
  readonly #ground: CageGround;
  readonly #prepared: PreparedTree;
  #tree: ProcessTree | undefined;

  constructor(
    need: WorkerNeed,
    ground: CageGround,
    parts: { readonly groups: GroupLimiter; readonly prepared: PreparedTree },
  ) {
    this.groups = parts.groups;
    this.pids = need.runtime?.pids ?? WORKER_PIDS_DEFAULT;
    this.#need = need;
    this.#ground = ground;
    this.#prepared = parts.prepared;
  }

  /**
   * Makes the groups. `memoryBytes` can be changed later, the rest belongs to the worker.
   * @throws {JobxError} `HANDLER_SANDBOX_UNAVAILABLE` when a sandbox is asked for and there is none,
   * `HANDLER_LIMIT_UNAVAILABLE` when a limit must be enforced by the kernel and is not.
   */
  static async make(
    need: WorkerNeed,
    memoryBytes: number | undefined,
    ground: CageGround,
  ): Promise<WorkerCage> {
    checkMachine(need, ground.machine);
    const name = ground.trees.names.next();
    const prepared = await ground.trees.prepare(name);
    const groups = new GroupLimiter(ground.machine.bases, name, ground.timers);
    const cage = new WorkerCage(need, ground, { groups, prepared });
    try {
      const { cpuMillis } = need.runtime ?? {};
      await groups.make({ memoryBytes, cpuMillis, pids: cage.pids });
      return cage;
    } catch (error) {
      await cage.release();
      throw error;
    }
  }

  /** Its first process, which has joined. */
  take(root: FamilyRoot): ProcessTree {
    this.#tree = this.#prepared.take(root);
    return this.#tree;
  }

  /** The command that puts itself into the cage and becomes the worker. */
  async command(
    worker: WorkerCommand,
    { directory, readable }: { readonly directory: string; readonly readable: readonly string[] },
  ): Promise<WorkerCommand> {
    const { machine, hidden } = this.#ground;
    const { runtime, language } = this.#need;
    // Those of containers run nothing but our own code, which reads and lays down files of any owner.
    const keeps = language === "container" && machine.privileges === "dropped";
    const privileges = keeps ? "no-new" : machine.privileges;
    const joins = [...new Set([...this.#prepared.joins, ...this.groups.joins])];
    const network = runtime?.network === "host";
    const disk = this.diskBytes;
    const words = [
      ...(joins.length === 0 ? [] : ["/bin/sh", "-c", JOIN, "sh", `${joins.length}`, ...joins]),
      ...(await privilegeWords(privileges, this.isSandboxed)),
      ...(disk === undefined ? [] : fileSizeWords(disk)),
      ...(this.isSandboxed ? sandboxWords({ directory, readable, hidden, network }) : []),
      ...environmentWords(runtime?.environment),
      ...[worker.file, ...worker.args],
    ];
    const [file = "", ...args] = words;
    return { file, args };
  }

  /** Largest file that it may write, bytes; undefined where nobody limits it. */
  get diskBytes(): number | undefined {
    return this.#ground.machine.limitsFiles ? this.#need.runtime?.diskBytes : undefined;
  }

  get isSandboxed(): boolean {
    return this.#need.runtime?.sandbox === "strict";
  }

  /** How the worker itself ended: the program that made its sandbox tells a signal as a code. */
  exitOf(exit: WorkerExit | undefined): WorkerExit | undefined {
    if (!this.isSandboxed || exit?.kind !== "code") return exit;
    const signal = signalOfStatus(exit.code);
    return signal === undefined ? exit : { kind: "signal", signal };
  }

  /** What its handlers are held to, and by whom: of what they say, and of memory, which a node may say for them. */
  enforced(memoryBytes: number | undefined): readonly EnforcedLimit[] {
    const report = reportOf(this.#ground.machine);
    const { cpuMillis, pids, diskBytes } = this.#need.runtime ?? {};
    const memory = this.groups.memoryBytes === memoryBytes ? report.memory : "looking";
    return [
      ...(memoryBytes === undefined ? [] : [{ kind: "memory", by: memory } as const]),
      ...(cpuMillis === undefined ? [] : [{ kind: "cpu", by: report.cpu } as const]),
      ...(pids === undefined ? [] : [{ kind: "pids", by: report.pids } as const]),
      ...(diskBytes === undefined ? [] : [{ kind: "disk", by: report.disk } as const]),
    ];
  }

  /** Whether more processes were found than there may be, where the kernel does not count them. */
  isCrowded(processes: readonly number[]): boolean {
    return !this.groups.countsProcesses && processes.length > this.pids;
  }

  /** Removes the groups, when all processes are dead. */
  async release(): Promise<void> {
    await Promise.all([
      this.#tree === undefined ? this.#prepared.release() : this.#tree.release(),
      this.groups.release(),
    ]);
  }
}

/**
 * What the handler asks for acts in the cage only: the loader of a program that makes the cage would heed it too,
 * with all the rights of the node.
 */
function environmentWords(environment: Readonly<Record<string, string>> = {}): readonly string[] {
  const given = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  return given.length === 0 ? [] : [ENV, ...given];
}

/** A scheduler does not send such work here, unless it was granted before this node had less. */
function checkMachine({ runtime }: WorkerNeed, machine: Machine): void {
  if (runtime?.sandbox === "strict" && machine.sandboxLacks !== undefined) {
    const message = `the handler wants sandbox: strict, and ${machine.sandboxLacks}`;
    throw new HandlersError({ code: "HANDLER_SANDBOX_UNAVAILABLE" }, message);
  }
  if (runtime?.isEnforced !== true) return;
  const report = reportOf(machine);
  const lacking = (["memory", "cpu", "pids", "disk"] as const).filter((kind) =>
    ["looking", "none"].includes(report[kind]),
  );
  if (lacking.length === 0) return;
  const message = `the handler wants its limits enforced, and here nobody does that for ${lacking.join(", ")}`;
  throw new HandlersError({ code: "HANDLER_LIMIT_UNAVAILABLE" }, message);
}
