/** Control groups that a node has left behind when it was killed, and what was still running in them. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test, vi } from "vitest";
import { machineClock } from "../../test/lib/handler-kit.ts";
import { runs, until } from "../../test/lib/processes.ts";
import { removeGroup } from "./limits/group-directory.ts";
import { TreeKeeper } from "./process-tree.ts";

vi.setConfig({ testTimeout: 60_000 });

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A process in a group that its owner knows nothing of any more. */
async function leave(keeper: TreeKeeper) {
  const { joins } = await keeper.prepare(keeper.names.next());
  const child = spawn("/bin/sleep", ["1000"], { stdio: "ignore", detached: true });
  children.push(child);
  const pid = child.pid ?? 0;
  for (const file of joins) writeFileSync(file, String(pid));
  return { pid, group: dirname(joins[0] ?? "") };
}

let made = 0;
const newOwner = () => `test ${process.pid} ${made++}`;

describe.each(["cgroup-v2", "cgroup-v1"] as const)("%s", (enforcer) => {
  const probe = (owner: string) =>
    TreeKeeper.probe({ timers: machineClock, allowed: [enforcer], owner });

  test("what an owner has left is ended by the next one, though its number is another's", async (context) => {
    const owner = newOwner();
    const first = await probe(owner);
    if (first.enforcer !== enforcer) return context.skip(`this machine does not allow ${enforcer}`);
    const left = await leave(first);
    // This very process is the one that made it, and lives.
    await probe(owner);
    await until(() => !runs(left.pid));
    expect(existsSync(left.group)).toBe(false);
  });

  test("what belongs to others is left alone", async (context) => {
    const first = await probe(newOwner());
    if (first.enforcer !== enforcer) return context.skip(`this machine does not allow ${enforcer}`);
    const left = await leave(first);
    await probe(newOwner());
    expect(runs(left.pid)).toBe(true);
    expect(existsSync(left.group)).toBe(true);
    execFileSync("/bin/kill", ["-9", `${left.pid}`]);
    await until(() => !runs(left.pid));
    await removeGroup(left.group, machineClock);
  });

  test("from a namespace where it cannot be seen, nobody else is harmed", async (context) => {
    const owner = newOwner();
    const first = await probe(owner);
    if (first.enforcer !== enforcer) return context.skip(`this machine does not allow ${enforcer}`);
    const left = await leave(first);
    const module = fileURLToPath(new URL("process-tree.ts", import.meta.url));
    const script = `import { TreeKeeper } from ${JSON.stringify(module)};
const timers = { after: (ms, run) => { setTimeout(run, ms); return { cancel() {} }; } };
await TreeKeeper.probe({ timers, allowed: ["${enforcer}"], owner: ${JSON.stringify(owner)} });
console.log("alive");`;
    const node = [process.execPath, "--input-type=module", "-e", script];
    const inside = ["--pid", "--fork", "--mount-proc", "--kill-child", ...node];
    let told: string;
    try {
      told = execFileSync("/usr/bin/unshare", inside, { encoding: "utf8" });
    } catch (error) {
      if (String(error).includes("unshare failed")) return context.skip("no namespaces here");
      throw error;
    }
    expect(told).toBe("alive\n");
    // Version 2 kills whom it cannot name; the older one cannot.
    if (enforcer === "cgroup-v2") await until(() => !runs(left.pid));
    else expect(runs(left.pid)).toBe(true);
    execFileSync("/bin/sh", ["-c", `kill -9 ${left.pid} || true`], { stdio: "ignore" });
    await until(() => !runs(left.pid));
    await probe(owner);
    expect(existsSync(left.group)).toBe(false);
  });
});
