import { hash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { FakeTimers } from "../../../test/lib/fake-timers.ts";
import { TreeKit } from "../../../test/lib/tree-kit.ts";
import type { Call } from "../../actors/ports.ts";
import type { TarHead } from "../../api/tar/tar-entry.ts";
import { TAR_END, tarHeader, tarPadding } from "../../api/tar/tar-writer.ts";
import type { StoredWindow } from "../../fs/file-blocks.ts";
import type { Row } from "../../scheduler/rows.ts";
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import { treeError } from "../../scheduler/tree/errors.ts";
import { ClusterError } from "../cluster-errors.ts";
import { putTree, type TreeDeps } from "./put-tree.ts";
import { archiveOf } from "./tree-archive.ts";
import { TreeReader } from "./tree-reader.ts";

const CALL = { group: 7, deadlineMs: 1000 };
const MIB = 1024 * 1024;

/** A volume whose commands are applied for real, and whose content is only hashed. */
class Volume {
  readonly kit = new TreeKit();
  readonly commands: TreeCommand[] = [];
  batches = 0;
  /** How long the store takes for each batch, and which it refuses. */
  storeMs: readonly number[] = [];
  failsAtBatch = -1;
  storedAtOnce = 0;
  storedAtOnceMost = 0;

  async put(
    archive: Uint8Array | AsyncIterable<Uint8Array>,
    how: { readonly path?: string; readonly atomic?: boolean } = {},
  ): Promise<unknown> {
    const { path = "/in", atomic = false } = how;
    const bytes = archive instanceof Uint8Array ? pieces(archive) : archive;
    const { signal } = new AbortController();
    const input = { workflow: "flow", path, atomic };
    return putTree(this.#deps(), input, { call: CALL, archive: bytes, signal }).catch(
      (error: unknown) => error,
    );
  }

  paths(): readonly string[] {
    return [...this.kit.paths().keys()];
  }

  count(kind: TreeCommand["kind"]): number {
    return this.commands.filter((one) => one.kind === kind).length;
  }

  #deps(): TreeDeps {
    const read = (_group: number, { keys }: { readonly keys: readonly string[] }) => {
      const values = keys.map((key): Row | undefined => this.kit.rows.get(key));
      const rest = { scanned: [], more: false, term: 1, appliedIndex: 1 };
      return Promise.resolve({ kind: "rows", values, ...rest } as const);
    };
    return {
      self: "me",
      reader: new TreeReader({ read }),
      timers: new FakeTimers(),
      pins: { hold: (_group, begin) => begin() },
      keys: () => Promise.reject(new Error("nothing is sealed")),
      coded: { code: () => Promise.reject(new Error("nothing is coded")) },
      caller: { ask: (_node: string, _call: Call) => Promise.resolve({ kind: "done" }) },
      others: () => ["other"],
      sleep: () => Promise.resolve(),
      command: (_call, command) => Promise.resolve().then(() => this.#run(command)),
      contents: {
        store: ({ bytes }) => stored(bytes),
        storeFiles: (files) => this.#store(files),
      },
    };
  }

  async *#store(files: readonly Uint8Array[]): AsyncGenerator<StoredWindow> {
    const batch = this.batches;
    this.batches += 1;
    this.storedAtOnce += 1;
    this.storedAtOnceMost = Math.max(this.storedAtOnceMost, this.storedAtOnce);
    await sleep(this.storeMs[batch] ?? 0);
    this.storedAtOnce -= 1;
    if (batch === this.failsAtBatch) throw new ClusterError({ code: "FS_DISK_FULL" }, "full");
    for (const data of files) yield windowOf(data);
  }

  #run(command: TreeCommand): { readonly inode: number; readonly revision: number } {
    this.commands.push(command);
    const answer = this.kit.run(command);
    if (answer.kind === "refused") {
      throw new ClusterError({ code: answer.code }, answer.message);
    }
    if (answer.kind !== "inode") throw treeError("FS_NOT_FOUND", answer.kind);
    return answer;
  }
}

function windowOf(data: Uint8Array): StoredWindow {
  const cid = hash("sha256", data, "hex");
  const chunks = data.length === 0 ? [] : [{ cid, bytes: data.length }];
  return { chunks, root: `b${cid}`, sha256: undefined };
}

