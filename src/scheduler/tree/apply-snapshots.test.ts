import { expect, test } from "vitest";
import { at, block, file, TreeKit } from "../../../test/lib/tree-kit.ts";
import { seededRandom } from "../../std/random.ts";
import type { Answer } from "../rows.ts";
import type { TreeCommand } from "./commands.ts";
import { lookUp, namedBlocks } from "./reads.ts";
import { FROZEN_INODE_FIRST, type InodeRow } from "./rows.ts";

const COUNTS = { files: 0, directories: 0, links: 0, bytes: 0 };
const codeOf = (answer: Answer): string => (answer.kind === "refused" ? answer.code : answer.kind);
const begin = (name: string, upload = "u1"): TreeCommand => ({
  ...{ kind: "fs-snapshot", upload, name, path: "/" },
});
const end = (name: string, upload = "u1"): TreeCommand => ({
  ...{ kind: "fs-snapshot-end", upload, name, root: "bafy", counts: COUNTS },
});
const remove = (name: string, upload?: string): TreeCommand => ({
  ...{ kind: "fs-snapshot-remove", name, upload },
});

/** The top folder of one that is begun. */
function begun(kit: TreeKit, name: string): number {
  const answer = kit.run(begin(name));
  if (answer.kind !== "inode") throw new Error(`not begun: ${codeOf(answer)}`);
  return answer.inode;
}

/** Copies the tree as it is into a snapshot, as nodes do it. */
function taken(kit: TreeKit, name: string): number {
  const top = begun(kit, name);
  for (const [path, { row }] of kit.paths()) {
    const place = { from: top, path };
    if (row.kind === "fs-directory") {
      expect(kit.run({ kind: "fs-mkdir", place, mode: row.mode, parents: true }).kind).toBe(
        "inode",
      );
    } else if (row.kind === "fs-symlink") {
      expect(kit.run({ kind: "fs-symlink", place, target: row.target }).kind).toBe("inode");
    } else {
      const { content, mode, mtimeMicros } = row;
      const one = { ...file(path), place, content, mode, mtimeMicros };
      expect(kit.commit([one], { parents: true }).kind).toBe("inode");
    }
  }
  expect(kit.run(end(name)).kind).toBe("inode");
  return top;
}

const shown = (row: InodeRow): unknown =>
  row.kind === "fs-file" ? row.content : row.kind === "fs-symlink" ? row.target : row.kind;

test("a snapshot has its files under numbers of its own, and keeps their blocks when they are removed", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("d/f", 1, 2), file("g", 2)], { parents: true });
  const top = taken(kit, "s");
  expect(top).toBeGreaterThanOrEqual(FROZEN_INODE_FIRST);
  kit.run({ kind: "fs-remove", place: at("d") });
  kit.unlink("g");
  kit.sweep();
  const cids = [block(1).cid, block(2).cid];
  expect(namedBlocks(kit.view, cids)).toEqual(cids);
  expect(kit.paths().size).toBe(0);
  expect(shown(lookUp(kit.view, at("d/f", top), { follow: false }).row)).toEqual({
    kind: "inline",
    blocks: [block(1), block(2)],
  });
  kit.checkCounts();
  expect(codeOf(kit.run(remove("s")))).toBe("inode");
  kit.sweep();
  expect(namedBlocks(kit.view, cids)).toEqual([]);
  expect(kit.use()).toEqual({ usedBytes: 0, usedInodes: 0, pins: 1 });
  kit.checkCounts();
});

test("what is in a snapshot takes no change, by its path or by its number", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("d/f", 1)], { parents: true });
  const top = taken(kit, "s");
  const inner = lookUp(kit.view, at("d", top), { follow: false }).inode;
  const { inode } = lookUp(kit.view, at("d/f", top), { follow: false });
  const before = [...kit.rows];
  const named = { name: "user.a", value: new Uint8Array([1]), over: "any" } as const;
  const unsaid = { expect: { kind: "any" }, mode: 0o600, mtimeMicros: undefined } as const;
  const move = (from: ReturnType<typeof at>, to: ReturnType<typeof at>): TreeCommand => ({
    ...{ kind: "fs-rename", over: "tree", parents: true },
    moves: [{ from, to, keep: undefined }],
  });
  const commands: readonly TreeCommand[] = [
    { kind: "fs-mkdir", place: at("x", top), mode: 0o755, parents: true },
    { kind: "fs-mkdir", place: at("x", inner), mode: 0o755, parents: true },
    { kind: "fs-symlink", place: at("x", inner), target: "y" },
    { kind: "fs-remove", place: at("d", top) },
    { kind: "fs-rmdir", place: at("d", top) },
    { kind: "fs-unlink", places: [at("f", inner)] },
    { kind: "fs-link", from: at("", inode), to: at("x") },
    { kind: "fs-link", from: at("d/f"), to: at("x", inner) },
    { kind: "fs-attributes", place: at("", inode), ...unsaid },
    { kind: "fs-attribute", place: at("", top), ...named },
    move(at("d", top), at("x")),
    move(at("d"), at("x", inner)),
  ];
  for (const command of commands)
    expect(codeOf(kit.run(command)), command.kind).toBe("FS_READ_ONLY");
  for (const place of [at("", inode), at("f", inner), at("new", top)]) {
    expect(codeOf(kit.commit([{ ...file("f", 2), place }]))).toBe("FS_READ_ONLY");
  }
  expect([...kit.rows]).toEqual(before);
});

