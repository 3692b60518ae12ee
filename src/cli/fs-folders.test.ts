import {
  chmod,
  lstat,
  mkdir,
  readFile,
  readlink,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { called, cluster, file, folder, jobx } from "../../test/lib/cli-kit.ts";
import type { TarHead } from "../api/tar/tar-entry.ts";
import { TAR_END, tarHeader, tarPadding } from "../api/tar/tar-writer.ts";
import { archiveOfLocal } from "./local-archive.ts";
import { unpackLocal } from "./local-unpack.ts";

test("a folder is put, walked, summed up and got", async () => {
  await file("put/a/f", "12345");
  await file("put/g", "123");
  const ran = await jobx(["fs", "put", "-r", "--atomic", join(folder, "put"), "text:/in"]);
  expect(ran).toMatchObject({ exit: 0, err: "" });
  expect(ran.out).toBe("text:/in: 2 files, 1 folders, 0 links, 8 B on 2 nodes\n");
  expect(called("files.putTree")).toMatchObject({ path: "/in", atomic: true });
  expect((await jobx("fs tree text:/in")).out).toBe("a/\n  f\ng\n");
  expect((await jobx("fs du text:/in")).out.replaceAll(/ +/gu, " ")).toBe(" 5 1 /in/a\n 8 2 /in\n");
  const to = join(folder, "got");
  expect(await jobx(["fs", "get", "-r", "text:/in", to])).toMatchObject({ exit: 0 });
  expect(await readFile(join(to, "a/f"), "utf8")).toBe("12345");
});

test("an archive that breaks off is told, and what is no folder is refused", async () => {
  cluster.files.add("/in", undefined);
  cluster.files.add("/in/f", Buffer.from("content"));
  cluster.files.breaksAfter = 600;
  const ran = await jobx(["fs", "get", "-r", "text:/in", join(folder, "broken")]);
  expect(ran.exit).not.toBe(0);
  expect(ran.err).toContain("CLIENT_RESULT_BROKEN");
  const local = await file("plain", "x");
  expect(await jobx(["fs", "put", "-r", local, "text:/in"])).toMatchObject({ exit: 2 });
});

test("modes, times and links are what they were", async () => {
  const from = join(folder, "from");
  await file("from/d/f", "content");
  await symlink("../out", join(from, "d/l"));
  await chmod(join(from, "d/f"), 0o750);
  await utimes(join(from, "d/f"), 1_600_000_000.25, 1_600_000_000.25);
  await chmod(join(from, "d"), 0o500);
  await utimes(join(from, "d"), 1_500_000_000, 1_500_000_000);
  const to = join(folder, "to");
  const counts = await unpackLocal(
    to,
    archiveOfLocal(from, () => {}),
  );
  expect(counts).toEqual({ files: 1, directories: 1, links: 1, bytes: 7 });
  const [f, d] = [await stat(join(to, "d/f")), await stat(join(to, "d"))];
  expect([f.mode & 0o777, f.mtimeMs, d.mode & 0o777, d.mtimeMs]).toEqual([
    ...[0o750, 1_600_000_000_250],
    ...[0o500, 1_500_000_000_000],
  ]);
  expect(await readlink(join(to, "d/l"))).toBe("../out");
  for (const one of [from, to]) await chmod(join(one, "d"), 0o700);
});

test("no archive writes through a link, its own or one that was there", async () => {
  const outside = await file("outside/f", "mine");
  const to = join(folder, "inside");
  await mkdir(to);
  await symlink(join(folder, "outside"), join(to, "there"));
  const link = {
    kind: "symlink",
    path: "l",
    target: "../outside",
    mode: 0o777,
    mtimeMicros: 0,
  } as const;
  const unpack = (...heads: readonly TarHead[]) => {
    const parts = heads.flatMap((head) =>
      head.kind === "file"
        ? [tarHeader(head), Buffer.from("bad"), tarPadding(3)]
        : [tarHeader(head)],
    );
    return unpackLocal(to, Readable.from([...parts, TAR_END]));
  };
  const bad = (path: string) =>
    ({ kind: "file", path, bytes: 3, mode: 0o644, mtimeMicros: 0 }) as const;
  const refused = { code: "CLI_FILE_UNWRITABLE" };
  await expect(unpack(link, bad("l/f"))).rejects.toMatchObject(refused);
  await expect(unpack(bad("there/f"))).rejects.toMatchObject(refused);
  await expect(unpack(link, { kind: "link", path: "h", target: "l/f" })).rejects.toMatchObject(
    refused,
  );
  const toFile = { ...link, path: "x.jobx-part", target: "../outside/f" };
  await unpack(toFile, bad("x"), { ...link, path: "y", target: "../outside/f" }, bad("y"));
  expect(await readFile(outside, "utf8")).toBe("mine");
  expect((await lstat(join(to, "y"))).isFile()).toBe(true);
  await writeFile(outside, "mine");
});
