/** Paths that may not be are refused by every way in, with the same code, and change nothing. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { OPTIONS, slices, VolumeKit } from "../../../test/lib/volume-kit.ts";
import { JobxError } from "../../std/errors.ts";
import { pathOf } from "./tree-reader.ts";

const WORKFLOW = { workflow: "flow" };

/** Parts of names that are often wrong, and some that are right. */
const part = fc.oneof(
  fc.constantFrom(
    "a",
    "..",
    ".",
    "",
    "/",
    "//",
    "\0",
    "\n",
    "\u007f",
    "\u0085",
    "\ud800",
    "ä",
    "…",
    " ",
    "\\",
    "~",
  ),
  fc.constantFrom("a".repeat(255), "b".repeat(256), "ä".repeat(128), "x/".repeat(255)),
  fc.string({ unit: "binary", maxLength: 3 }),
);
const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(""));

/** Each makes `path` in its own way. */
const WAYS: Readonly<Record<string, (kit: VolumeKit, path: string) => Promise<unknown>>> = {
  put: (kit, path) => kit.put(path, "x"),
  mkdir: (kit, path) => kit.files.mkdir({ ...WORKFLOW, path, parents: true }, OPTIONS),
  rename: (kit, to) =>
    kit.files.rename({ ...WORKFLOW, from: "/f", to, exclusive: false, parents: true }, OPTIONS),
  copy: (kit, to) => {
    const how = { recursive: false, exclusive: false, parents: true };
    return kit.volumes.copy({ ...WORKFLOW, from: "/f", to, ...how }, OPTIONS);
  },
  link: (kit, to) => kit.files.link({ ...WORKFLOW, from: "/f", to }, OPTIONS),
  symlink: (kit, path) => kit.files.symlink({ ...WORKFLOW, path, target: "f" }, OPTIONS),
  import: async (kit, path) => {
    const { archive } = await kit.volumes.openCar({ ...WORKFLOW, path: "/f" }, OPTIONS);
    return kit.volumes.importCar({ ...WORKFLOW, path }, archive, OPTIONS);
  },
  tree: (kit, path) => kit.files.putTree({ ...WORKFLOW, path, atomic: true }, slices([]), OPTIONS),
};

/** The same for one name of a folder. */
const NAME_WAYS: Readonly<Record<string, (kit: VolumeKit, name: string) => Promise<unknown>>> = {
  mkdir: (kit, one) =>
    kit.inodes.mkdir({ ...WORKFLOW, parent: 1, name: one, mode: 0o755 }, OPTIONS),
  symlink: (kit, one) =>
    kit.inodes.symlink({ ...WORKFLOW, parent: 1, name: one, target: "f" }, OPTIONS),
  commit: (kit, one) => {
    const what = { inode: 99, place: { parent: 1, name: one }, exclusive: true };
    const how = { mode: 0o644, mtimeMicros: undefined, bytes: undefined };
    return kit.inodes.commit({ ...WORKFLOW, ...what, ...how }, slices([]), OPTIONS);
  },
};

const REFUSALS = ["FS_NAME_INVALID", "FS_NAME_TOO_LONG"];

async function codeOf(made: Promise<unknown>): Promise<string> {
  try {
    await made;
    return "made";
  } catch (error) {
    if (error instanceof JobxError) return String(error.code);
    throw error;
  }
}

/** With one file. */
async function volume(): Promise<VolumeKit> {
  const kit = new VolumeKit();
  await kit.put("/f", "x");
  return kit;
}

test("a path that one way in refuses for its names all others refuse with the same code", async () => {
  let refusals = 0;
  // The root is there, and each way says so as it would of any folder.
  const below = name.filter((path) => pathOf(path) !== "");
  const property = fc.asyncProperty(below, async (path) => {
    const said = await codeOf((await volume()).put(path, "x"));
    for (const [way, make] of Object.entries(WAYS)) {
      const kit = await volume();
      const code = await codeOf(make(kit, path));
      if (REFUSALS.includes(said) || REFUSALS.includes(code)) {
        expect([way, path, code]).toEqual([way, path, said]);
        expect(kit.paths()).toEqual(["f"]);
        refusals += 1;
      }
    }
  });
  await fc.assert(property, { numRuns: 80 });
  expect(refusals).toBeGreaterThan(120);
});

test("a name that is none is refused where inodes are named by their folder", async () => {
  let refusals = 0;
  const property = fc.asyncProperty(name, async (one) => {
    const codes = new Set<string>();
    for (const make of Object.values(NAME_WAYS)) {
      const kit = await volume();
      kit.tree.run({ kind: "fs-reserve", count: 200 });
      const code = await codeOf(make(kit, one));
      codes.add(code);
      if (code === "made") continue;
      expect(kit.paths()).toEqual(["f"]);
      refusals += 1;
    }
    expect([one, codes.size]).toEqual([one, 1]);
  });
  await fc.assert(property, { numRuns: 80 });
  expect(refusals).toBeGreaterThan(40);
});
