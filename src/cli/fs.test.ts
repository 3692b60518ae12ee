import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cluster, file, folder, jobx } from "../../test/lib/cli-kit.ts";

test("a file is put, listed, looked at, got and written out", async () => {
  const local = await file("f.txt", "some content");
  expect(await jobx(["fs", "put", local, "text:/in/", "-p"])).toEqual({
    exit: 0,
    out: "text:/in/f.txt: 12 B on 2 nodes\n",
    err: "",
  });
  const stated: unknown = JSON.parse((await jobx("fs stat text:/in/f.txt --json")).out);
  expect(stated).toMatchObject({ path: "/in/f.txt", type: "file", bytes: 12 });
  expect((await jobx("fs cat text:/in/f.txt text:/in/f.txt")).out).toBe("some contentsome content");
  expect((await jobx("fs get text:/in/f.txt -")).out).toBe("some content");
  const to = join(folder, "got");
  expect((await jobx(["fs", "get", "text:/in/f.txt", to])).out).toBe(`${to}: 12 B\n`);
  expect(await readFile(to, "utf8")).toBe("some content");
  await jobx(["fs", "get", "text:/in/f.txt", folder]);
  expect(await readFile(local, "utf8")).toBe("some content");
});

test("the standard input is put as it comes", async () => {
  const ran = await jobx("fs put - text:/in/all --json", { input: "from a pipe" });
  expect(JSON.parse(ran.out)).toMatchObject({ path: "/in/all", bytes: 11, copies: 2 });
  expect((await jobx("fs cat text:/in/all")).out).toBe("from a pipe");
});

test("folders are made, moved into, listed page by page and removed", async () => {
  expect((await jobx("fs mkdir text:/d")).out).toBe("text:/d is there\n");
  expect(await jobx("fs mkdir text:/d")).toMatchObject({ exit: 4 });
  expect(await jobx("fs mkdir -p text:/d")).toMatchObject({ exit: 0 });
  for (let at = 0; at < 1500; at++) cluster.files.add(`/d/n${String(at).padStart(4, "0")}`);
  const lines = (await jobx("fs ls text:/d")).out.trimEnd().split("\n");
  expect(lines).toHaveLength(1500);
  expect([lines[0], lines.at(-1)]).toEqual(["n0000/", "n1499/"]);
  await jobx("fs put - text:/file", { input: "x" });
  expect((await jobx("fs mv text:/file text:/d/")).out).toBe("text:/d/file is there\n");
  expect((await jobx("fs ls -l text:/d/file")).out).toMatch(
    /^-rw-r--r-- {3}1 {14}1 2026-01-31T08:00:00Z file\n$/u,
  );
  expect((await jobx("fs ls text:/d/file --json")).out).toContain('"name":"file"');
  expect(await jobx("fs rm text:/d")).toMatchObject({ exit: 4, out: "" });
  expect((await jobx("fs rm -r text:/d")).out).toBe("text:/d is removed\n");
  expect((await jobx("fs stat text:/d/file")).err).toContain("FS_NOT_FOUND");
});

test("what is no path of a workflow, and what cannot be read, is told before anything is asked", async () => {
  const before = cluster.calls.length;
  for (const words of [
    "fs ls /in",
    "fs put nothing.txt text:/f",
    "fs mv a:/x b:/y",
    "fs get :/f",
  ]) {
    expect([words, (await jobx(words)).exit]).toEqual([words, 2]);
  }
  expect(cluster.calls.length).toBe(before);
});

test("a file that breaks off leaves nothing at its place", async () => {
  await jobx("fs put - text:/broken", { input: "0123456789" });
  cluster.files.breaksAfter = 4;
  const to = join(folder, "broken");
  const ran = await jobx(["fs", "get", "text:/broken", to]);
  expect(ran.exit).not.toBe(0);
  expect(ran.err).toContain("CLIENT_RESULT_BROKEN");
  await expect(stat(to)).rejects.toThrow("ENOENT");
  await expect(stat(`${to}.jobx-part`)).rejects.toThrow("ENOENT");
});
