/** A volume mounted for real: what programs may expect of the directory that they see. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../lib/e2e-eventually.ts";
import { MountKit, mountsRefused } from "../lib/e2e-mount.ts";

const refused = mountsRefused();
if (refused !== undefined) console.warn(`skipped: ${refused}`);

describe.skipIf(refused !== undefined)("a mounted volume", () => {
  let kit: MountKit;

  beforeAll(async () => {
    kit = await MountKit.make();
    // What one of them closes the other sees at its next open, by pushes and not by timeouts.
    await kit.start({
      directories: [kit.path("a"), kit.path("b")],
      entryMs: 60_000,
      attributesMs: 60_000,
    });
  });

  afterAll(() => kit.end());

  beforeEach(() => kit.shell('cd "$AT"; rm -rf ./*; cd ..; rm -rf local/*'));

  test("files, directories and links are what was made of them", async () => {
    const said = await kit.shell(`cd "$AT"
      echo one > f; echo two >> f; cat f; stat -c '%s %a %h %F' f
      mkdir -p d/e; mv f d/e/g; ln d/e/g h; stat -c %h h; ln -s d/e/g s; cat s
      chmod 640 h; stat -c %a d/e/g; truncate -s 2 h; cat d/e/g; echo
      touch -d @1000.25 h; stat -c %.2Y h; rmdir d 2>&1 || true; rm d/e/g; cat h; echo; ls -A d/e | wc -l
      cat s 2>&1 || true; [ ! -e nothing ]; mknod pipe p 2>&1 || true`);
    expect(said).toBe(
      [
        "one\ntwo\n8 644 1 regular file\n2\none\ntwo\n640\non\n1000.25\n",
        "rmdir: failed to remove 'd': Directory not empty\non\n0\n",
        "cat: s: No such file or directory\nmknod: pipe: Permission denied\n",
      ].join(""),
    );
  });

  test("a name of more than 255 bytes is ENAMETOOLONG, also for a directory, a link and a new name", async () => {
    const said = await kit.python(`
import errno
long = "ä" * 128
open("f", "w").close()
for run in (lambda: open(long, "w"), lambda: os.mkdir(long), lambda: os.stat(long),
            lambda: os.symlink("f", long), lambda: os.rename("f", long), lambda: os.link("f", long)):
    try:
        run()
        print("no error")
    except OSError as error:
        print(errno.errorcode[error.errno])
open("ä" * 127, "w").close()
for run in (lambda: open(b"\\xff", "w"), lambda: open("a\\nb", "w"),
            lambda: os.symlink("x" * 4095, "l")):
    try:
        run()
        print("no error")
    except OSError as error:
        print(errno.errorcode[error.errno])
`);
    expect(said.trim().split("\n")).toEqual([
      ...Array.from({ length: 6 }, () => "ENAMETOOLONG"),
      "EILSEQ",
      "EINVAL",
      "no error",
    ]);
  });

  test("the times of a file after its close or fsync are those that the other mount shows, and stay", async () => {
    const said = await kit.python(`
import time
def times(path):
    seen = os.stat(path)
    return seen.st_mtime_ns, seen.st_ctime_ns
file = open("f", "w"); file.write("written"); file.flush(); os.fstat(file.fileno())
time.sleep(0.05)
os.fsync(file.fileno())
print(times("f") == times("../b/f"))
file.write(" again"); file.flush(); os.fstat(file.fileno())
time.sleep(0.05)
file.close()
print(times("f") == times("../b/f"))
`);
    expect(said).toBe("True\nTrue\n");
  });

  test("an open file that is unlinked, or replaced by a rename, stays readable and writable", async () => {
    const said = await kit.python(`
def make(name, text):
    with open(name, "w") as file: file.write(text)
make("a", "old a"); make("b", "old b"); make("c", "old c")
a, b = open("a", "r+"), open("b")
os.unlink("a"); os.rename("c", "b")
new = open("new", "w+"); new.write("never closed"); new.flush(); os.unlink("new")
new.seek(0)
print(a.read(), os.fstat(a.fileno()).st_nlink, b.read(), open("b").read(), new.read(), os.listdir("."))
a.write(" and more"); a.flush(); a.seek(0); print(a.read()); a.close(); b.close(); new.close()
print(os.listdir("."))
`);
    expect(said).toBe("old a 0 old b old c never closed ['b']\nold a and more\n['b']\n");
  });

  test("rename replaces at once, refuses what makes no sense, and keeps what is there with NOREPLACE", async () => {
    const said = await kit.python(`
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def rename2(old, new, flags):
    done = libc.renameat2(-100, old.encode(), -100, new.encode(), flags)
    return "done" if done == 0 else errno.errorcode[ctypes.get_errno()]
def attempt(run):
    try:
        run(); return "done"
    except OSError as error:
        return errno.errorcode[error.errno]
for name in "fg": open(name, "w").write(name)
os.makedirs("d/e"); os.mkdir("empty"); open("d/x", "w").close()
print(rename2("f", "g", 1), rename2("f", "g", 2), rename2("f", "h", 1), open("h").read())
print(attempt(lambda: os.rename("d", "d/e/d")), attempt(lambda: os.rename("h", "d")),
      attempt(lambda: os.rename("empty", "h")), attempt(lambda: os.rename("empty", "d")),
      attempt(lambda: os.rename("d", "empty")), sorted(os.listdir("empty")), os.stat(".").st_nlink)
writing = open("w", "w"); writing.write("first "); writing.flush()
os.rename("w", "v"); writing.write("second"); writing.close()
print(open("v").read(), sorted(os.listdir(".")))
`);
    expect(said).toBe(
      [
        "EEXIST EINVAL done f",
        "EINVAL EISDIR ENOTDIR ENOTEMPTY done ['e', 'x'] 3",
        "first second ['empty', 'g', 'h', 'v']",
        "",
      ].join("\n"),
    );
  });

  test("extended attributes are kept, and those of the kernel's modules are not", async () => {
    const said = await kit.python(`
import errno
open("f", "w").close()
os.setxattr("f", "user.one", b"1" * 300); os.setxattr("f", "user.two", b"2")
print(os.listxattr("f"), os.getxattr("f", "user.one") == b"1" * 300)
os.removexattr("f", "user.one"); print(os.listxattr("f"))
for run in (lambda: os.getxattr("f", "user.one"), lambda: os.setxattr("f", "user.big", b"x" * 5000),
            lambda: os.setxattr("f", "user.two", b"", os.XATTR_CREATE),
            lambda: os.setxattr("f", "security.x", b"")):
    try: run(); print("no error")
    except OSError as error: print(errno.errorcode[error.errno])
`);
    expect(said.split("\n")).toEqual([
      "['user.one', 'user.two'] True",
      "['user.two']",
      "ENODATA",
      "E2BIG",
      "EEXIST",
      "ENOTSUP",
      "",
    ]);
  });

  test("what is closed at one mount is there at the next open at another, in spite of kernel caches", async () => {
    const said = await kit.python(`
import random
other = ${JSON.stringify(kit.path("b"))}
random.seed(1)
wrong = 0
here, there = ".", other
for turn in range(300):
    text = os.urandom(random.choice([1, 100, 5000, 70000]))
    name = f"f{turn % 7}"
    if turn % 3 == 0:
        with open(f"{here}/tmp", "wb") as file: file.write(text)
        os.rename(f"{here}/tmp", f"{here}/{name}")
    else:
        with open(f"{here}/{name}", "wb") as file: file.write(text)
    with open(f"{there}/{name}", "rb") as file: wrong += file.read() != text
    with open(f"{here}/{name}", "rb") as file: wrong += file.read() != text
    here, there = there, here
print(wrong, sorted(os.listdir(other)) == sorted(os.listdir(".")))
with open("kept", "w") as file: file.write("before")
reader = open(f"{other}/kept")
with open("kept", "w") as file: file.write("afterwards, and longer")
print(open(f"{other}/kept").read(), "|", reader.read(6))
os.chmod("kept", 0o604)
`);
    expect(said).toBe("0 True\nafterwards, and longer | before\n");
    await eventually("the mode is told to the other mount", 10_000, async () => {
      return (await kit.shell('stat -c %a "$AT/kept"', kit.path("b"))) === "604\n";
    });
  });

  test("files that many open, close and replace at once are whole for each of them", async () => {
    const said = await kit.python(`
import threading
other = ${JSON.stringify(kit.path("b"))}
texts = [bytes([65 + i]) * (3000 * i + 1) for i in range(5)]
with open("f", "wb") as file: file.write(texts[0])
wrong, right, stale, done = [], [], [], threading.Event()
def read(at):
    while not done.is_set():
        try:
            with open(f"{at}/f", "rb") as file: text = file.read()
            if text in texts: right.append(at)
            else: wrong.append((at, len(text), text[:1]))
        except OSError as error:
            # It was replaced twice while it was being opened: the kernel tries a second time, and no third.
            if error.errno == 116: stale.append(at)
            else: wrong.append((at, error.errno))
readers = [threading.Thread(target=read, args=(at,)) for at in (".", ".", ".", other)]
for reader in readers: reader.start()
for turn in range(150):
    at = (".", other)[turn % 2]
    with open(f"{at}/new", "wb") as file: file.write(texts[turn % 5])
    os.rename(f"{at}/new", f"{at}/f")
done.set()
for reader in readers: reader.join()
print(wrong[:5], len(right) > 4 * len(stale), {".", other} <= set(right))
`);
    expect(said).toBe("[] True True\n");
  });

  test("a directory can be emptied while it is read", async () => {
    const said = await kit.python(`
os.mkdir("d")
for i in range(1500): os.symlink("x", f"d/{i}")
gone = 0
for entry in os.scandir("d"):
    os.unlink(entry.path); gone += 1
print(gone, os.listdir("d"))
`);
    expect(said).toBe("1500 []\n");
  });

  test("a file that is being written is listed, may not be made twice, and keeps its directory", async () => {
    const said = await kit.python(`
import errno
os.mkdir("d")
file = open("d/f", "x"); file.write("text"); file.flush()
print(os.listdir("d"), os.stat("d/f").st_size, open("d/f").read())
for run in (lambda: open("d/f", "x"), lambda: os.rmdir("d"), lambda: os.mkdir("d/f")):
    try: run(); print("no error")
    except OSError as error: print(errno.errorcode[error.errno])
file.close(); os.unlink("d/f"); os.rmdir("d"); print(os.listdir("."))
`);
    expect(said.split("\n")).toEqual(["['f'] 4 text", "EEXIST", "ENOTEMPTY", "EEXIST", "[]", ""]);
  });
});
