/**
 * Killing a process with everything that it has started, even what left its process group. Control
 * groups do that for certain; without them there is what the table of processes tells.
 * Which way works is found out by trying it.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Timers } from "../std/clock.ts";
import { KeptFile } from "./kept-file.ts";
import { findHierarchies } from "./limits/group-bases.ts";
import { GroupNames, groupsOf, makeGroup, removeGroup } from "./limits/group-directory.ts";
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

/** A process and its descendants. */
export interface ProcessTree {
  readonly enforcer: TreeEnforcer;
  /** Its living processes. Without control groups what was started in the last second may be missing. */
  processes(): readonly number[];
  /** What runs by now is no other from now on: the parts of a worker that has not run a handler yet. */
  settle(): void;
  /** Those that live besides the first one and what was there when it settled. Cheap where there are none. */
  others(): readonly number[];
  /** Kills all of them; resolves when none is left, or after a bounded number of rounds. */
  kill(): Promise<void>;
  /** Removes what this object keeps in the system. After `kill`, when the first process is reaped. */
  release(): Promise<void>;
}

/** A tree that is there before its first process. */
export interface PreparedTree {
  /** Files that this process writes 0 into before it starts others: then it belongs to the tree. */
  readonly joins: readonly string[];
  /** Its first process is started; it has joined by itself, or will have when it says so. */
  take(root: FamilyRoot): ProcessTree;
  /** No process was started. */
  release(): Promise<void>;
}

/** A place where control groups can be made. */
interface Base {
  readonly enforcer: "cgroup-v2" | "cgroup-v1";
  readonly directory: string;
}

/** Makes process trees in the best way that this machine allows. */
export class TreeKeeper {
  /** Names of the groups that it makes, and that its workers have in other hierarchies. */
  readonly names: GroupNames;
  readonly #base: Base | undefined;
  readonly #timers: Timers;

  constructor(base: Base | undefined, timers: Timers, names: GroupNames) {
    this.#base = base;
    this.#timers = timers;
    this.names = names;
  }

  /** Finds the best way by killing a process with each; clears groups that its owner has left. */
  static async probe(options: {
    readonly timers: Timers;
    /** Ways that may be used, for tests; all by default. */
    readonly allowed?: readonly TreeEnforcer[] | undefined;
    /** Whose groups these are: nobody else may use that name now. Without it nothing was left. */
    readonly owner?: string | undefined;
  }): Promise<TreeKeeper> {
    const { timers, owner } = options;
    const names = new GroupNames(owner);
    for (const base of await findBases()) {
      if (options.allowed?.includes(base.enforcer) === false) continue;
      const keeper = new TreeKeeper(base, timers, names);
      if (await keeper.#works()) {
        if (owner !== undefined) await sweep(base, { owner, names, timers });
        return keeper;
      }
    }
    return new TreeKeeper(undefined, timers, names);
  }

  /** Who will kill the trees. */
  get enforcer(): TreeEnforcer {
    return this.#base?.enforcer ?? "process-group";
  }

  /** Makes the place of a tree. `name` is one of `names`. */
  async prepare(name: string): Promise<PreparedTree> {
    const base = this.#base;
    const timers = this.#timers;
    if (base === undefined) {
      const take = (root: FamilyRoot): ProcessTree => new MarkedTree(root, timers);
      return { joins: [], take, release: () => Promise.resolve() };
    }
    const directory = join(base.directory, name);
    await makeGroup(directory);
    return {
      joins: [join(directory, "cgroup.procs")],
      take: ({ pid }) => new GroupTree({ ...base, directory }, { pid, timers }),
      release: () => removeGroup(directory, timers),
    };
  }

