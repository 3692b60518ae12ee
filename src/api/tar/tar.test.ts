import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { checksumOf, fieldOf, TAR_FIELDS } from "./tar-blocks.ts";
import type { TarHead } from "./tar-entry.ts";
import { readTar } from "./tar-reader.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar-writer.ts";

const folder = mkdtempSync(join(tmpdir(), "jobx-tar-"));

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const FILE = {
  kind: "file",
  path: "d/f",
  mode: 0o640,
  mtimeMicros: 1_700_000_000_123_456,
} as const;

interface Read {
  readonly path: string;
  readonly kind: string;
  readonly content?: string;
}

/** What an archive has, read in pieces of some size. */
async function members(archive: Uint8Array, piece = 700): Promise<readonly Read[]> {
  const found: Read[] = [];
  for await (const entry of readTar(pieces(archive, piece))) {
    if (entry.kind !== "file") {
      found.push(entry);
      continue;
    }
    const { content, ...head } = entry;
    const parts: Uint8Array[] = [];
    for await (const part of content) parts.push(part);
    found.push({ ...head, content: Buffer.concat(parts).toString("latin1") });
  }
  return found;
}

async function* pieces(whole: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += size) {
    yield await Promise.resolve(whole.subarray(at, at + size));
  }
}

function packed(...parts: readonly (TarHead | string)[]): Buffer {
  const bytes = parts.flatMap((part) =>
    typeof part === "string"
      ? [Buffer.from(part, "latin1"), tarPadding(part.length)]
      : [tarHeader(part)],
  );
  return Buffer.concat([...bytes, TAR_END]);
}

/** An archive with something else in the first header. */
function forged(change: (header: Uint8Array) => void): Buffer {
  const archive = packed({ ...FILE, mtimeMicros: 0, bytes: 3 }, "abc");
  const header = archive.subarray(0, 512);
  change(header);
  const sum = checksumOf(header).toString(8).padStart(6, "0");
  fieldOf(header, TAR_FIELDS.checksum).set(Buffer.from(`${sum}\0 `));
  return archive;
}

function put(field: keyof typeof TAR_FIELDS, text: string): (header: Uint8Array) => void {
  return (header) => {
    const space = fieldOf(header, TAR_FIELDS[field]);
    space.fill(0);
    space.set(Buffer.from(text, "latin1"));
  };
}

async function failure(archive: Uint8Array): Promise<unknown> {
  return members(archive).then(
    () => "taken",
    (error: unknown) => error,
  );
}

test("what is written is read again, whatever its names, sizes and times are", async () => {
  const long = `${"ä".repeat(120)}/${"x".repeat(250)}`;
  const heads: readonly TarHead[] = [
    { kind: "directory", path: "d", mode: 0o755, mtimeMicros: 0 },
    { kind: "symlink", path: "l", target: "../out", mode: 0o777, mtimeMicros: 1_000_000 },
    { kind: "symlink", path: "m", target: long, mode: 0o777, mtimeMicros: -1_500_000 },
    { kind: "link", path: "h", target: "d/f" },
    { kind: "directory", path: long, mode: 0o700, mtimeMicros: 8_589_934_592_000_000 },
  ];
  const archive = packed(...heads, { ...FILE, bytes: 5 }, "12345", {
    ...FILE,
    path: "e",
    bytes: 0,
  });
  for (const piece of [1, 511, 512, 100_000]) {
    expect(await members(archive, piece)).toEqual([
      ...heads,
      { ...FILE, bytes: 5, content: "12345" },
      { ...FILE, path: "e", bytes: 0, content: "" },
    ]);
  }
});

test("content that nobody reads is passed over", async () => {
  const archive = packed({ ...FILE, bytes: 1500 }, "x".repeat(1500), {
    ...FILE,
    path: "g",
    bytes: 0,
  });
  const paths: string[] = [];
  for await (const { path } of readTar(pieces(archive, 100))) paths.push(path);
  expect(paths).toEqual(["d/f", "g"]);
});

test("an archive that is cut anywhere is not taken for a whole one", async () => {
  const archive = packed({ ...FILE, bytes: 700 }, "y".repeat(700));
  for (let length = 0; length < archive.length; length += 128) {
    expect([length, await failure(archive.subarray(0, length))]).toEqual([
      length,
      expect.objectContaining({ code: "API_TAR_INVALID" }),
    ]);
  }
});

