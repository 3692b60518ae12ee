/** Images of containers in volumes, by the command line. */
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cluster, file, folder, jobx } from "../../test/lib/cli-kit.ts";

const HASH = "0a".repeat(32);

/** An archive with this manifest, as its file. */
async function archive(name: string, manifest: unknown): Promise<string> {
  const from = join(folder, name);
  await mkdir(from, { recursive: true });
  await writeFile(join(from, "layer.tar"), "a layer");
  await writeFile(join(from, "manifest.json"), JSON.stringify(manifest));
  const path = join(folder, `${name}.tar`);
  execFileSync("tar", ["-C", from, "-cf", path, "layer.tar", "manifest.json"]);
  return path;
}

test("an image is loaded under the names in its archive, listed, and gone with its last name", async () => {
  for (const made of ["/.images", "/.images/names"]) cluster.files.add(made, undefined);
  const names = ["tools:1", "registry:5000/tools:latest"];
  const path = await archive("two", [{ Config: `${HASH}.json`, RepoTags: names }]);
  const loaded = await jobx(["image", "load", "text", path]);
  expect(loaded).toMatchObject({ exit: 0 });
  expect(loaded.out).toContain(`tools:1, registry:5000/tools:latest: sha256:${HASH}`);
  const listed = (await jobx("image ls text")).out.split("\n").toSorted();
  expect(listed).toEqual([
    "",
    `registry:5000/tools:latest sha256:${HASH}`,
    `tools:1 sha256:${HASH}`,
  ]);
  const there = async (): Promise<number> => (await jobx(`fs stat text:/.images/${HASH}.tar`)).exit;
  expect(await jobx("image rm text tools:1")).toMatchObject({ exit: 0 });
  expect(await there()).toBe(0);
  // Without a tag it is the latest.
  expect(await jobx("image rm text registry:5000/tools")).toMatchObject({ exit: 0 });
  expect(await there()).not.toBe(0);
  expect(await jobx("image ls text")).toMatchObject({ exit: 0, out: "" });
  expect((await jobx("image rm text tools:1")).err).toContain("CLI_IMAGE_UNKNOWN");
});

test("podman's archives name their configuration without an ending, and --as gives another name", async () => {
  const path = await archive("podman", [{ Config: `blobs/sha256/${HASH}`, RepoTags: null }]);
  expect((await jobx(["image", "load", "text", path])).err).toContain("say --as NAME");
  const loaded = await jobx(["image", "load", "text", path, "--as", "mine:2", "--json"]);
  expect(JSON.parse(loaded.out)).toMatchObject({ id: `sha256:${HASH}`, names: ["mine:2"] });
});

test("what is no archive of one image is refused with the reason", async () => {
  const plain = await file("plain.tar", "nothing of the kind");
  const two = await archive("several", [{ Config: `${HASH}.json` }, { Config: `${HASH}.json` }]);
  const none = await archive("none", [{ Config: "x" }]);
  for (const path of [plain, two, none]) {
    const refused = await jobx(["image", "load", "text", path]);
    expect(refused.err).toContain("CLI_IMAGE_INVALID");
    expect(refused.exit).not.toBe(0);
  }
});
