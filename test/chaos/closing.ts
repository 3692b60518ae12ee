/** What must hold when the faults have stopped and everything had time to end. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../lib/e2e-eventually.ts";
import type { ChaosNodes } from "./chaos-nodes.ts";
import type { Ledger } from "./ledger.ts";
import { WORKFLOWS } from "./work.ts";

/** A page of a list of requests: as many as the API gives. */
const PAGE = 200;
/** From the end of the faults until all nodes are ready, all groups have their voters, and replicas agree. */
export const WHOLE_MS_MAX = 60_000;
/** Workers of a node that was killed are killed by the kernel; this is long after. */
const ORPHANS_MS_MAX = 5_000;

/** Waits until the cluster is whole: it is said how long that took. @throws {Error} with what is missing. */
export async function whole(nodes: ChaosNodes): Promise<number> {
  const startMs = performance.now();
  const left = (): number => Math.max(0, Math.round(startMs + WHOLE_MS_MAX - performance.now()));
  for (const number of nodes.numbers) {
    await eventually(`node-${number} is ready`, left(), async () => {
      const answer = await fetch(`${nodes.api(number)}/readyz`);
      if (answer.ok) return true;
      throw new Error(await answer.text());
    });
  }
  await nodes.complete(left());
  await eventually("every node says that all are up and nothing is damaged", left(), async () => {
    for (const number of nodes.numbers) {
      for (const { name, state, damaged } of await nodes.client(number).nodes()) {
        if (state !== "up" || damaged.length > 0)
          throw new Error(
            `node-${number} says that ${name} is ${state}, damaged: ${damaged.join(" ")}`,
          );
      }
    }
    return true;
  });
  return performance.now() - startMs;
}

/** Waits until all replicas of each group have the same rows. @throws {Error} when they do not come to agree. */
export async function agree(nodes: ChaosNodes): Promise<number> {
  const replicas = await eventually("replicas are at the same place", WHOLE_MS_MAX, async () => {
    const places = new Map<string, { readonly index: number; readonly count: number }>();
    const all: { readonly place: string; readonly hash: string; readonly number: number }[] = [];
    for (const number of nodes.numbers) {
      const views = await nodes.replicasOf(number);
      if (views === undefined) throw new Error(`node-${number} does not show its replicas`);
      for (const { name, role, reason, appliedIndex, stateHash } of views) {
        if (role === "stopped" || stateHash === null)
          throw new Error(`${name} is stopped on node-${number}: ${reason}`);
        const { index = appliedIndex, count = 0 } = places.get(name) ?? {};
        if (index !== appliedIndex)
          throw new Error(
            `${name} is at ${appliedIndex} on node-${number} and at ${index} elsewhere`,
          );
        places.set(name, { index, count: count + 1 });
        all.push({ place: `${name} ${appliedIndex}`, hash: stateHash, number });
      }
    }
    for (const name of ["system", ...WORKFLOWS]) {
      const { count = 0 } = places.get(name) ?? {};
      if (count < Math.min(3, nodes.numbers.length))
        throw new Error(`${name} has ${count} replicas`);
    }
    return all;
  });
  const hashes = new Map<string, string>();
  for (const { place, hash, number } of replicas) {
    const known = hashes.get(place) ?? hash;
    hashes.set(place, known);
    if (known !== hash) throw new Error(`node-${number} has other rows than others at ${place}`);
  }
  return replicas.length;
}

/** Holds the cluster's lists of requests against the ledger, as each node tells them. */
export async function compareLists(nodes: ChaosNodes, ledger: Ledger): Promise<void> {
  for (const workflow of WORKFLOWS) {
    const client = nodes.client(...nodes.numbers);
    const list: { request: string; state: string; endedAt: string | null }[] = [];
    let before: string | undefined;
    do {
      const page = await client.requests(workflow, {
        limit: PAGE,
        ...(before === undefined ? {} : { before }),
      });
      list.push(...page.requests);
      before = page.next ?? undefined;
    } while (before !== undefined);
    for (const problem of ledger.compare(workflow, list)) ledger.problem(problem);
  }
}

/** Processes that run in a folder of this run and that no living node of ours has started. */
export async function orphans(nodes: ChaosNodes): Promise<readonly string[]> {
  const endMs = performance.now() + ORPHANS_MS_MAX;
  for (;;) {
    const found = orphansNow(nodes);
    if (found.length === 0 || performance.now() > endMs) return found;
    await sleep(100);
  }
}

function orphansNow(nodes: ChaosNodes): readonly string[] {
  const alive = new Set(nodes.pids());
  const parents = new Map<number, number>();
  const ours: number[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isSafeInteger(pid)) continue;
    const parent = parentOf(pid);
    if (parent === undefined) continue;
    parents.set(pid, parent);
    if (folderOf(pid)?.startsWith(`${nodes.folder}/`) === true) ours.push(pid);
  }
  const isLed = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (alive.has(at)) return true;
    return false;
  };
  return ours.filter((pid) => !isLed(pid)).map((pid) => `process ${pid} in ${folderOf(pid)}`);
}

function parentOf(pid: number): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    if (/^State:\s+[ZX]/m.test(status)) return undefined;
    return Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
  } catch {
    return undefined;
  }
}

function folderOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}
