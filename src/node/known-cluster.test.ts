import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentLog } from "../std/log.ts";
import { seededRandom } from "../std/random.ts";
import { completeIdentity, openIdentity } from "../store/identity.ts";
import { IDENTITY_NAME } from "../store/identity-file.ts";
import { levelDisk } from "../store/level-disk.ts";
import { readClusterFile, writeClusterFile } from "./cluster-file.ts";
import { checkKnownVersion, knownCluster } from "./known-cluster.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "jobx-known-"));
});

afterEach(() => rm(directory, { recursive: true }));

const known = () => knownCluster(directory, { disk: levelDisk(directory), log: silentLog });

async function makeStore(options: { readonly complete: boolean }): Promise<void> {
  const disk = levelDisk(directory);
  const who = { clusterId: "c", nodeId: "n", random: seededRandom(1) };
  const { identity } = await openIdentity(disk, who);
  if (options.complete) await completeIdentity(disk, identity);
}

test("a new directory belongs to no cluster, and nothing is made in it", async () => {
  expect(await known()).toBeUndefined();
  expect(await readdir(directory)).toEqual([]);
});

test("a store without a cluster file stays in its cluster and never founds another", async () => {
  await makeStore({ complete: true });
  const again = { clusterId: "c", founder: false, members: [], version: undefined };
  expect(await known()).toEqual(again);
  expect(await readClusterFile(directory)).toEqual(again);
});

test("a first start that was broken off and lost its cluster file is refused", async () => {
  await makeStore({ complete: false });
  await expect(known()).rejects.toMatchObject({ code: "CLUSTER_FILE_MISSING" });
  expect(await readClusterFile(directory)).toBeUndefined();
});

test("without a cluster file, a damaged identity leaves it unknown whose store it is, and it is refused", async () => {
  await makeStore({ complete: true });
  await writeFile(join(directory, IDENTITY_NAME), "{}");
  await expect(known()).rejects.toMatchObject({ code: "STORE_DAMAGED" });
  expect(await readdir(directory)).toEqual([IDENTITY_NAME]);
});

test("the cluster file is believed where there is one", async () => {
  await makeStore({ complete: true });
  const members = [{ node: "n", addresses: ["/a"] }];
  const file = { clusterId: "c", founder: true, members, version: 2 };
  await writeClusterFile(directory, file);
  expect(await known()).toEqual(file);
});

test("a program that is too old for what the cluster file says is refused before the store is opened", () => {
  const check = (version: number | undefined) => () =>
    checkKnownVersion({ version }, { min: 2, max: 3 });
  expect(check(4)).toThrow("the cluster has version 4");
  // It may only be behind.
  for (const version of [undefined, 1, 2, 3]) expect(check(version)).not.toThrow();
});
