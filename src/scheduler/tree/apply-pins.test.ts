import { expect, test } from "vitest";
import { at, block, file, inline, TreeKit } from "../../../test/lib/tree-kit.ts";
import type { Answer } from "../rows.ts";
import { FS_PIN_MS_MAX } from "./commands.ts";
import { treePrefixes } from "./keys.ts";
import { contentPart, livePins, namedBlocks } from "./reads.ts";
import { PART_BLOCKS_MAX, PIN_CONTENTS_MAX, PINS_MAX } from "./rows.ts";

const codeOf = (answer: Answer): string => (answer.kind === "refused" ? answer.code : answer.kind);
const numberOf = (answer: Answer): number => (answer.kind === "inode" ? answer.inode : -1);
const numbers = (count: number, from = 0): readonly number[] =>
  Array.from({ length: count }, (_, index) => from + index);

function stage(
  kit: TreeKit,
  content: number,
  part: number,
  blocks: readonly number[],
  upload = "u1",
) {
  return kit.run({ kind: "fs-stage", upload, content, part, blocks: blocks.map(block) });
}

/** All whose time the leader believes to have come. */
function lapse(kit: TreeKit): void {
  const keys = kit.scan(treePrefixes.pinsDue).map(([key]) => key);
  kit.run({ kind: "fs-lapse", keys });
}

const listed = (path: string, content: number) => ({
  ...file(path),
  content: { kind: "listed", content } as const,
});

test("FS_PIN_LAPSED: a commit without a pin, or of one that has lapsed, names no new blocks", () => {
  const kit = new TreeKit();
  expect(codeOf(kit.commit([file("a", 1)]))).toBe("FS_PIN_LAPSED");
  kit.pin("u1", 50);
  expect(codeOf(kit.commit([file("a", 1)]))).toBe("inode");
  kit.stampMs += 50;
  lapse(kit);
  expect(codeOf(kit.commit([file("b", 2)]))).toBe("FS_PIN_LAPSED");
  const renew = { kind: "fs-pin", how: "renew", upload: "u1", holder: "me", lastsMs: 9 } as const;
  expect(codeOf(kit.run(renew))).toBe("FS_PIN_LAPSED");
  expect(codeOf(stage(kit, 0, 0, [1]))).toBe("FS_PIN_LAPSED");
  kit.checkCounts();
});

test("blocks that something names already need no pin, nor do empty files", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 1, 2)]);
  const files = [file("copy", 2, 1), file("empty")];
  expect(codeOf(kit.run({ kind: "fs-commit", upload: undefined, files, parents: false }))).toBe(
    "inode",
  );
  const others = [file("x", 3)];
  const commit = { kind: "fs-commit", upload: undefined, files: others, parents: false } as const;
  expect(codeOf(kit.run(commit))).toBe("FS_PIN_LAPSED");
  kit.checkCounts();
});

test("a pin lapses by the stamp, not before, and not when it was renewed since the leader looked", () => {
  const kit = new TreeKit();
  kit.pin("u1", 50);
  kit.stampMs += 49;
  lapse(kit);
  expect(livePins(kit.view, ["u1", "u2"])).toEqual(["u1"]);
  const [first] = kit.scan(treePrefixes.pinsDue);
  kit.run({ kind: "fs-pin", how: "renew", upload: "u1", holder: "me", lastsMs: 50 });
  kit.stampMs += 1;
  kit.run({ kind: "fs-lapse", keys: [first?.[0] ?? ""] });
  lapse(kit);
  expect(livePins(kit.view, ["u1"])).toEqual(["u1"]);
  kit.stampMs += 49;
  lapse(kit);
  expect([livePins(kit.view, ["u1"]), kit.use().pins]).toEqual([[], 0]);
  expect(kit.scan(treePrefixes.pinsDue)).toEqual([]);
});

test("a pin lasts at most an hour, belongs to its holder, and ends when it is released", () => {
  const kit = new TreeKit();
  kit.pin("u1", 10 * FS_PIN_MS_MAX);
  const other = { kind: "fs-pin", how: "begin", upload: "u1", holder: "you", lastsMs: 9 } as const;
  expect(codeOf(kit.run(other))).toBe("FS_EXISTS");
  kit.stampMs += FS_PIN_MS_MAX;
  lapse(kit);
  expect(codeOf(kit.run(other))).toBe("inode");
  kit.run({ kind: "fs-release", upload: "u1" });
  expect(codeOf(kit.run({ kind: "fs-release", upload: "u1" }))).toBe("inode");
  expect(kit.use().pins).toBe(0);
});

