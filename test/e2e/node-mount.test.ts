/** `jobx-node --mount DIR`: all volumes below one directory, and nobody hangs, however nodes end. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { mountedAt } from "../../src/mount/mount-info.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { mountsRefused } from "../lib/e2e-mount.ts";
import { runProgram } from "../lib/e2e-process.ts";

const END_MS_MAX = 40_000;
const refused = mountsRefused();
if (refused !== undefined) console.warn(`skipped: ${refused}`);

/** Writes files one after the other and says each that is closed; a failure is said too, and tried again. */
const WRITER = `
import errno, os, sys, time
number = 0
while True:
    try:
        with open(f"{sys.argv[1]}/{sys.argv[2]}{number}", "wb") as file: file.write(b"%08d" % number * 4096)
        print(f"{sys.argv[2]}{number}", flush=True)
        number += 1
    except OSError as error:
        print("!" + errno.errorcode[error.errno], flush=True)
        time.sleep(0.2)
`;

describe.skipIf(refused !== undefined)("the mounts of nodes", () => {
  const cluster = useCluster(2, { nodeArgs: "--mount mnt" });
  const mounted = (node: number, workflow: string): string =>
    join(cluster.home(node), "mnt", workflow);
  const isMounted = (node: number, workflow: string): boolean =>
    mountedAt(mounted(node, workflow)) !== undefined;
  const both = (workflow: string): boolean => isMounted(1, workflow) && isMounted(2, workflow);

  /** What a shell says that looks into mounts; one that hangs is killed, and the test fails. */
  async function shell(script: string): Promise<string> {
    const env = { ...process.env, LC_ALL: "C" };
    const args = ["-euc", script];
    const { code, stdout, stderr } = await runProgram("bash", args, { env, msMax: END_MS_MAX });
    expect([code, stderr]).toEqual([0, ""]);
    return stdout;
  }

  function startWriter(node: number, prefix: string): { lines: string[]; end: () => void } {
    const child = spawn("python3", ["-c", WRITER, mounted(node, "text"), prefix], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
    return { lines, end: () => child.kill("SIGKILL") };
  }

  /** Processes in the uninterruptible state that have to do with this cluster's folder. */
  function stuck(): readonly string[] {
    return readdirSync("/proc").filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const args = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return /\) D /.test(stat) && args.includes(cluster.folder);
      } catch {
        return false;
      }
    });
  }

  test("a volume comes with its workflow at each node, is one volume, and goes with it", async () => {
    await cluster.client(1).createWorkflow({ workflow: "text" });
    await cluster.client(2).createWorkflow({ workflow: "other" });
    await eventually("all are mounted", END_MS_MAX, () => both("text") && both("other"));
    const [one, two] = [mounted(1, "text"), mounted(2, "text")];
    expect(await shell(`echo hello > ${one}/f; cat ${two}/f; ls ${mounted(2, "other")}`)).toBe(
      "hello\n",
    );
    await cluster.client(1).deleteWorkflow("other");
    await eventually("it is gone", END_MS_MAX, () => !isMounted(1, "other"));
    await eventually("its folder is gone", END_MS_MAX, () => !existsSync(mounted(1, "other")));
  });

  test("after kill -9 of a node under load nobody hangs, its mounts go, and come back with it", async () => {
    const writers = [startWriter(2, "k"), startWriter(1, "s")];
    await eventually("files are written", END_MS_MAX, () =>
      writers.every(({ lines }) => lines.length > 10),
    );
    await cluster.kill(2);
    await eventually("the mount of the dead node is gone", END_MS_MAX, () => !isMounted(2, "text"));
    for (const { end } of writers) end();
    await eventually("nobody hangs", END_MS_MAX, () => stuck().length === 0);
    await cluster.start(2);
    await eventually("it is mounted again", END_MS_MAX, () => isMounted(2, "text"));
    const closed = writers.flatMap(({ lines }) => lines).filter((line) => !line.startsWith("!"));
    expect(closed.length).toBeGreaterThan(20);
    for (const node of [1, 2]) {
      const names = closed.map((name) => `${mounted(node, "text")}/${name}`).join(" ");
      const sizes = await shell(`stat -c %s ${names} | sort -u`);
      expect(sizes).toBe("32768\n");
    }
  });

  test("after kill -9 of all nodes under load nobody hangs, and what was closed is there again", async () => {
    const writers = [startWriter(1, "x"), startWriter(2, "y")];
    await eventually("files are written", END_MS_MAX, () =>
      writers.every(({ lines }) => lines.length > 5),
    );
    await cluster.kill(1, 2);
    await eventually(
      "no mount is left",
      END_MS_MAX,
      () => !isMounted(1, "text") && !isMounted(2, "text"),
    );
    for (const { end } of writers) end();
    await eventually("nobody hangs", END_MS_MAX, () => stuck().length === 0);
    await cluster.start(1, 2);
    await eventually("both are mounted again", END_MS_MAX, () => both("text"));
    const closed = writers.flatMap(({ lines }) => lines).filter((line) => !line.startsWith("!"));
    const names = closed.map((name) => `${mounted(1, "text")}/${name}`).join(" ");
    expect(await shell(`stat -c %s ${names} | sort -u`)).toBe("32768\n");
  });

  test("a mount whose process is killed is made again", async () => {
    const server = (): number => {
      const log = readFileSync(join(cluster.home(1), "log"), "utf8");
      return Number([...log.matchAll(/^.*"workflow":"text".*"server":(\d+).*$/gm)].at(-1)?.[1]);
    };
    const before = server();
    process.kill(before, "SIGKILL");
    await eventually("another serves it", END_MS_MAX, () => {
      return server() !== before && isMounted(1, "text");
    });
    expect(await shell(`cat ${mounted(1, "text")}/f`)).toBe("hello\n");
  });

  test("a node that is stopped unmounts, and one whose directory cannot be used runs without", async () => {
    await cluster.script("stop", "2");
    expect(isMounted(2, "text")).toBe(false);
    expect(readdirSync(join(cluster.home(2), "mnt"))).toEqual([]);
    rmdirSync(join(cluster.home(2), "mnt"));
    writeFileSync(join(cluster.home(2), "mnt"), "in the way");
    await cluster.start(2);
    const log = readFileSync(join(cluster.home(2), "log"), "utf8");
    expect(log.match(/no volume is mounted; all else works/g)?.length).toBe(1);
    rmSync(join(cluster.home(2), "mnt"));
    await cluster.script("stop", "2");
    await cluster.start(2);
    await eventually("it is mounted again", END_MS_MAX, () => isMounted(2, "text"));
  });
});
