import { join } from "node:path";
import { expect, test } from "vitest";
import { called, cluster, folder, jobx } from "../../test/lib/cli-kit.ts";

async function putSome(): Promise<void> {
  cluster.files.add("/d");
  await jobx("fs put - text:/d/f", { input: "before" });
}

test("a snapshot is taken, listed, shown and removed", async () => {
  await putSome();
  expect((await jobx("fs snapshot text:/d --name s")).out).toBe(
    "text@s: 1 files, 0 folders, 0 links, 6 B, bafys\n",
  );
  expect(called("snapshots.take")).toEqual({ workflow: "text", path: "/d", name: "s" });
  await jobx("fs snapshot text:/d");
  expect(called("snapshots.take")).toMatchObject({ name: undefined });
  expect(await jobx("fs snapshot text:/d --name s")).toMatchObject({ exit: 4 });
  expect((await jobx("fs snapshots text")).out).toMatch(
    /^2026-01-31T08:00:00Z +1 files +6 B bafynow now of \/d\n.* bafys s of \/d\n$/u,
  );
  expect(JSON.parse((await jobx("fs snapshots text@s --json")).out)).toMatchObject({
    cid: "bafys",
  });
  expect((await jobx("fs snapshots text@s --remove")).out).toBe("text@s is removed\n");
  expect((await jobx("fs snapshots text@s")).err).toContain("FS_NOT_FOUND");
});

test("a snapshot is listed, read, fetched, archived and compared by the words for any folder", async () => {
  await putSome();
  await jobx("fs snapshot text:/d --name s");
  await jobx("fs put - text:/d/f", { input: "after that" });
  await jobx("fs put - text:/d/g", { input: "new" });
  expect((await jobx("fs ls text@s:/")).out).toBe("f\n");
  expect((await jobx("fs tree text@s:")).out).toBe("f\n");
  expect((await jobx("fs du text@s:/ --json")).out).toContain('"bytes":6');
  expect((await jobx("fs cat text@s:/f")).out).toBe("before");
  expect((await jobx("fs get text@s:/f -")).out).toBe("before");
  expect((await jobx(["fs", "get", "-r", "text@s:/", join(folder, "s")])).out).toContain("1 files");
  await jobx("fs stat text@s:/f");
  expect(called("files.stat")).toMatchObject({ path: "/f", snapshot: "s" });
  await jobx("fs export text@s:/f --car -");
  expect(called("volumes.openCar")).toMatchObject({ path: "/f", snapshot: "s" });
  expect((await jobx("fs diff text@s:/ text:/d")).out).toMatch(/^~ +6 B -> 10 B f\n\+ +3 B g\n$/u);
});

test("a snapshot is restored, over what is there where that is said", async () => {
  await putSome();
  await jobx("fs snapshot text:/d --name s");
  expect((await jobx("fs restore text@s text:/back")).out).toBe(
    "text:/back: 1 files, 0 folders, 0 links, 6 B\n",
  );
  expect((await jobx("fs cat text:/back/f")).out).toBe("before");
  expect((await jobx("fs restore text@s text:/back")).err).toContain("FS_NOT_EMPTY");
  expect(await jobx("fs restore text@s text:/back --replace")).toMatchObject({ exit: 0 });
  await jobx("fs restore text@s:/f text:/d/ --replace");
  expect(called("snapshots.restore")).toEqual({
    ...{ workflow: "text", snapshot: "s", path: "/f", to: "/d/f", replace: true },
  });
});

test("what changes something takes no snapshot for its path, and what needs one says so", async () => {
  const before = cluster.calls.length;
  for (const words of [
    "fs rm text@s:/f",
    "fs put - text@s:/f",
    "fs mv text@s:/f text@s:/g",
    "fs mkdir text@s:/f",
    "fs snapshot text@s:/",
    "fs restore text:/d text:/e",
    "fs restore text@s other:/e",
    "fs snapshots text --remove",
    "fs restore text:/f",
    "fs restore text@s:/f text:/g --version 1",
    "fs cat text:/f --version x",
    "fs quota text --versions 101",
    "fs quota text --versions-for 3",
    "fs snapshots text@",
    "fs ls text@:/",
  ]) {
    expect([words, (await jobx(words)).exit]).toEqual([words, 2]);
  }
  expect(cluster.calls.length).toBe(before);
});

test("what a file was is listed, read by its number and brought back, to its path or another", async () => {
  await putSome();
  const version = { version: 57, kept: "2026-01-31T08:00:00.000Z", bytes: 6, cid: "bafk" };
  const times = { mode: 0o644, mtime: "2026-01-30T08:00:00.000Z" };
  cluster.snapshots.versions = [{ ...version, ...times }];
  expect((await jobx("fs history text:/d/f")).out).toBe(
    "       57              6 until 2026-01-31T08:00:00Z bafk\n",
  );
  await jobx("fs cat text:/d/f --version 57");
  expect(called("files.open")).toMatchObject({ path: "/d/f", version: 57 });
  await jobx(["fs", "get", "text:/d/f", join(folder, "old"), "--version", "57"]);
  expect(called("files.open")).toMatchObject({ version: 57 });
  expect((await jobx("fs restore text:/d/f --version 57")).out).toContain("text:/d/f: 1 files");
  expect(called("snapshots.restoreVersion")).toEqual({
    ...{ workflow: "text", path: "/d/f", version: 57, to: "/d/f" },
  });
  expect((await jobx("fs restore text:/d/f text:/g --version 57")).out).toContain("text:/g: 1");
  expect((await jobx("fs restore text:/d/f --version 58")).err).toContain("FS_NOT_FOUND");
  await jobx("fs quota text --versions 10 --versions-for 720h");
  expect(cluster.volumes.settings).toMatchObject({ versions: 10, versionsMs: 720 * 3_600_000 });
});