test("one name is taken once, one that was given up cannot be ended, and only what is being made has an upload", () => {
  const kit = TreeKit.withPin();
  expect(codeOf(kit.run(begin("s", "nobody")))).toBe("FS_PIN_LAPSED");
  for (const name of ["", ".s", "a/b", "a b", "a@b"]) {
    expect(codeOf(kit.run(begin(name))), name).toBe("FS_NAME_INVALID");
  }
  begun(kit, "s");
  expect(codeOf(kit.run(begin("s")))).toBe("FS_EXISTS");
  expect(codeOf(kit.run(remove("s")))).toBe("FS_NOT_FOUND");
  expect(codeOf(kit.run(remove("s", "u1")))).toBe("inode");
  expect(codeOf(kit.run(end("s")))).toBe("FS_PIN_LAPSED");
  taken(kit, "s");
  expect(codeOf(kit.run(end("s")))).toBe("FS_PIN_LAPSED");
  expect(codeOf(kit.run(remove("s", "u1")))).toBe("FS_NOT_FOUND");
  expect(codeOf(kit.run(remove("s")))).toBe("inode");
  kit.checkCounts();
});

test("links of a snapshot lead nowhere out of it", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("f", 1)], {});
  for (const [path, target] of [
    ["a", "/f"],
    ["b", "../../f"],
    ["c", "/d"],
  ] as const) {
    kit.run({ kind: "fs-symlink", place: at(path), target });
  }
  const top = taken(kit, "s");
  kit.commit([file("f", 2), file("d", 2)], {});
  for (const path of ["a", "b"]) {
    const { row } = lookUp(kit.view, at(path, top), { follow: true });
    expect(shown(row)).toEqual({ kind: "inline", blocks: [block(1)] });
  }
  expect(() => lookUp(kit.view, at("c", top), { follow: true })).toThrow("no such file");
});

test("random changes to the tree leave every snapshot as it was taken, and all counts right", () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const random = seededRandom(seed);
    const below = (limit: number): number => Math.floor(random.next() * limit);
    const path = (): string =>
      Array.from({ length: 1 + below(2) }, () => "abc".charAt(below(3))).join("/");
    const kit = TreeKit.withPin(seed);
    /** What each snapshot showed when it was taken. */
    const model = new Map<string, { readonly top: number; readonly shown: readonly unknown[] }>();
    const look = (top?: number): readonly unknown[] =>
      [...kit.paths(top)].map(([one]) => {
        const { row } = lookUp(kit.view, at(one, top), { follow: false });
        return [one, shown(row)];
      });
    for (let count = 0; count < 60; count += 1) {
      const which = below(8);
      const name = `s${below(4)}`;
      if (which < 3) kit.commit([file(path(), below(5), below(5))], { parents: true });
      else if (which === 3) kit.rename(path(), path(), { over: "tree" });
      else if (which === 4) kit.run({ kind: "fs-remove", place: at(path()) });
      else if (which === 5) kit.run({ kind: "fs-symlink", place: at(path()), target: "a" });
      else if (which === 6 && !model.has(name)) {
        const before = look();
        model.set(name, { top: taken(kit, name), shown: before });
      } else if (which === 7 && model.delete(name)) kit.run(remove(name));
      if (below(4) === 0) kit.sweep(1 + below(3));
      for (const one of model.values()) expect(look(one.top), `seed ${seed}`).toEqual(one.shown);
      kit.checkCounts();
    }
    for (const name of model.keys()) kit.run(remove(name));
    for (const name of ["a", "b", "c"]) kit.run({ kind: "fs-remove", place: at(name) });
    kit.sweep();
    expect(kit.use()).toEqual({ usedBytes: 0, usedInodes: 0, pins: 1 });
  }
});