async function* stored(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<StoredWindow> {
  let last: StoredWindow = windowOf(new Uint8Array(0));
  for await (const part of bytes) {
    last = windowOf(part);
    yield { ...last, root: undefined };
  }
  yield { ...last, chunks: [] };
}

async function* pieces(whole: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < whole.length; at += 200_000) {
    yield await Promise.resolve(whole.subarray(at, at + 200_000));
  }
}

function dir(path: string, mode = 0o755): TarHead {
  return { kind: "directory", path, mode, mtimeMicros: 5_000_000 };
}

function file(path: string, content: string): readonly Uint8Array[] {
  const bytes = Buffer.from(content);
  const head = {
    kind: "file",
    path,
    bytes: bytes.length,
    mode: 0o640,
    mtimeMicros: 1_500,
  } as const;
  return [tarHeader(head), bytes, tarPadding(bytes.length)];
}

function link(kind: "symlink" | "link", path: string, target: string): Uint8Array {
  if (kind === "link") return tarHeader({ kind, path, target });
  return tarHeader({ kind, path, target, mode: 0o777, mtimeMicros: 0 });
}

function many(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, at) => file(`d/f${at}`, `content ${at}`)).flat();
}

test("files, folders and links are put with their modes and times", async () => {
  const volume = new Volume();
  const parts = [
    ...[tarHeader(dir("", 0o700)), tarHeader(dir("d", 0o711))],
    ...file("d/f", "content"),
    ...[link("link", "new/h", "d/f"), link("symlink", "s", "../out")],
  ];
  const answer = await volume.put(Buffer.concat([...parts, TAR_END]));
  const counts = { files: 1, directories: 1, links: 2, bytes: 7 };
  expect(answer).toEqual({ path: "/in", ...counts, copies: 2, copiesWanted: 2 });
  const { kit } = volume;
  expect(volume.paths()).toEqual(["in", "in/d", "in/d/f", "in/new", "in/new/h", "in/s"]);
  expect(kit.find("in").row.mode).toBe(0o700);
  expect(kit.find("in/d").row).toMatchObject({ mode: 0o711, mtimeMicros: 5_000_000 });
  expect(kit.find("in/d/f").row).toMatchObject({ mode: 0o640, mtimeMicros: 1_500, links: 2 });
  expect(kit.find("in/new/h").inode).toBe(kit.find("in/d/f").inode);
  expect(kit.find("in/s").row).toMatchObject({ target: "../out" });
  expect(kit.use().pins).toBe(0);
  kit.checkCounts();
});

test("many small files take one batch and one commit for each 256, and a second put replaces them", async () => {
  const volume = new Volume();
  const archive = Buffer.concat([...many(1000), link("symlink", "s", "x"), TAR_END]);
  expect(await volume.put(archive)).toMatchObject({ files: 1000, links: 1 });
  expect([volume.batches, volume.count("fs-commit")]).toEqual([4, 4]);
  expect(await volume.put(archive)).toMatchObject({ files: 1000, links: 1 });
  expect(volume.paths()).toHaveLength(1003);
  volume.kit.checkCounts();
});

test("a large file goes as a stream between those around it", async () => {
  const volume = new Volume();
  const large = "x".repeat(MIB + 1);
  const archive = Buffer.concat([
    ...file("a", "1"),
    ...file("b", large),
    ...file("c", "3"),
    TAR_END,
  ]);
  expect(await volume.put(archive)).toMatchObject({ files: 3, bytes: MIB + 3 });
  expect(volume.kit.find("in/b").row).toMatchObject({ bytes: MIB + 1 });
});

test("of an archive that is cut stays what was committed, and the error counts it", async () => {
  const volume = new Volume();
  const archive = Buffer.concat(many(600));
  const error = await volume.put(archive);
  expect(error).toMatchObject({ code: "API_TAR_INVALID", details: { files: 512 } });
  expect(volume.paths()).toHaveLength(514);
  expect(volume.kit.use().pins).toBe(0);
});