  /** Takes over a process that leads its own process group and has not started others yet. */
  async adopt(root: FamilyRoot): Promise<ProcessTree> {
    const prepared = await this.prepare(this.names.next());
    for (const file of prepared.joins) await writeFile(file, String(root.pid));
    return prepared.take(root);
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

/** Where this process may have groups of its own: below the group that it is in. */
async function findBases(): Promise<readonly Base[]> {
  return (await findHierarchies())
    .filter(
      ({ version, controllers }) => version === "cgroup-v2" || controllers.includes("freezer"),
    )
    .map(({ version, directory }) => ({ enforcer: version, directory }));
}

/**
 * Kills and removes what the owner has left behind. That is known by its name alone: the process that made
 * it may have had a number that another one has now, or be of another namespace.
 */
async function sweep(
  base: Base,
  options: { readonly owner: string; readonly names: GroupNames; readonly timers: Timers },
): Promise<void> {
  const { owner, names, timers } = options;
  for (const name of await groupsOf(base.directory, owner)) {
    if (names.isOwn(name)) continue;
    const directory = join(base.directory, name);
    const tree = new GroupTree({ ...base, directory }, { pid: 0, timers });
    await tree.kill();
    await tree.release();
  }
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
  /** Of a worker: itself, and what starts or watches it. */
  #own: ReadonlySet<number>;
  /** Opening it costs most of a look. The older groups keep a list for a second while it is open. */
  readonly #members: KeptFile | undefined;

  /** `pid` is that of its first process, 0 where that is not known. */
  constructor(base: Base, options: { readonly pid: number; readonly timers: Timers }) {
    this.enforcer = base.enforcer;
    this.#directory = base.directory;
    this.#pid = options.pid;
    this.#own = new Set([options.pid]);
    this.#timers = options.timers;
    if (base.enforcer === "cgroup-v2") {
      this.#members = new KeptFile(join(base.directory, "cgroup.procs"));
    }
  }

  settle(): void {
    this.#own = new Set([this.#pid, ...this.processes()]);
  }

  others(): readonly number[] {
    if (this.#members?.beginning() === `${this.#pid}\n`) return [];
    return this.processes().filter((pid) => !this.#own.has(pid));
  }

  processes(): readonly number[] {
    return this.#listed().filter((pid) => pid !== 0);
  }

  async kill(): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      if (this.#listed().length === 0) return;
      await (this.enforcer === "cgroup-v2" ? this.#write("cgroup.kill", "1") : this.#killFrozen());
      if (this.#listed().length === 0) return;
      await delay(this.#timers, ROUND_MS);
    }
  }

  async release(): Promise<void> {
    this.#members?.close();
    await removeGroup(this.#directory, this.#timers);
  }

  /** The kernel lists as 0 what is in a namespace of processes that cannot be seen from here. */
  #listed(): readonly number[] {
    try {
      const text = readFileSync(join(this.#directory, "cgroup.procs"), "utf8");
      return text.split("\n").filter(Boolean).map(Number);
    } catch {
      return [];
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
  /** Of a worker: itself, and what starts or watches it. */
  #own: ReadonlySet<number>;
  /** Starts of all that ever belonged to it and may still live (P1). */
  #known: ReadonlyMap<number, string> = new Map();
  /** The newest process of the machine when there were no others (P2). */
  #aloneAt: number | undefined;

  /** Its first process has not started others yet. */
  constructor(root: FamilyRoot, timers: Timers) {
    this.#root = root;
    this.#own = new Set([root.pid]);
    this.#timers = timers;
    this.#aloneAt = table.newest();
  }

  settle(): void {
    this.#own = new Set([this.#root.pid, ...this.#family(0)]);
  }

  processes(): readonly number[] {
    return this.#family(TABLE_AGE_MS);
  }

  others(): readonly number[] {
    const { newcomers, newest } = table.newcomers(this.#aloneAt);
    const known = this.#known;
    const before = table.of([...known.keys()].filter((pid) => !this.#own.has(pid)));
    if (newcomers.length === 0 && before.length === 0) {
      this.#aloneAt = newest;
      return [];
    }
    const family = familyOf([...before, ...newcomers], { ...this.#root, known });
    const others = family.filter(({ pid }) => !this.#own.has(pid));
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
