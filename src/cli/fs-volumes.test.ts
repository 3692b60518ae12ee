import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { called, cluster, folder, jobx } from "../../test/lib/cli-kit.ts";

test("a file and a folder are copied within a workflow by the node, and to another through here", async () => {
  await jobx("fs put - text:/d/f", { input: "some" });
  cluster.files.add("/d");
  expect((await jobx("fs cp text:/d/f text:/g -n")).out).toBe(
    "text:/g: 1 files, 0 folders, 0 links, 4 B\n",
  );
  expect(called("volumes.copy")).toMatchObject({ exclusive: true, recursive: false });
  expect(await jobx("fs cp text:/d/f text:/g -n")).toMatchObject({ exit: 4 });
  expect((await jobx("fs cp text:/d text:/e")).err).toContain("FS_IS_DIRECTORY");
  expect((await jobx("fs cp -r text:/d text:/e/ --json")).out).toContain('"path": "/e/d"');
  expect((await jobx("fs cat text:/e/d/f")).out).toBe("some");
  const copies = cluster.calls.filter(({ method }) => method === "volumes.copy").length;
  expect((await jobx("fs cp text:/d/f other:/h")).out).toBe("other:/h: 4 B\n");
  expect((await jobx("fs cp -r text:/d other:/i")).out).toContain("other:/i: 1 files");
  expect((await jobx("fs cat other:/i/f")).out).toBe("some");
  expect(cluster.calls.filter(({ method }) => method === "volumes.copy").length).toBe(copies);
});

test("a quota is shown, and of its settings those that are said are changed", async () => {
  expect((await jobx("fs quota text")).out).toMatch(
    /copies +2\nchunking +fixed\nquotaBytes +null/u,
  );
  const set = await jobx("fs quota text --bytes 1GiB --files 1000 --copies 3 --json");
  const settings = { quotaBytes: 2 ** 30, quotaFiles: 1000, copies: 3 };
  expect(JSON.parse(set.out)).toMatchObject({ ...settings, chunking: "fixed" });
  expect(called("volumes.change")).toEqual({ workflow: "text", revision: undefined, settings });
  await jobx("fs quota text --bytes none --chunking content-defined");
  expect(cluster.volumes.settings).toMatchObject({
    ...{ quotaBytes: null, quotaFiles: 1000, chunking: "content-defined" },
  });
  for (const wrong of ["--bytes x", "--files 1KiB", "--copies 17", "--copies 0", "--chunking no"]) {
    expect([wrong, (await jobx(`fs quota text ${wrong}`)).exit]).toEqual([wrong, 2]);
  }
});

test("a volume is sealed as it is made or while it is empty, and its key goes out and comes back as text", async () => {
  expect((await jobx("workflow create sealed --sealed")).exit).toBe(0);
  const settings = { sealed: true };
  expect(called("volumes.change")).toEqual({ workflow: "sealed", revision: undefined, settings });
  await jobx("fs quota text --sealed no");
  expect(cluster.volumes.settings).toMatchObject({ sealed: false });
  expect((await jobx("workflow key export text")).err).toContain("FS_KEY_MISSING");
  expect((await jobx("fs quota text --sealed yes")).out).toMatch(/sealed +true/u);
  const exported = await jobx("workflow key export text");
  expect(exported.out).toMatch(/^[A-Za-z0-9_-]{43}\n$/u);
  const [right, wrong, none] = ["right", "wrong", "none"].map((name) => join(folder, name));
  await writeFile(right ?? "", exported.out);
  await writeFile(wrong ?? "", "w".repeat(43));
  await writeFile(none ?? "", "k".repeat(100));
  const put = (file: string | undefined) => jobx(["workflow", "key", "import", "text", file ?? ""]);
  expect((await put(right)).out).toBe("given to 1 nodes\n");
  expect((await put(wrong)).err).toContain("FS_KEY_WRONG");
  expect((await put(none)).exit).toBe(2);
  expect((await put(join(folder, "missing"))).err).toContain("CLI_FILE_UNREADABLE");
  expect((await jobx("fs quota text --sealed maybe")).exit).toBe(2);
});

test("an archive is written and taken in, also as a stream, and one that is none is refused", async () => {
  await jobx("fs put - text:/f", { input: "some" });
  const to = join(folder, "f.car");
  expect((await jobx(["fs", "export", "text:/f", "--car", to])).out).toBe(`${to}: 4 B, bafkfake\n`);
  expect(await readFile(to, "utf8")).toBe("some");
  expect((await jobx("fs export text:/f --car -")).out).toBe("some");
  const put = "1 files, 0 folders, 0 links, 4 B on 2 nodes, bafkfake";
  expect((await jobx(["fs", "import", "--car", to, "text:/g"])).out).toBe(`text:/g: ${put}\n`);
  expect((await jobx("fs import --car - text:/h", { input: "some" })).out).toBe(
    `text:/h: ${put}\n`,
  );
  expect((await jobx("fs import --car - text:/i", { input: "" })).err).toContain(
    "FS_CAR_MALFORMED",
  );
  for (const words of ["fs export text:/f", "fs import text:/g", "fs import --car none text:/g"]) {
    expect([words, (await jobx(words)).exit]).toEqual([words, 2]);
  }
});

test("two folders are compared by content, page by page, with what is on one side only", async () => {
  for (const base of ["/a", "/b"]) {
    cluster.files.add(base);
    for (let at = 0; at < 450; at++) {
      cluster.files.add(`${base}/f${String(at).padStart(3, "0")}`, Buffer.from(`${at}`));
    }
  }
  expect((await jobx("fs diff text:/a text:/b")).out).toBe("");
  cluster.files.nodes.delete("/b/f007");
  cluster.files.add("/b/f300", Buffer.from("other"));
  cluster.files.add("/b/f449", undefined);
  cluster.files.add("/b/f449/x", Buffer.from("12"));
  cluster.files.add("/b/g", Buffer.from("new"));
  const text = (await jobx("fs diff text:/a text:/b")).out.replaceAll(/ +/gu, " ");
  expect(text).toBe("- 1 B f007\n~ 3 B -> 5 B f300\n~ 3 B -> folder f449\n+ 2 B f449/x\n+ 3 B g\n");
  const lines = (await jobx("fs diff text:/b text:/a --json")).out.trimEnd().split("\n");
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { change: "added", path: "f007", before: null, after: { type: "file", bytes: 1 } },
    { change: "changed", path: "f300" },
    { change: "changed", path: "f449", before: { type: "directory" } },
    { change: "removed", path: "f449/x", after: null },
    { change: "removed", path: "g" },
  ]);
  expect((await jobx("fs diff text:/a/f001 text:/b/f002")).out).toContain("1 B -> 1 B .");
  expect((await jobx("fs diff text:/a text:/none")).err).toContain("FS_NOT_FOUND");
});
