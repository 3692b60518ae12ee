/** How the demo reads a volume at one node: as a directory where this machine mounts, else over HTTP. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DemoCluster, DemoNode } from "./demo-cluster.ts";
import { asList, asRecord, numberOf, parseRecord, textOf } from "./json.ts";

/** A volume as one node gives it. */
export interface DemoVolume {
  /** For people: how it is read. */
  readonly how: string;
  read(path: string): Promise<string>;
  end(): Promise<void>;
}

/** Mounts a workflow's volume at a node, in `folder`. Where that is refused, it is read over HTTP, and `how` says why. */
export async function volumeAt(
  cluster: DemoCluster,
  node: DemoNode,
  of: { readonly workflow: string; readonly folder: string },
): Promise<DemoVolume> {
  const { workflow, folder } = of;
  const directory = join(folder, "volume");
  try {
    if (!existsSync("/dev/fuse")) throw new Error("this machine has no /dev/fuse");
    mkdirSync(directory, { recursive: true });
    const words = ["fs", "mount", `${workflow}:/`, directory, "--background"];
    await cluster.jobx([...words, "--log", join(folder, "mount.log")], node);
    return {
      how: `through its mount at ${directory}, which talks to ${node.name}`,
      read: (path) => Promise.resolve(readFileSync(join(directory, path), "utf8")),
      end: async () => {
        await cluster.jobx(["fs", "unmount", directory, "--wait", "5"], node);
      },
    };
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return {
      how: `over HTTP at ${node.name}, since it could not be mounted: ${why}`,
      read: (path) => cluster.jobx(["fs", "cat", `${workflow}:/${path}`], node),
      end: () => Promise.resolve(),
    };
  }
}

/** Where the copies of a file are. */
export interface DemoCopies {
  /** On so many nodes at least is each block. */
  readonly copies: number;
  readonly nodes: readonly string[];
  /** As `jobx fs where` prints it. */
  readonly text: string;
}

/** What `jobx fs where` says of a file, asked at a node. */
export async function copiesOf(
  cluster: DemoCluster,
  node: DemoNode,
  shared: string,
): Promise<DemoCopies> {
  const view = parseRecord(await cluster.jobx(["fs", "where", shared, "--json"], node), "copies");
  const nodes = asList(view["nodes"], "nodes").map((one) =>
    textOf(asRecord(one, "a node"), "node"),
  );
  const text = (await cluster.jobx(["fs", "where", shared], node)).trim();
  return { copies: numberOf(view, "copies"), nodes, text };
}
