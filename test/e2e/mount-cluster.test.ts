/** A workflow's volume mounted twice, at two nodes of a cluster of three. */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mountedAt } from "../../src/mount/mount-info.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { mountsRefused } from "../lib/e2e-mount.ts";

const run = promisify(execFile);
const PROGRAM_MS_MAX = 150_000;
const refused = mountsRefused();
if (refused !== undefined) console.warn(`skipped: ${refused}`);

describe.skipIf(refused !== undefined)("two mounts at two nodes", () => {
  const cluster = useCluster(3);
  const at = (name: string): string => join(cluster.folder, name);

  beforeAll(async () => {
    await cluster.client(1).createWorkflow({ workflow: "text" });
    await cluster.scheduler("text", 1);
    for (const name of ["a", "b", "staging", "local"]) await mkdir(at(name));
    await mount("a", [2, 3]);
    await mount("b", [3, 1]);
  });

  afterAll(async () => {
    for (const name of ["a", "b"]) {
      await cluster.jobx(1, "fs", "unmount", at(name), "--wait", "5");
      if (mountedAt(at(name)) !== undefined) throw new Error(`still mounted: ${name}`);
    }
  });

  /** Mounts the volume; the mount talks to these nodes, to the first as long as it is there. */
  async function mount(name: string, nodes: readonly number[]): Promise<void> {
    const api = nodes.map((node) => cluster.api(node)).join(",");
    const how = ["--background", "--staging", at("staging"), "--log", at(`${name}.log`)];
    const words = ["fs", "mount", "text:/", at(name), "--api", api, ...how];
    const { code, stderr } = await cluster.jobx(1, ...words);
    expect([code, stderr]).toEqual([0, ""]);
  }

  /** Runs Python outside of the mounts, with `a` and `b` their directories. */
  async function python(script: string): Promise<string> {
    const paths = ["a", "b", "local"].map((name) => `${name} = ${JSON.stringify(at(name))}`);
    const how = { cwd: cluster.folder, timeout: PROGRAM_MS_MAX, killSignal: "SIGKILL" } as const;
    const { stdout } = await run(
      "python3",
      ["-c", `import os\n${paths.join("\n")}\n${script}`],
      how,
    );
    return stdout;
  }

  test("what is closed at one is what the other opens, 100 times, also where a rename replaced it", async () => {
    const said = await python(`
import random
random.seed(1)
wrong = []
here, there = a, b
for turn in range(100):
    text = os.urandom(random.choice([0, 1, 100, 5000, 70000, 1500000]))
    name = f"f{turn % 7}"
    if turn % 3 == 0:
        with open(f"{here}/new", "wb") as file: file.write(text)
        os.rename(f"{here}/new", f"{here}/{name}")
    else:
        with open(f"{here}/{name}", "wb") as file: file.write(text)
    for place in (there, here):
        with open(f"{place}/{name}", "rb") as file: found = file.read()
        if found != text: wrong.append((turn, place, len(text), len(found)))
    here, there = there, here
print(wrong, sorted(os.listdir(a)) == sorted(os.listdir(b)) == [f"f{i}" for i in range(7)])
`);
    expect(said).toBe("[] True\n");
  });

  test("a tree that tar packs out at one mount is the same at the other", async () => {
    const script = `cd "$LOCAL"; mkdir -p tree/d/e
      for i in $(seq 60); do head -c $((i * 997)) /dev/urandom > tree/d/$i; done
      head -c 20000000 /dev/urandom > tree/large; ln tree/d/7 tree/e7; ln -s d/9 tree/s
      chmod 640 tree/d/8; touch -d @1000.25 tree/d/9; : > tree/empty; printf x > 'tree/ä b'
      tar c tree | tar x -C "$A"
      diff -r tree "$B/tree"; tar c -C "$B" tree | tar d
      stat -c '%h %a' "$B/tree/e7" "$B/tree/d/8"; rm -r "$B/tree"; ls -A "$A" | grep -c tree || true`;
    const env = { ...process.env, A: at("a"), B: at("b"), LOCAL: at("local"), LC_ALL: "C.UTF-8" };
    const how = { env, cwd: cluster.folder, timeout: PROGRAM_MS_MAX } as const;
    const { stdout } = await run("bash", ["-euo", "pipefail", "-c", script], how);
    expect(stdout).toBe("2 644\n1 640\n0\n");
  });

  test("a mount whose node is killed goes on through the other, or fails in words, and loses no closed file", async () => {
    const writing = python(`
import time
kept, failed = {}, []
end = time.time() + 20
turn = 0
while time.time() < end:
    turn += 1
    name, text = f"k{turn}", os.urandom(20000)
    try:
        with open(f"{a}/{name}", "wb") as file: file.write(text)
        kept[name] = text
    except OSError as error:
        failed.append(error.errno)
    time.sleep(0.05)
last = f"k{turn}" in kept
wrong = [name for name, text in kept.items() if open(f"{a}/{name}", "rb").read() != text]
other = [name for name, text in kept.items() if open(f"{b}/{name}", "rb").read() != text]
empty = [name for name in os.listdir(b) if name.startswith("k") and os.stat(f"{b}/{name}").st_size == 0]
print(len(kept) > 20, last, wrong, other, empty, sorted(set(failed) - {5, 110}))
`);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await cluster.kill(2);
    expect(await writing).toBe("True True [] [] [] []\n");
    await cluster.start(2);
  });
});
