import { expect, test } from "vitest";
import type { TreeCommand } from "../../scheduler/tree/commands.ts";
import { ContentList } from "./content-list.ts";

const NUMBER = 7;

/** Block `at` of a file. */
const block = (at: number) => ({ cid: `${at}`.padStart(64, "0"), bytes: 1 });
const blocks = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => block(from + at));

function listOf(): { readonly list: ContentList; readonly staged: TreeCommand[] } {
  const staged: TreeCommand[] = [];
  const list = new ContentList("upload", (command) => {
    staged.push(command);
    return Promise.resolve(NUMBER);
  });
  return { list, staged };
}

test("up to 16 blocks are in the inode and nothing is staged", async () => {
  const { list, staged } = listOf();
  expect(await listOf().list.finish()).toEqual({ kind: "inline", blocks: [] });
  await list.add(blocks(0, 9));
  await list.add(blocks(9, 16));
  expect(await list.finish()).toEqual({ kind: "inline", blocks: blocks(0, 16) });
  expect(staged).toEqual([]);
});

test("more are staged in parts, all full but the last one, which is not empty", async () => {
  for (const count of [17, 1023, 1024, 1025, 2048, 2500]) {
    const { list, staged } = listOf();
    for (let at = 0; at < count; at += 128) await list.add(blocks(at, Math.min(at + 128, count)));
    expect(await list.finish()).toEqual({ kind: "listed", content: NUMBER });
    const parts = Math.ceil(count / 1024);
    expect(staged).toEqual(
      Array.from({ length: parts }, (_, part) => ({
        ...{ kind: "fs-stage", upload: "upload", part },
        // The first one asks for a number, which the others name.
        content: part === 0 ? 0 : NUMBER,
        blocks: blocks(part * 1024, Math.min((part + 1) * 1024, count)),
      })),
    );
  }
});