test("a wrong checksum, wrong numbers and what is no archive are told", async () => {
  const wrong = packed({ ...FILE, mtimeMicros: 0, bytes: 0 });
  wrong[0] = 0x7a;
  const archives = [
    wrong,
    Buffer.from("no archive".repeat(200)),
    forged(put("size", "12x")),
    forged(put("mode", "99")),
    forged((header) => fieldOf(header, TAR_FIELDS.size).fill(0xff)),
    forged((header) => fieldOf(header, TAR_FIELDS.size).fill(0xbf)),
    Buffer.concat([packed(), Buffer.alloc((1 << 20) + 1)]),
    Buffer.concat([new Uint8Array(512), packed({ ...FILE, bytes: 0 })]),
  ];
  for (const archive of archives) {
    expect(await failure(archive)).toMatchObject({ code: "API_TAR_INVALID" });
  }
});

test("a declared size is no memory: one of 8 GiB ends where the bytes do", async () => {
  const error = await failure(forged(put("size", "77777777777")));
  expect(error).toMatchObject({
    code: "API_TAR_INVALID",
    message: "this is no whole tar archive: it ends early",
  });
  const header = forged((block) => {
    put("type", "x")(block);
    put("size", "77777777777")(block);
  });
  expect(await failure(header)).toMatchObject({ code: "API_TAR_INVALID" });
});

test("paths that lead out, devices, pipes, sparse files and foreign types are refused by name", async () => {
  const type = (text: string) => put("type", text);
  const archives = [
    ...["../f", "/etc/f", "a/../../f", "a/.."].map((path) => forged(put("name", path))),
    ...["3", "4", "6", "S", "V", "D", "M", "?"].map((text) => forged(type(text))),
    forged(put("name", "bad\xff")),
    packed({ kind: "link", path: "h", target: "../../etc/passwd" }),
    packed({ kind: "link", path: "h", target: "/etc/passwd" }),
  ];
  for (const archive of archives) {
    expect(await failure(archive)).toMatchObject({ code: "API_TAR_ENTRY_REFUSED" });
  }
});

test("records that cannot be read are refused, however many there are", async () => {
  const record = (text: string): Buffer => {
    const header = forged((block) => {
      put("type", "x")(block);
      put("size", text.length.toString(8))(block);
    }).subarray(0, 512);
    return Buffer.concat([header, Buffer.from(text, "latin1"), tarPadding(text.length)]);
  };
  const member = packed({ ...FILE, mtimeMicros: 0, bytes: 0 });
  const texts = [
    "9 a=b\n",
    "x a=b\n",
    "5 a=b",
    "99999999 a=b\n",
    "6 =ab\n",
    "0 a=b\n",
    "12 mtime=x1\n",
    // Behind one that is whole, so that its place ends in what a record ends in.
    "6 a=b\na=b",
    "6 a=b\n0 a=b\n",
  ];
  for (const text of [...texts, "11 size=1x\n"]) {
    const archive = Buffer.concat([record(text), member]);
    expect([text, await failure(archive)]).toMatchObject([text, { code: "API_TAR_INVALID" }]);
  }
  const many = Array.from({ length: 40 }, () => record("6 a=b\n"));
  expect(await failure(Buffer.concat([...many, member]))).toMatchObject({
    code: "API_TAR_INVALID",
  });
  const [file] = await members(Buffer.concat([record("16 path=./a/./b\n"), member]));
  expect(file).toMatchObject({ path: "a/b" });
});

test("archives of GNU tar in all its formats are read, and it refuses none of ours", async () => {
  const name = `${"n".repeat(90)}/${"o".repeat(90)}`;
  mkdirSync(join(folder, "in", "n".repeat(90)), { recursive: true });
  writeFileSync(join(folder, "in", name), "content");
  symlinkSync("x".repeat(150), join(folder, "in", "link"));
  for (const format of ["gnu", "pax", "oldgnu"]) {
    const archive = execFileSync("tar", [
      `--format=${format}`,
      "-C",
      join(folder, "in"),
      "-c",
      ".",
    ]);
    const read = await members(archive);
    expect(read).toContainEqual(expect.objectContaining({ path: name, content: "content" }));
    expect(read).toContainEqual(expect.objectContaining({ path: "link", target: "x".repeat(150) }));
  }
  const ours = join(folder, "ours.tar");
  writeFileSync(ours, packed({ ...FILE, path: name, bytes: 3 }, "abc"));
  mkdirSync(join(folder, "out"));
  execFileSync("tar", ["-C", join(folder, "out"), "-xf", ours]);
  expect(readFileSync(join(folder, "out", name), "utf8")).toBe("abc");
});

test("sparse files of GNU tar are refused and not read as what they are not", async () => {
  writeFileSync(join(folder, "sparse"), "");
  truncateSync(join(folder, "sparse"), 1 << 20);
  for (const format of ["gnu", "pax"]) {
    const archive = execFileSync("tar", [`--format=${format}`, "-S", "-C", folder, "-c", "sparse"]);
    expect(await failure(archive)).toMatchObject({ code: "API_TAR_ENTRY_REFUSED" });
  }
});