test("with atomic nothing is seen before all is there, and of a failure nothing stays", async () => {
  const volume = new Volume();
  const parts = many(600);
  const seen: (readonly string[])[] = [];
  async function* watched(): AsyncGenerator<Uint8Array> {
    for (const part of [...parts, TAR_END]) {
      seen.push(volume.paths().filter((path) => !path.startsWith(".uploads")));
      yield await Promise.resolve(part);
    }
  }
  const cut = await volume.put(Buffer.concat(parts), { atomic: true });
  expect(cut).toMatchObject({ code: "API_TAR_INVALID", details: { files: 0 } });
  expect(volume.paths()).toEqual([]);
  expect(await volume.put(watched(), { atomic: true, path: "/a/b" })).toMatchObject({ files: 600 });
  expect(seen.every((paths) => paths.length === 0)).toBe(true);
  expect(volume.paths()).toHaveLength(603);
  const again = await volume.put(Buffer.concat([TAR_END]), { atomic: true, path: "/a/b" });
  expect(again).toMatchObject({ code: "FS_NOT_EMPTY" });
  volume.kit.sweep();
  volume.kit.checkCounts();
});

test("names that a volume does not take, and what is in the way, are refused by their code", async () => {
  const volume = new Volume();
  const put = (...parts: readonly Uint8Array[]) => volume.put(Buffer.concat([...parts, TAR_END]));
  expect(await put(...file("x".repeat(256), "1"))).toMatchObject({ code: "FS_NAME_TOO_LONG" });
  expect(await put(...file("a\nb", "1"))).toMatchObject({ code: "FS_NAME_INVALID" });
  expect(await put(tarHeader(dir("d")))).toMatchObject({ directories: 1 });
  expect(await put(...file("d", "1"))).toMatchObject({ code: "FS_IS_DIRECTORY" });
  expect(await put(link("link", "h", "none"))).toMatchObject({ code: "FS_NOT_FOUND" });
  expect(await put(link("link", "d/x", "d/x"))).toMatchObject({ code: "FS_EXISTS" });
  expect(await put(link("symlink", "s", "d"), ...file("e", "1"))).toMatchObject({ links: 1 });
  expect(await put(...file("s/f", "1"))).toMatchObject({ code: "FS_NOT_DIRECTORY" });
});

test("names that come again in a later batch have what came last, however long the first takes to be stored", async () => {
  const volume = new Volume();
  volume.storeMs = [50, 0, 0];
  const named = (text: string): readonly Uint8Array[] =>
    Array.from({ length: 256 }, (_, at) => file(`f${at}`, `${text}${at}`)).flat();
  const archive = Buffer.concat([
    ...named("first "),
    ...named("then "),
    ...named("last "),
    TAR_END,
  ]);
  expect(await volume.put(archive)).toMatchObject({ files: 768 });
  expect(volume.storedAtOnceMost).toBe(3);
  const root = (text: string) => ({ root: windowOf(Buffer.from(text)).root });
  expect(volume.kit.find("in/f0").row).toMatchObject(root("last 0"));
  expect(volume.kit.find("in/f255").row).toMatchObject(root("last 255"));
});

test("after a batch that fails none is named, and nothing is under way any more", async () => {
  const volume = new Volume();
  volume.storeMs = [0, 20, 40];
  volume.failsAtBatch = 1;
  const names = Array.from({ length: 3 * 256 }, (_, at) => file(`f${at}`, "x")).flat();
  expect(await volume.put(Buffer.concat([...names, TAR_END]))).toMatchObject({
    code: "FS_DISK_FULL",
    details: { files: 256 },
  });
  expect(volume.count("fs-commit")).toBe(1);
  expect(volume.storedAtOnce).toBe(0);
});

test("a file that does not have its size cuts an archive off", async () => {
  const volume = new Volume();
  await volume.put(Buffer.concat([...file("f", "content"), TAR_END]));
  const root = volume.kit.find("in");
  const deps = {
    page: () =>
      Promise.resolve({ entries: [{ name: "f", ...volume.kit.find("in/f") }], next: undefined }),
    read: () => pieces(Buffer.from("less")),
    readTogether: () => pieces(Buffer.from("less")),
  };
  const all = async (): Promise<void> => {
    for await (const part of archiveOf(deps, root)) void part;
  };
  await expect(all()).rejects.toMatchObject({ code: "FS_CHANGED" });
});
