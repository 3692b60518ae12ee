/** Where this process may make control groups: below the group that it is in itself, for each controller. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** A hierarchy of control groups at the place where this process is in it. */
export interface Hierarchy {
  readonly version: "cgroup-v2" | "cgroup-v1";
  /** Of version 1; empty for version 2, which lists them in a file. */
  readonly controllers: readonly string[];
  readonly directory: string;
}

/** Controllers that are of use here, as version 1 names them. */
const KNOWN: readonly string[] = ["freezer", "memory", "cpu", "pids"];

/** The hierarchies that are mounted, version 2 first; empty where there are none. */
export async function findHierarchies(): Promise<readonly Hierarchy[]> {
  const mounts = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  const own = await readFile("/proc/self/cgroup", "utf8").catch(() => "");
  const found: Hierarchy[] = [];
  for (const line of mounts.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const [, , , root = "/", mountPoint = ""] = before.split(" ");
    const [kind, , options = ""] = after.split(" ");
    if (kind !== "cgroup2" && kind !== "cgroup") continue;
    const controllers = kind === "cgroup2" ? [] : options.split(",");
    const first = kind === "cgroup2" ? "" : controllers.find((name) => KNOWN.includes(name));
    if (first === undefined) continue;
    const directory = join(mountPoint, below(root, ownPath(own, first)));
    const version = kind === "cgroup2" ? "cgroup-v2" : "cgroup-v1";
    if (version === "cgroup-v2") found.unshift({ version, controllers, directory });
    else found.push({ version, controllers, directory });
  }
  return found;
}

/** Of this process, in the hierarchy with that controller; "" is that of version 2. */
function ownPath(text: string, controller: string): string {
  const lines = text.split("\n").map((line) => /^\d+:([^:]*):(.*)$/.exec(line));
  const found = lines.find((match) => match?.[1]?.split(",").includes(controller) === true);
  return found?.[2] ?? "/";
}

/** Only a part of the hierarchy may be mounted: in a container that of the container. */
function below(root: string, path: string): string {
  if (root === "/") return path;
  return path === root || path.startsWith(`${root}/`) ? path.slice(root.length) : "/";
}
