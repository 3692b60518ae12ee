/** Programs that are hard on a file system, working inside a mounted volume. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LocalTree } from "../../src/mount/local/local-tree.ts";
import { LocalVolume } from "../../src/mount/local/local-volume.ts";
import { MountKit, mountsRefused } from "../lib/e2e-mount.ts";

const ENTRIES = 20_000;

const refused = mountsRefused();
if (refused !== undefined) console.warn(`skipped: ${refused}`);

describe.skipIf(refused !== undefined)("programs in a mounted volume", () => {
  let kit: MountKit;

  beforeAll(async () => {
    kit = await MountKit.make();
    await fill(kit.path("volume"));
    await kit.start();
  });

  afterAll(() => kit.end());

  /** A large directory, made without a mount: through one it takes longer than its listing. */
  async function fill(directory: string): Promise<void> {
    const wallNs = (): bigint => 1_000_000_000n;
    const tree = new LocalTree(directory, { nowNs: wallNs(), owner: { uid: 0, gid: 0 } });
    const volume = new LocalVolume(tree, wallNs);
    const made = { mode: 0o755, uid: 0, gid: 0 };
    const { inode } = await volume.mkdir({ parent: volume.root, name: "large" }, made);
    for (let index = 0; index < ENTRIES; index += 1) {
      await volume.symlink({ parent: inode, name: `entry ${index}` }, "nowhere", made);
    }
    tree.close();
  }

  test("a directory of 20,000 entries is listed completely, each entry once", async () => {
    const said = await kit.python(`
names = os.listdir("large")
print(len(names), len(set(names)), sum(1 for entry in os.scandir("large") if entry.is_symlink()))
`);
    expect(said).toBe(`${ENTRIES} ${ENTRIES} ${ENTRIES}\n`);
  });

  test("git clones, commits, checks and packs a repository", async () => {
    const said = await kit.shell(`export HOME="$PWD" GIT_CONFIG_NOSYSTEM=1
      git init -q local/repo; cd local/repo; git config user.email a@b; git config user.name n
      git config gc.auto 0
      for i in $(seq 20); do echo "$i" > "f$i"; mkdir -p "d$i"; seq "$i" 500 > "d$i/g"; done
      git add .; git commit -qm one; git mv f1 h; git rm -q f2; git commit -qam two
      cd "$AT"; git clone -q "$OLDPWD" clone 2>&1; cd clone
      git config user.email a@b; git config user.name n
      echo more >> f3; git commit -qam three; git checkout -qb other HEAD~2; git checkout -q -
      git fsck --full --strict 2>&1 | grep -v '^Checking' || true
      git gc -q; git fsck --full 2>&1 | grep -v '^Checking' || true
      git status --porcelain; git log --format=%s; git ls-files | wc -l
      git clone -q . ../again 2>&1; diff -r --exclude=.git . ../again && echo same`);
    expect(said).toBe("three\ntwo\none\n39\nsame\n");
  });

  test("sqlite keeps its promises with a rollback journal and with a write-ahead log", async () => {
    const said = await kit.python(`
import sqlite3
for mode in ("delete", "wal"):
    path = f"{mode}.db"
    db = sqlite3.connect(path, isolation_level=None)
    print(db.execute(f"pragma journal_mode={mode}").fetchone()[0])
    db.execute("create table t (id integer primary key, text blob)")
    for turn in range(15):
        db.execute("begin")
        db.executemany("insert into t (text) values (?)", [(os.urandom(200),) for _ in range(100)])
        db.execute("rollback" if turn % 5 == 4 else "commit")
    other = sqlite3.connect(path)
    print(other.execute("select count(*) from t").fetchone()[0])
    db.execute("delete from t where id % 2 = 0"); db.execute("vacuum")
    print(other.execute("select count(*) from t").fetchone()[0],
          other.execute("pragma integrity_check").fetchone()[0])
    other.close(); db.close()
print(sorted(name for name in os.listdir(".") if ".db" in name))
`);
    const counts = ["1200", "600 ok"];
    expect(said.trim().split("\n")).toEqual([
      "delete",
      ...counts,
      "wal",
      ...counts,
      "['delete.db', 'wal.db']",
    ]);
  });

  test("a tree goes through tar and back without a difference", async () => {
    const said = await kit.shell(`mkdir -p local/tree/{a,b/c}; cd local/tree
      for i in $(seq 60); do head -c $((i * i * 40)) /dev/urandom > "a/f$i"; done
      : > b/empty; ln a/f1 b/hard; ln -s ../a/f2 b/soft; chmod 711 a/f3 b; chmod 4755 a/f4
      touch -d '2001-02-03 04:05:06' a/f5; touch -d '1999-01-01' b/c
      mkdir "$AT/out"; tar cf - . | tar xpf - -C "$AT/out"
      diff -r . "$AT/out" && echo same
      cd "$AT/out"; stat -c '%h %a' a/f1 a/f3 a/f4 b; stat -c '%y' a/f5 b/c | cut -c1-19; readlink b/soft
      tar cf - . | (cd "$OLDPWD/.."; mkdir back; tar xpf - -C back; diff -r tree back && echo same)`);
    expect(said).toBe(
      [
        "same",
        "2 644",
        "1 711",
        "1 4755",
        "3 711",
        "2001-02-03 04:05:06",
        "1999-01-01 00:00:00",
        "../a/f2",
        "same",
        "",
      ].join("\n"),
    );
  });

  test("a program writes at random places, through a map and with holes, and reads what it wrote", async () => {
    const said = await kit.python(`
import mmap, random
random.seed(2)
size = 3_000_000
model = bytearray(size)
file = open("random", "w+b"); file.truncate(size)
for turn in range(300):
    at, data = random.randrange(size - 70000), os.urandom(random.choice([1, 4096, 65536]))
    file.seek(at); file.write(data); model[at:at + len(data)] = data
    if turn % 100 == 50: file.flush(); os.fsync(file.fileno())
file.flush()
with mmap.mmap(file.fileno(), size) as map:
    for turn in range(50):
        at, data = random.randrange(size - 100), os.urandom(50)
        map[at:at + 50] = data; model[at:at + 50] = data
    map.flush()
file.seek(0); print(file.read() == model)
file.close(); print(open("random", "rb").read() == model)
with open("random", "r+b") as file: file.truncate(100_001); file.seek(200_000); file.write(b"end")
read = open("random", "rb").read()
print(read == bytes(model[:100_001]) + bytes(99_999) + b"end", os.stat("random").st_size)
with open("log", "a") as file: file.write("one\\n")
with open("log", "a") as file: file.write("two\\n")
print(open("log").read().split())
`);
    expect(said).toBe("True\nTrue\nTrue 200003\n['one', 'two']\n");
  });
});