test("FS_TOO_MANY_PINS: as many uploads as there may be at once", () => {
  const kit = new TreeKit();
  kit.pin("u1");
  const row = kit.rows.get("Fv/");
  if (row?.kind !== "fs-volume") throw new Error("the volume counts its pins");
  kit.rows.set("Fv/", { ...row, pins: PINS_MAX });
  expect(codeOf(kit.pin("u2"))).toBe("FS_TOO_MANY_PINS");
  expect(codeOf(kit.pin("u1"))).toBe("inode");
});

test("a list of several parts is staged in order and becomes the content of a file as it is", () => {
  const kit = TreeKit.withPin();
  const content = numberOf(stage(kit, 0, 0, numbers(PART_BLOCKS_MAX)));
  expect(content).toBe(1);
  expect(codeOf(stage(kit, content, 0, [1]))).toBe("FS_CHANGED");
  expect(codeOf(stage(kit, content, 1, [5, 6]))).toBe("inode");
  expect(codeOf(stage(kit, content, 2, [7]))).toBe("FS_CONTENT_INVALID");
  const bytes = (PART_BLOCKS_MAX * (PART_BLOCKS_MAX + 1)) / 2;
  expect(contentPart(kit.view, content, 1)).toMatchObject({ startBytes: bytes });
  kit.checkCounts();
  expect(codeOf(kit.commit([listed("big", content)]))).toBe("inode");
  expect(kit.find("big").row).toMatchObject({ bytes: bytes + 6 + 7 });
  kit.run({ kind: "fs-release", upload: "u1" });
  expect(kit.sweep()).toBe(0);
  kit.checkCounts();
});

test("a large file is copied by naming its content again, and its blocks go with the last copy", () => {
  const kit = TreeKit.withPin();
  const content = numberOf(stage(kit, 0, 0, numbers(PART_BLOCKS_MAX)));
  stage(kit, content, 1, numbers(3));
  kit.commit([listed("a", content)]);
  const files = [listed("b", content)];
  expect(codeOf(kit.run({ kind: "fs-commit", upload: undefined, files, parents: false }))).toBe(
    "inode",
  );
  kit.unlink("a");
  expect(kit.sweep()).toBe(0);
  kit.commit([file("b", 2)]);
  expect(kit.sweep()).toBe(2);
  const cids = [1, 2].map((number) => block(number).cid);
  expect(namedBlocks(kit.view, cids)).toEqual(cids.slice(1));
  kit.checkCounts();
});

test("what an upload has staged goes when its pin does, and nobody else can commit it", () => {
  const kit = TreeKit.withPin();
  kit.pin("u2");
  const content = numberOf(stage(kit, 0, 0, [1]));
  expect(codeOf(kit.commit([listed("a", content)], { upload: "u2" }))).toBe("FS_PIN_LAPSED");
  expect(codeOf(stage(kit, content, 1, [2], "u2"))).toBe("FS_CONTENT_INVALID");
  kit.run({ kind: "fs-release", upload: "u1" });
  kit.pin("u1");
  expect(codeOf(kit.commit([listed("a", content)]))).toBe("FS_PIN_LAPSED");
  kit.sweep();
  expect(namedBlocks(kit.view, [block(1).cid])).toEqual([]);
  kit.checkCounts();
});

test("FS_CONTENT_INVALID: a block of another size, an empty part, too many blocks in a file or contents in an upload", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("a", 1)]);
  const odd = { ...block(1), bytes: 77 };
  const content = { kind: "inline", blocks: [odd] } as const;
  expect(codeOf(kit.commit([{ ...file("b"), content }]))).toBe("FS_CONTENT_INVALID");
  expect(codeOf(kit.commit([{ ...file("b"), content: inline(...numbers(17)) }]))).toBe(
    "FS_CONTENT_INVALID",
  );
  expect(codeOf(stage(kit, 0, 0, []))).toBe("FS_CONTENT_INVALID");
  for (let count = 0; count < PIN_CONTENTS_MAX; count += 1) stage(kit, 0, 0, [count]);
  expect(codeOf(stage(kit, 0, 0, [1]))).toBe("FS_CONTENT_INVALID");
  kit.checkCounts();
});

test("while a workflow is deleted its tree takes no changes, but what was removed is swept", () => {
  const kit = TreeKit.withPin();
  kit.commit([file("d/a", 1)], { parents: true });
  kit.run({ kind: "fs-remove", place: at("d") });
  kit.run({ kind: "close" });
  expect(codeOf(kit.commit([file("b", 1)]))).toBe("WORKFLOW_DELETING");
  expect(kit.sweep()).toBe(1);
});
