/** CPU profiles of the nodes, and what stands at the top of them. */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { BenchNode, Place } from "./cluster.ts";

/** Functions shown. */
const TOP = 18;

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
}

/** Runs `work` under the profilers of leader and first follower; writes NAME-leader.cpuprofile and so on. */
export async function profiled<T>(
  work: () => Promise<T>,
  options: { readonly place: Place; readonly folder: string | undefined; readonly name: string },
): Promise<T> {
  const { place, folder, name } = options;
  if (folder === undefined) return work();
  const [follower] = place.followers;
  const seen: (readonly [string, BenchNode])[] = [["leader", place.leader]];
  if (follower !== undefined) seen.push(["follower", follower]);
  for (const [, node] of seen) await node.ask({ kind: "profile-start" }, "done");
  const result = await work();
  for (const [role, node] of seen) {
    const file = join(folder, `${name}-${role}.cpuprofile`);
    await node.ask({ kind: "profile-stop", file }, "done");
    console.error(await topText(file));
  }
  return result;
}

async function topText(file: string): Promise<string> {
  const profile: unknown = JSON.parse(await readFile(file, "utf8"));
  if (!isProfile(profile)) throw new Error("not a profile");
  const names = new Map<number, string>();
  for (const { id, callFrame } of profile.nodes) {
    const { functionName, url, lineNumber } = callFrame;
    const place =
      url === "" ? "" : ` ${url.replace(/^.*\/(node_modules|src)\//, "")}:${lineNumber + 1}`;
    names.set(id, `${functionName || "(anonymous)"}${place}`);
  }
  const self = new Map<string, number>();
  let total = 0;
  for (const [at, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[at] ?? 0;
    const name = names.get(id) ?? "?";
    self.set(name, (self.get(name) ?? 0) + delta);
    total += delta;
  }
  const top = [...self].sort((a, b) => b[1] - a[1]).slice(0, TOP);
  const lines = top.map(
    ([name, time]) => `  ${((100 * time) / total).toFixed(1).padStart(5)} % ${name}`,
  );
  return [`${basename(file)}: self time of ${(total / 1e6).toFixed(1)} s`, ...lines].join("\n");
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Written by this Node a moment ago. */
function isProfile(value: unknown): value is Profile {
  return typeof value === "object" && value !== null && "samples" in value;
}
