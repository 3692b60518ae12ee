/**
 * Killing a process with everything that it has started, even what left its process group. Control
 * groups do that for certain; without them there is what the table of processes tells.
 * Which way works is found out by trying it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import type { Timers } from "../std/clock.ts";
import { KeptFile } from "./kept-file.ts";
import { type FamilyRoot, familyOf, type ProcessEntry, ProcessTable } from "./process-table.ts";

/** Who makes sure that a whole tree dies. */
export type TreeEnforcer = "cgroup-v2" | "cgroup-v1" | "process-group";

/** How old the list of all processes may be where no control group has one, milliseconds: it costs some. */
const TABLE_AGE_MS = 1000;

/** Shared by all trees of a thread. */
const table = new ProcessTable();

/** Rounds of killing before giving up: each waits `ROUND_MS`; what survives is stuck in the kernel. */
const ROUNDS_MAX = 100;
const ROUND_MS = 10;

/** Names of groups are unique among all keepers of a process: each thread has a range of its own. */
let groupsMade = threadId * 1_000_000_000;

/** A process and its descendants. */
export interface ProcessTree {
  readonly enforcer: TreeEnforcer;
  /** Its living processes. Without control groups what was started in the last second may be missing. */
  processes(): readonly number[];
  /** Those that live besides the first one. Cheap where there are none. */
  others(): readonly number[];
  /** Kills all of them; resolves when none is left, or after a bounded number of rounds. */
  kill(): Promise<void>;
  /** Removes what this object keeps in the system. After `kill`, when the first process is reaped. */
  release(): Promise<void>;
}

/** A place where control groups can be made. */
interface Base {
  readonly enforcer: "cgroup-v2" | "cgroup-v1";
  readonly directory: string;
}

/** Makes process trees in the best way that this machine allows. */
export class TreeKeeper {
  readonly #base: Base | undefined;
  readonly #timers: Timers;

  constructor(base: Base | undefined, timers: Timers) {
    this.#base = base;
    this.#timers = timers;
  }

  /** Finds the best way by killing a process with each; clears groups of nodes that have died. */
  static async probe(options: {
    readonly timers: Timers;
    /** Ways that may be used, for tests; all by default. */
    readonly allowed?: readonly TreeEnforcer[];
  }): Promise<TreeKeeper> {
    const { timers } = options;
    for (const base of await findBases()) {
      if (options.allowed?.includes(base.enforcer) === false) continue;
      const keeper = new TreeKeeper(base, timers);
      if (await keeper.#works()) {
        await sweep(base, timers);
        return keeper;
      }
    }
    return new TreeKeeper(undefined, timers);
  }

  /** Who will kill the trees. */
  get enforcer(): TreeEnforcer {
    return this.#base?.enforcer ?? "process-group";
  }

  /** Takes over a process that leads its own process group and has not started others yet. */
  async adopt(root: FamilyRoot): Promise<ProcessTree> {
    const base = this.#base;
    if (base === undefined) return new MarkedTree(root, this.#timers);
    const directory = join(base.directory, `jobx-${process.pid}-${groupsMade++}`);
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, "cgroup.procs"), String(root.pid));
    return new GroupTree({ ...base, directory }, { pid: root.pid, timers: this.#timers });
  }

  async #works(): Promise<boolean> {
    const child = spawn("/bin/sleep", ["60"], { stdio: "ignore", detached: true });
    child.on("error", () => undefined);
    if (child.pid === undefined) return false;
    const exited = once(child, "exit");
    try {
      const tree = await this.adopt({ pid: child.pid, mark: "", directory: "" });
      await tree.kill();
      const ended = await Promise.race([
        exited.then(() => true),
        delay(this.#timers, ROUNDS_MAX * ROUND_MS).then(() => false),
      ]);
      if (ended) await tree.release();
      return ended;
    } catch {
      return false;
    } finally {
      child.kill("SIGKILL");
    }
  }
}

/** Resolves after `delayMs`. */
function delay(timers: Timers, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timers.after(delayMs, resolve);
  });
}

/** Where this process may have groups of its own: below the group that it is in, by mount. */
async function findBases(): Promise<readonly Base[]> {
  const mounts = await readFile("/proc/mounts", "utf8").catch(() => "");
  const own = await readFile("/proc/self/cgroup", "utf8").catch(() => "");
  const ownPath = (controller: string) =>
    own
      .split("\n")
      .map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
      .find((match) => match?.[1]?.split(",").includes(controller) === true)?.[2] ?? "/";
  const bases: Base[] = [];
  for (const line of mounts.split("\n")) {
    const [, directory = "", kind, options = ""] = line.split(" ");
    if (kind === "cgroup2") {
      bases.unshift({ enforcer: "cgroup-v2", directory: join(directory, ownPath("")) });
    }
    if (kind === "cgroup" && options.split(",").includes("freezer")) {
      bases.push({ enforcer: "cgroup-v1", directory: join(directory, ownPath("freezer")) });
    }
  }
  return bases;
}

