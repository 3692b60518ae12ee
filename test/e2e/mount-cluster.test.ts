/** A workflow's volume mounted twice, at two nodes of a cluster of three. */
import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mountedAt } from "../../src/mount/mount-info.ts";
import { namespacesRefused } from "../../src/mount/start-mount.ts";
import { useCluster } from "../lib/e2e-cluster.ts";
import { mountsRefused } from "../lib/e2e-mount.ts";
import { NODE, ROOT } from "../lib/e2e-nodes.ts";

const run = promisify(execFile);

/** Rounds of the tests with two mounts; `FS_ROUNDS=10000` is the long form. */
const ROUNDS = Number(process.env["FS_ROUNDS"] ?? 100);
const PROGRAM_MS_MAX = Math.max(150_000, ROUNDS * 1_500);
const TEST_MS_MAX = PROGRAM_MS_MAX + 10_000;

/**
 * Each operation is done at either mount and compared with a model. What one mount has answered the other sees at once:
 * nothing is tried again.
 */
const RANDOM_OPERATIONS = `
import random, shutil
random.seed(int(os.environ.get("FS_SEED", "5")))
os.mkdir(f"{a}/model")
model, wrong, done = {"": None}, [], {}
def full(place, path): return f"{place}/model/{path}" if path else f"{place}/model"
def files(): return [p for p in model if model[p] is not None]
def folders(): return [p for p in model if model[p] is None]
def under(folder): return [p for p in model if p and p != folder and (folder == "" or p.startswith(folder + "/"))]
def name_in(folder): return (folder + "/" if folder else "") + random.choice("abcdef")
def write(place, path, data, mode):
    with open(full(place, path), mode) as file: file.write(data)
def check(turn, what, place, path):
    with open(full(place, path), "rb") as file: found = file.read()
    if found != model[path]: wrong.append((turn, what, path, len(found), len(model[path])))
def is_folder(path): return path in model and model[path] is None
for turn in range(ROUNDS):
    here, there = random.sample([a, b], 2)
    what = random.choice(["write", "write", "append", "rename", "unlink", "mkdir", "rmdir", "truncate", "list", "move"])
    path = name_in(random.choice(folders()))
    data = os.urandom(random.choice([0, 1, 300, 4096, 70000, 1200000]))
    old = random.choice(files() or [None])
    done[what] = done.get(what, 0) + 1
    try:
        if what == "write" and not is_folder(path):
            write(here, path, data, "wb"); model[path] = data
            check(turn, what, there, path); check(turn, what, here, path)
        elif what == "append" and old:
            write(here, old, data[:5000], "ab"); model[old] += data[:5000]; check(turn, what, there, old)
        elif what == "truncate" and old:
            size = random.randrange(0, 10000)
            os.truncate(full(here, old), size)
            model[old] = model[old][:size].ljust(size, bytes(1)); check(turn, what, there, old)
        elif what == "rename" and old and not is_folder(path):
            os.rename(full(here, old), full(here, path))
            content = model.pop(old); model[path] = content; check(turn, what, there, path)
        elif what == "unlink" and old:
            os.unlink(full(here, old)); del model[old]
            try:
                open(full(there, old)).close()
                wrong.append((turn, "still there", old))
            except FileNotFoundError: pass
        elif what == "mkdir" and path not in model and path.count("/") < 3:
            os.mkdir(full(here, path)); model[path] = None
        elif what == "rmdir":
            empty = [p for p in folders() if p and not under(p)]
            if empty:
                path = random.choice(empty)
                os.rmdir(full(here, path)); del model[path]
        elif what == "move":
            source = random.choice(folders())
            if source and path not in model and not path.startswith(source + "/") and path.count("/") < 2:
                os.rename(full(here, source), full(here, path))
                for p in [source] + under(source): model[path + p[len(source):]] = model.pop(p)
        elif what == "list":
            path = random.choice(folders())
            names = [p[len(path) + 1 if path else 0:] for p in under(path)]
            expected = sorted(name for name in names if "/" not in name)
            found = sorted(os.listdir(full(there, path)))
            if found != expected: wrong.append((turn, "list", path, found, expected))
    except OSError as error:
        wrong.append((turn, what, path, old, str(error)))
for place in (a, b):
    for path in files(): check("end", "all", place, path)
    top = full(place, "")
    found = sorted(os.path.relpath(d, top) for d, _, _ in os.walk(top) if d != top)
    if found != sorted(p for p in folders() if p): wrong.append(("end", "folders", found))
shutil.rmtree(full(a, ""))
print(wrong[:5], len(done))
`;
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
    const how = ["--background", "--log", at(`${name}.log`)];
    // The other one writes where its node reads.
    const staging = name === "b" ? ["--staging", at("staging")] : [];
    const words = ["fs", "mount", "text:/", at(name), "--api", api, ...how, ...staging];
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

  test(
    `what is closed at one is what the other opens, ${ROUNDS} times, also where a rename replaced it`,
    async () => {
      const said = await python(`
import random
random.seed(1)
wrong = []
here, there = a, b
for turn in range(${ROUNDS}):
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
    },
    TEST_MS_MAX,
  );

  test(
    `${ROUNDS} random operations at two mounts do what a model does`,
    async () => {
      const said = await python(RANDOM_OPERATIONS.replace("ROUNDS", String(ROUNDS)));
      expect(said).toBe("[] 9\n");
    },
    TEST_MS_MAX,
  );

  test("a file that others moved is not written by its old name, however lately that was known", async () => {
    const said = await python(`
for turn in range(20):
    old, new = f"old{turn}", f"new{turn}"
    with open(f"{b}/{old}", "w") as file: file.write("one")
    assert open(f"{b}/{old}").read() == "one"
    os.rename(f"{a}/{old}", f"{a}/{new}")
    assert open(f"{b}/{new}").read() == "one"
    with open(f"{b}/{old}", "w") as file: file.write("two")
    found = [open(f"{place}/{name}").read() for place in (a, b) for name in (old, new)]
    if found != ["two", "one"] * 2: print(turn, found)
    for name in (old, new): os.unlink(f"{a}/{name}")
`);
    expect(said).toBe("");
  });

  test("what lstat shows right after a change it shows later, of the file and of its folder", async () => {
    const said = await python(`
import time
def fill(path, text="some", mode="w"):
    with open(path, mode) as file: file.write(text)
changes = {
    "new": lambda d: fill(f"{d}/n"), "over": lambda d: fill(f"{d}/f"),
    "append": lambda d: fill(f"{d}/f", "x" * 9000, "a"), "rename": lambda d: os.rename(f"{d}/f", f"{d}/z"),
    "replace": lambda d: os.rename(f"{d}/g", f"{d}/f"), "move": lambda d: os.rename(f"{d}/sub", f"{d}/sub2"),
    "into": lambda d: os.rename(f"{d}/sub", f"{d}/other/sub"), "mkdir": lambda d: os.mkdir(f"{d}/m"),
    "rmdir": lambda d: os.rmdir(f"{d}/sub"), "link": lambda d: os.link(f"{d}/f", f"{d}/l"),
    "unlink": lambda d: os.unlink(f"{d}/two"), "symlink": lambda d: os.symlink("f", f"{d}/s"),
    "chmod": lambda d: os.chmod(f"{d}/f", 0o600), "truncate": lambda d: os.truncate(f"{d}/f", 2),
    "times": lambda d: os.utime(f"{d}/f", (1000, 2000)), "attribute": lambda d: os.setxattr(f"{d}/f", "user.a", b"1"),
}
def look(top):
    found = {}
    for folder, folders, files in os.walk(top):
        for path in [folder] + [f"{folder}/{name}" for name in files]:
            st = os.lstat(path)
            found[path] = [getattr(st, name) for name in dir(st) if name.startswith("st_")]
    return found
for name in changes:
    d = f"{a}/stable-{name}"
    os.makedirs(f"{d}/sub"); os.mkdir(f"{d}/other")
    for file in "fg": fill(f"{d}/{file}")
    os.link(f"{d}/g", f"{d}/two")
    look(d)
seen = {}
for name, change in changes.items():
    change(f"{a}/stable-{name}")
    seen[name] = look(f"{a}/stable-{name}")
time.sleep(1.5)
fields = [name for name in dir(os.lstat(a)) if name.startswith("st_")]
for name, before in seen.items():
    after = look(f"{a}/stable-{name}")
    for path in sorted(set(before) | set(after)):
        pairs = zip(fields, before.get(path, []), after.get(path, []))
        different = [(field, old, new) for field, old, new in pairs if old != new]
        if different or (path in before) != (path in after): print(path[len(a):], different)
`);
    expect(said).toBe("");
  });

  test("a user without the right to mount has the mount in namespaces of its own", async (context) => {
    const namespaces = await namespacesRefused();
    if (namespaces !== undefined) context.skip(namespaces);
    await mkdir(at("alone"));
    await python('open(f"{a}/seen", "w").write("hello")');
    const env = { ...process.env, JOBX_TOKEN: cluster.token, JOBX_API: cluster.api(1) };
    const words = ["fs", "mount", "text:", at("alone"), "--background", "--json"];
    const jobx = [NODE, join(ROOT, "bin/jobx.js"), ...words];
    const less = ["--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin", "--", ...jobx];
    const { stdout } = await run("setpriv", less, { env, timeout: PROGRAM_MS_MAX });
    const pid = Number(/"pid": ?(\d+)/.exec(stdout)?.[1]);
    try {
      expect(mountedAt(at("alone"))).toBeUndefined();
      const enter = ["-t", String(pid), "-U", "-m", "--preserve-credentials"];
      const look = ["cat", `${at("alone")}/seen`];
      const seen = await run("nsenter", [...enter, ...look], { timeout: PROGRAM_MS_MAX });
      expect(seen.stdout).toBe("hello");
    } finally {
      process.kill(pid, "SIGTERM");
    }
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

  test("large files are the same at the other, however they were written, and are staged no more", async () => {
    const said = await python(`
import random
random.seed(3)
MIB = 1 << 20
def write(place, name, change):
    model = bytearray()
    with open(f"{place}/{name}", "w+b", buffering=0) as file:
        def put(at, data):
            if at > len(model): model.extend(bytes(at - len(model)))
            model[at:at + len(data)] = data
            file.seek(at); file.write(data)
        def cut(size):
            del model[size:]
            model.extend(bytes(size - len(model)))
            file.truncate(size)
        change(file, put, cut, model)
        own = os.pread(file.fileno(), len(model) + 1, 0) if len(model) < 5 * MIB else None
        if own is not None and own != model: print("own", name)
    for other in (a, b):
        with open(f"{other}/{name}", "rb") as file: found = file.read()
        if found != model: print(other, name, len(found), len(model))
def ordered(size):
    def change(file, put, cut, model):
        while len(model) < size: put(len(model), os.urandom(min(300_000, size - len(model))))
    return change
def rewritten(file, put, cut, model):
    ordered(30 * MIB)(file, put, cut, model)
    for _ in range(20): put(random.randrange(30 * MIB), os.urandom(random.randrange(1, 2 * MIB)))
def synced(file, put, cut, model):
    ordered(12 * MIB + 5)(file, put, cut, model)
    for _ in range(5):
        os.fsync(file.fileno())
        put(random.randrange(20 * MIB), os.urandom(70_000))
        put(len(model), os.urandom(1000))
def cutting(file, put, cut, model):
    ordered(20 * MIB)(file, put, cut, model); cut(3 * MIB + 7)
    put(9 * MIB, b"x" * 100); cut(17 * MIB); ordered(26 * MIB)(file, put, cut, model); cut(25 * MIB - 1)
def scattered(file, put, cut, model):
    for _ in range(60): put(random.randrange(15 * MIB), os.urandom(100_000))
changes = {"ordered": ordered(40 * MIB + 3), "short": ordered(MIB + 1), "rewritten": rewritten, "synced": synced, "cutting": cutting, "scattered": scattered}
for name, change in changes.items():
    for place in (a, b): write(place, f"large-{name}", change)
for name in changes:
    with open(f"{a}/large-{name}", "r+b") as file:
        file.seek(0, 2); file.write(b"tail" * MIB)
    with open(f"{b}/large-{name}", "rb") as file: found = file.read()
    if found[-4 * MIB:] != b"tail" * MIB: print("appended", name)
for name in changes: os.unlink(f"{a}/large-{name}")
`);
    expect(said).toBe("");
    await expect
      .poll(async () => (await readdir(at("staging"), { recursive: true })).length)
      .toBe(1);
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
