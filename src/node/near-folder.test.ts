import { randomUUID } from "node:crypto";
import { link, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { concatBytes } from "../std/bytes.ts";
import { NearFolder } from "./near-folder.ts";

/** Of no process: the kernel gives none so high. */
const DEAD_PID = 2 ** 22 + 7;

let data: string;
let near: NearFolder;

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), "jobx-near-"));
  near = new NearFolder(data, { readMs: 60_000 });
});

afterEach(() => rm(data, { recursive: true, force: true }));

async function staged(text: string): Promise<string> {
  const { directory } = await near.place();
  const folder = `writing-${process.pid}-AbCd12`;
  await mkdir(join(directory, folder), { recursive: true });
  const name = `${folder}/${randomUUID()}`;
  await writeFile(join(directory, name), text);
  return name;
}

async function readAll(name: string, bytes: number): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of near.read(name, { from: 0, bytes })) pieces.push(piece);
  return Buffer.from(concatBytes(pieces)).toString();
}

test("what a mount has written there is read up to the length that it says", async () => {
  const long = "x".repeat(1 << 20);
  const name = await staged(`${long}tail and more`);
  expect(await readAll(name, (1 << 20) + 4)).toBe(`${long}tail`);
  expect(await readAll(name, 0)).toBe("");
});

test("the folder is this user's alone, and a file in it proves that somebody sees it", async () => {
  const { directory, proofFile, proof, blocks, readMs } = await near.place();
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  expect(await readFile(join(directory, proofFile), "utf8")).toBe(proof);
  expect(blocks).toBe(join(data, "blocks", "blocks"));
  expect(readMs).toBe(60_000);
  expect(await near.place()).toEqual({ directory, proofFile, proof, blocks, readMs });
});

test("no other file is read by it: not by a way out, nor through a link, nor a shorter one, nor a folder", async () => {
  const name = await staged("text");
  const [folder = ""] = name.split("/");
  const { directory } = await near.place();
  const secret = join(data, "secret");
  await writeFile(secret, "secret");
  const pointing = `${folder}/${randomUUID()}`;
  await symlink(secret, join(directory, pointing));
  const inner = `${folder}/${randomUUID()}`;
  await mkdir(join(directory, inner));
  for (const [bad, bytes] of [
    ["../secret", 6],
    [`${folder}/../../secret`, 6],
    [`/${name}`, 4],
    ["proof", 4],
    [`${folder}/${randomUUID()}`, 1],
    [pointing, 6],
    [inner, 0],
    [name, 5],
  ] as const) {
    await expect(readAll(bad, bytes), bad).rejects.toMatchObject({ code: "API_INPUT_INVALID" });
  }
  for (const bad of [
    "../secret",
    `/${name}`,
    "proof",
    `${folder}/${randomUUID()}`,
    pointing,
    inner,
  ]) {
    await expect(near.pieces([bad], 6), bad).rejects.toMatchObject({ code: "API_INPUT_INVALID" });
  }
  await expect(near.pieces([name, name], 4)).rejects.toMatchObject({ code: "API_INPUT_INVALID" });
});

test("pieces of content are files there, all but the last of a mebibyte", async () => {
  const [first, second] = [await staged("text"), await staged("more")];
  const { directory } = await near.place();
  expect(await near.pieces([first, second], (1 << 20) + 4)).toEqual([
    { path: join(directory, first), bytes: 1 << 20 },
    { path: join(directory, second), bytes: 4 },
  ]);
});

test("what a dead mount has left is removed when the next one begins; a living one's is kept", async () => {
  const kept = await staged("text");
  const { directory } = await near.place();
  const dead = join(directory, `writing-${DEAD_PID}-AbCd12`);
  await mkdir(dead);
  await link(join(directory, kept), join(dead, randomUUID()));
  await near.place();
  await expect(stat(dead)).rejects.toThrow("ENOENT");
  expect(await readAll(kept, 4)).toBe("text");
});