/** Kills and removes what nodes that are no more have left behind. */
async function sweep(base: Base, timers: Timers): Promise<void> {
  for (const name of await readdir(base.directory).catch(() => [])) {
    const pid = Number(/^jobx-(\d+)-\d+$/.exec(name)?.[1] ?? 0);
    if (pid === 0 || pid === process.pid || isAlive(pid)) continue;
    const tree = new GroupTree(
      { ...base, directory: join(base.directory, name) },
      { pid: 0, timers },
    );
    await tree.kill();
    await tree.release();
  }
}

function isAlive(pid: number): boolean {
  return signal(pid, 0);
}

/** Sends a signal; false when there is nobody to take it. */
function signal(pid: number, number: number | "SIGKILL"): boolean {
  try {
    return process.kill(pid, number);
  } catch {
    return false;
  }
}

/** A tree in a control group of its own. */
class GroupTree implements ProcessTree {
  readonly enforcer: TreeEnforcer;
  readonly #directory: string;
  readonly #pid: number;
  readonly #timers: Timers;
  /** Opening it costs most of a look. The older groups keep a list for a second while it is open. */
  readonly #members: KeptFile | undefined;

  /** `pid` is that of its first process, 0 where that is not known. */
  constructor(base: Base, options: { readonly pid: number; readonly timers: Timers }) {
    this.enforcer = base.enforcer;
    this.#directory = base.directory;
    this.#pid = options.pid;
    this.#timers = options.timers;
    if (base.enforcer === "cgroup-v2") {
      this.#members = new KeptFile(join(base.directory, "cgroup.procs"));
    }
  }

  others(): readonly number[] {
    if (this.#members?.beginning() === `${this.#pid}\n`) return [];
    return this.processes().filter((pid) => pid !== this.#pid);
  }

  processes(): readonly number[] {
    try {
      const text = readFileSync(join(this.#directory, "cgroup.procs"), "utf8");
      return text.split("\n").filter(Boolean).map(Number);
    } catch {
      return [];
    }
  }

  async kill(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      if (this.processes().length === 0) return;
      await (this.enforcer === "cgroup-v2" ? this.#write("cgroup.kill", "1") : this.#killFrozen());
      if (this.processes().length === 0) return;
      await delay(this.#timers, ROUND_MS);
    }
  }

  async release(): Promise<void> {
    this.#members?.close();
    for (let round = 0; round < ROUNDS_MAX; round++) {
      try {
        await rmdir(this.#directory);
        return;
      } catch {
        // Busy while the kernel takes the last process apart; what stays is swept at the next start.
        await delay(this.#timers, ROUND_MS);
      }
    }
  }

  /** Nothing can fork while it is frozen, so that the list is complete. */
  async #killFrozen(): Promise<void> {
    await this.#write("freezer.state", "FROZEN");
    for (const pid of this.processes()) signal(pid, "SIGKILL");
    await this.#write("freezer.state", "THAWED");
  }

  async #write(file: string, text: string): Promise<void> {
    await writeFile(join(this.#directory, file), text).catch(() => undefined);
  }
}

function startsOf(entries: readonly ProcessEntry[]): ReadonlyMap<number, string> {
  return new Map(entries.map(({ pid, started }) => [pid, started]));
}

/** A tree that is known by what its processes have in common. */
class MarkedTree implements ProcessTree {
  readonly enforcer = "process-group";
  readonly #root: FamilyRoot;
  readonly #timers: Timers;
  /** Starts of all that ever belonged to it and may still live (P1). */
  #known: ReadonlyMap<number, string> = new Map();
  /** The newest process of the machine when there were no others (P2). */
  #aloneAt: number | undefined;

  /** Its first process has not started others yet. */
  constructor(root: FamilyRoot, timers: Timers) {
    this.#root = root;
    this.#timers = timers;
    this.#aloneAt = table.newest();
  }

  processes(): readonly number[] {
    return this.#family(TABLE_AGE_MS);
  }

  others(): readonly number[] {
    const { newcomers, newest } = table.newcomers(this.#aloneAt);
    const known = this.#known;
    const before = table.of([...known.keys()].filter((pid) => pid !== this.#root.pid));
    if (newcomers.length === 0 && before.length === 0) {
      this.#aloneAt = newest;
      return [];
    }
    const family = familyOf([...before, ...newcomers], { ...this.#root, known });
    const others = family.filter(({ pid }) => pid !== this.#root.pid);
    if (others.length === 0) this.#aloneAt = newest;
    this.#known = startsOf(others);
    return others.map(({ pid }) => pid);
  }

  async kill(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const family = this.#family(0);
      if (family.length === 0) return;
      // Parents may start others until they are dead, so all at once, and then again.
      for (const pid of family) signal(pid, "SIGKILL");
      await delay(this.#timers, ROUND_MS);
    }
  }

  release(): Promise<void> {
    return Promise.resolve();
  }

  #family(ageMsMax: number): readonly number[] {
    const entries = table.entries(performance.now(), ageMsMax);
    const family = familyOf(entries, { ...this.#root, known: this.#known });
    this.#known = startsOf(family);
    return family.map(({ pid }) => pid);
  }
}
