import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { founderToken, isNodeToken, ownToken } from "./own-token.ts";

let directory: string;
const path = (): string => join(directory, "admin-token");

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "jobx-own-token-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

test("a node that joined makes a token of its own once, for its user only", async () => {
  const token = await ownToken(directory, { joined: true });
  expect(token).toMatch(/^jobxnode_[\w-]{43}$/u);
  expect(await ownToken(directory, { joined: true })).toBe(token);
  expect((await stat(path())).mode & 0o777).toBe(0o600);
});

test("what lies there already is neither replaced nor taken for the node's own, an empty file neither", async () => {
  await writeFile(path(), "jobx_of-an-admin\n");
  const found = await ownToken(directory, { joined: true });
  expect([found, isNodeToken(found ?? "")]).toEqual(["jobx_of-an-admin", false]);
  await writeFile(path(), "\n");
  expect(await ownToken(directory, { joined: true })).toBeUndefined();
  expect(await readFile(path(), "utf8")).toBe("\n");
});

test("the founder's is made by the founding alone, and is the cluster's", async () => {
  expect(await ownToken(directory)).toBeUndefined();
  const token = await founderToken(directory);
  expect(isNodeToken(token)).toBe(false);
  expect([await founderToken(directory), await ownToken(directory)]).toEqual([token, token]);
});
