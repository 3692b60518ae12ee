import { expect, test } from "vitest";
import { at, block, file, TreeKit } from "../../../test/lib/tree-kit.ts";
import type { Answer } from "../rows.ts";
import { volumeUse } from "./reads.ts";
import type { FileBlock, FileContent, Sealing } from "./rows.ts";

const OPTIONS = { copies: 2, chunking: "fixed", quotaBytes: undefined, quotaInodes: undefined };

const codeOf = (answer: Answer): string => (answer.kind === "refused" ? answer.code : answer.kind);

/** Asks for it at the volume's revision. */
function setSealing(kit: TreeKit, sealing: Sealing | undefined): string {
  const { revision } = volumeUse(kit.view);
  const options = { ...OPTIONS, chunking: "fixed", sealing } as const;
  return codeOf(kit.run({ kind: "fs-volume", revision, options }));
}

const sealedBlock = (number: number): FileBlock => ({
  ...block(number),
  plain: (number + 4096).toString(16).padStart(64, "f"),
});

const sealed = (...numbers: readonly number[]): FileContent => ({
  kind: "inline",
  blocks: numbers.map(sealedBlock),
});

test("a volume is sealed, or not any more, only while nothing is in it, nor an upload under way", () => {
  const kit = new TreeKit();
  expect(setSealing(kit, "aes-256-gcm-1")).toBe("inode");
  expect(setSealing(kit, undefined)).toBe("inode");
  kit.pin("u1");
  expect(setSealing(kit, "aes-256-gcm-1")).toBe("FS_VOLUME_IN_USE");
  kit.run({ kind: "fs-release", upload: "u1" });
  kit.mkdir("a/b", true);
  expect(setSealing(kit, "aes-256-gcm-1")).toBe("FS_VOLUME_IN_USE");
  kit.run({ kind: "fs-remove", place: at("a") });
  expect(setSealing(kit, "aes-256-gcm-1")).toBe("FS_VOLUME_IN_USE");
  kit.sweep();
  expect(setSealing(kit, "aes-256-gcm-1")).toBe("inode");
  expect(volumeUse(kit.view).sealing).toBe("aes-256-gcm-1");
});

test("other options of a volume in use may change while its sealing stays", () => {
  const kit = new TreeKit();
  setSealing(kit, "aes-256-gcm-1");
  kit.mkdir("a");
  expect(setSealing(kit, "aes-256-gcm-1")).toBe("inode");
  const { revision } = volumeUse(kit.view);
  const options = { ...OPTIONS, copies: 3, chunking: "fixed" } as const;
  expect(codeOf(kit.run({ kind: "fs-volume", revision, options }))).toBe("FS_VOLUME_IN_USE");
});

test("a sealed volume takes no plain block, in a commit, a new file or a list, and keeps its counts", () => {
  const kit = new TreeKit();
  setSealing(kit, "aes-256-gcm-1");
  kit.pin("u1");
  expect(codeOf(kit.commit([file("a", 1)]))).toBe("FS_SEALING_DIFFERS");
  const stage = { kind: "fs-stage", upload: "u1", content: 0, part: 0 } as const;
  expect(codeOf(kit.run({ ...stage, blocks: [block(1)] }))).toBe("FS_SEALING_DIFFERS");
  expect(codeOf(kit.commit([{ ...file("a"), content: sealed(1, 2, 1) }]))).toBe("inode");
  expect(codeOf(kit.run({ ...stage, blocks: [sealedBlock(1)] }))).toBe("inode");
  expect(codeOf(kit.commit([file("empty")]))).toBe("inode");
  kit.checkCounts();
  expect(kit.find("a").row).toMatchObject({ bytes: 2 + 3 + 2, content: sealed(1, 2, 1) });
});

test("a volume that does not seal takes no sealed block", () => {
  const kit = TreeKit.withPin();
  const one = { ...file("a"), content: sealed(1) };
  expect(codeOf(kit.commit([one]))).toBe("FS_SEALING_DIFFERS");
});
