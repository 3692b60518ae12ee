/** R17: what an attempt writes into its workspace is its own until it ends well. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Attempt, AttemptKit, below, read, write } from "../../../test/lib/attempt-kit.ts";
import { failed } from "../../../test/lib/scheduler-values.ts";
import { OPTIONS, slices, VolumeKit } from "../../../test/lib/volume-kit.ts";
import type { FilePort } from "../../api/file-port.ts";
import type { VolumePort } from "../../api/volume-port.ts";
import { FS_PREPARED_MAX } from "../../scheduler/tree/commands.ts";
import { isJobxError } from "../../std/errors.ts";

const workflow = "flow";

/** The code for which something is refused. */
async function codeOf(act: () => Promise<unknown>): Promise<string> {
  try {
    await act();
    return "";
  } catch (error) {
    if (!isJobxError(error)) throw error;
    return error.code;
  }
}

/** All is swept, every count is right, and nothing is left of attempts. */
function settle(kit: AttemptKit): void {
  kit.tree.sweep();
  kit.tree.checkCounts();
  expect(kit.paths().filter((path) => path.startsWith(".attempts/"))).toEqual([]);
}

test("an attempt reads what it wrote, nobody else does, and with its end all do", async () => {
  const kit = new AttemptKit();
  const { space } = kit;
  await write(kit.files, `${space}/a`, "old");
  const attempt = await kit.begin();
  const { files } = attempt.own;
  await write(files, `${space}/a`, "new");
  await write(files, `${space}/d/b`, "b");
  expect(await below(files, space)).toEqual({ a: "new", d: "/", "d/b": "b" });
  expect(await below(kit.files, space)).toEqual({ a: "old" });
  expect(await kit.end(attempt)).toBe(true);
  expect(await below(kit.files, space)).toEqual({ a: "new", d: "/", "d/b": "b" });
  expect(kit.attempts.principal(attempt.access.token)).toBeUndefined();
  settle(kit);
});

test("an attempt that changes nothing in its workspace says nothing at its end", async () => {
  const kit = new AttemptKit();
  await write(kit.files, `${kit.space}/a`, "old");
  const attempt = await kit.begin();
  expect(await read(attempt.own.files, `${kit.space}/a`)).toBe("old");
  await write(attempt.own.files, "elsewhere/x", "x");
  expect(await read(kit.files, "elsewhere/x")).toBe("x");
  expect(await kit.end(attempt)).toBe(false);
  expect(kit.paths().filter((path) => path.startsWith(".attempts"))).toEqual([]);
});

test("what a failed attempt wrote is gone, and the next one begins from what is committed", async () => {
  const kit = new AttemptKit();
  const { space } = kit;
  await write(kit.files, `${space}/a`, "1");
  const first = await kit.begin();
  await write(first.own.files, `${space}/b`, "2");
  await first.own.files.remove({ workflow, path: `${space}/a`, recursive: false }, OPTIONS);
  await kit.end(first, failed());
  expect(await below(kit.files, space)).toEqual({ a: "1" });
  for (const [delayedKey, row] of [...kit.tree.rows]) {
    if (row.kind === "delayed") kit.tree.run({ kind: "due", delayedKey });
  }
  const second = await kit.begin();
  expect(await below(second.own.files, space)).toEqual({ a: "1" });
  settle(kit);
});

test("handlers that are run anew find nothing of the run before, whose token is void, and only theirs is seen", async () => {
  const kit = new AttemptKit();
  const { space } = kit;
  await write(kit.files, `${space}/old`, "old");
  const attempt = await kit.begin();
  const { token } = attempt.access;
  await write(attempt.own.files, `${space}/torn`, "torn");
  await write(attempt.own.files, `${space}/a`, "1");
  await attempt.own.files.remove({ workflow, path: `${space}/old`, recursive: false }, OPTIONS);
  await attempt.own.files.publish({ workflow, from: `${space}/torn`, to: "torn" }, OPTIONS);
  const next = kit.attempts.principal(`${token}.1`)?.own;
  if (next === undefined) throw new Error("the attempt lives");
  expect(kit.attempts.principal(token)).toBeUndefined();
  expect(kit.attempts.principal(`${token}.x`)).toBeUndefined();
  expect(kit.attempts.principal(`${token}.1`)?.own).toBe(next);
  expect(await below(next.files, space)).toEqual({ old: "old" });
  await write(next.files, `${space}/a`, "2");
  await write(next.files, `${space}/c`, "c");
  await next.files.publish({ workflow, from: `${space}/c`, to: "out/c" }, OPTIONS);
  expect(await kit.end(attempt)).toBe(true);
  expect(await below(kit.files, space)).toEqual({ old: "old", a: "2" });
  expect(await below(kit.files, "out")).toEqual({ c: "c" });
  expect(await below(kit.files, "torn")).toBeUndefined();
  settle(kit);
});

test("of a run that was run anew and then wrote nothing, nothing is seen", async () => {
  const kit = new AttemptKit();
  const attempt = await kit.begin();
  await write(attempt.own.files, `${kit.space}/torn`, "torn");
  expect(kit.attempts.principal(`${attempt.access.token}.1`)).toBeDefined();
  expect(await kit.end(attempt)).toBe(false);
  expect(await below(kit.files, kit.space)).toBeUndefined();
  settle(kit);
});

test("what is published is nowhere before the end, and then in its place over what was there", async () => {
  const kit = new AttemptKit();
  const { space } = kit;
  await write(kit.files, "out/old", "old");
  await write(kit.files, `${space}/made/committed`, "1");
  const attempt = await kit.begin();
  const { files } = attempt.own;
  await write(files, `${space}/made/own`, "2");
  await files.publish({ workflow, from: `${space}/made`, to: "out" }, OPTIONS);
  expect(await below(files, space)).toEqual({});
  expect(await below(files, "out")).toEqual({ old: "old" });
  expect(await below(kit.files, space)).toEqual({ made: "/", "made/committed": "1" });
  await kit.end(attempt);
  expect(await below(kit.files, "out")).toEqual({ committed: "1", own: "2" });
  expect(await below(kit.files, space)).toEqual({});
  settle(kit);
});

test("of many files in a folder of its own all come with the end, and a folder that others fill fails it", async () => {
  const kit = new AttemptKit();
  const { space } = kit;
  const fill = async (files: FilePort) => {
    for (let count = 0; count < FS_PREPARED_MAX + 5; count += 1) {
      await write(files, `${space}/many/${count}`, "x");
    }
  };
  const first = await kit.begin();
  await fill(first.own.files);
  await write(first.own.files, `${space}/b/c`, "y");
  await kit.end(first);
  expect(Object.keys((await below(kit.files, space)) ?? {}).length).toBe(FS_PREPARED_MAX + 8);
  settle(kit);
  const other = new AttemptKit(0);
  const second = await other.begin();
  for (let count = 0; count < FS_PREPARED_MAX + 5; count += 1) {
    await write(second.own.files, `${other.space}/many/${count}`, "x");
  }
  await write(other.files, `${other.space}/many/z`, "z");
  await other.end(second);
  expect(other.tree.request(other.request)).toMatchObject({
    failure: { error: { code: "FS_NOT_EMPTY" } },
  });
  expect(await below(other.files, other.space)).toEqual({ many: "/", "many/z": "z" });
});

test("what an attempt may not do is refused with its code", async () => {
  const kit = new AttemptKit();
  const { space } = kit;
  await write(kit.files, "v", "v");
  await write(kit.files, `${space}/d/f`, "f");
  const { own } = await kit.begin();
  const { files } = own;
  await write(files, `${space}/x`, "x");
  const move = (from: string, to: string) => () =>
    files.rename({ workflow, from, to, exclusive: false, parents: false }, OPTIONS);
  const refused: readonly [() => Promise<unknown>, string][] = [
    [move("v", `${space}/v`), "FS_NAME_INVALID"],
    [() => files.publish({ workflow, from: "v", to: "w" }, OPTIONS), "FS_NAME_INVALID"],
    [() => files.publish({ workflow, from: space, to: "w" }, OPTIONS), "FS_NAME_INVALID"],
    [() => files.publish({ workflow, from: `${space}/none`, to: "w" }, OPTIONS), "FS_NOT_FOUND"],
    [() => files.publish({ workflow, from: `${space}/x`, to: "/" }, OPTIONS), "FS_EXISTS"],
    [
      () => files.publish({ workflow, from: `${space}/x`, to: "a/../b" }, OPTIONS),
      "FS_NAME_INVALID",
    ],
    [() => write(files, ".attempts/1-0/w/x", "no"), "FS_NOT_FOUND"],
    [
      () => files.list({ workflow, path: ".attempts", limit: 1, after: undefined }, OPTIONS),
      "FS_NOT_FOUND",
    ],
    [() => files.remove({ workflow, path: space, recursive: true }, OPTIONS), "FS_NAME_INVALID"],
    [move(`${space}/d`, `${space}/d/e`), "FS_LOOP"],
    [move(`${space}/x`, `${space}/none/y`), "FS_NOT_FOUND"],
  ];
  for (const [act, code] of refused) expect(await codeOf(act)).toBe(code);
  for (let count = 0; count < FS_PREPARED_MAX; count += 1) {
    await write(kit.files, `${space}/r/${count}`, "r");
    await files.remove({ workflow, path: `${space}/r/${count}`, recursive: false }, OPTIONS);
  }
  expect(
    await codeOf(() => files.remove({ workflow, path: `${space}/d/f`, recursive: false }, OPTIONS)),
  ).toBe("COMMAND_TOO_LARGE");
});

test("links and archives of the workspace are the attempt's own too", async () => {
  const kit = new AttemptKit();
  const { space } = kit;
  await write(kit.files, `${space}/a`, "a");
  const attempt = await kit.begin();
  const { files, volumes } = attempt.own;
  await files.link({ workflow, from: `${space}/a`, to: `${space}/b` }, OPTIONS);
  await files.symlink({ workflow, path: `${space}/s`, target: "b" }, OPTIONS);
  expect(await read(files, `${space}/s`)).toBe("a");
  const tar: Uint8Array[] = [];
  for await (const part of await files.openTree({ workflow, path: space }, OPTIONS)) tar.push(part);
  const put = { workflow, path: `${space}/t`, atomic: true };
  expect(await files.putTree(put, slices(tar), OPTIONS)).toMatchObject({
    files: 2,
    path: `/${space}/t`,
  });
  const { archive } = await volumes.openCar({ workflow, path: `${space}/t` }, OPTIONS);
  await volumes.importCar({ workflow, path: `${space}/c` }, archive, OPTIONS);
  expect(await below(kit.files, space)).toEqual({ a: "a" });
  await kit.end(attempt);
  expect(await below(kit.files, space)).toMatchObject({ b: "a", s: "a", "t/b": "a", "c/s": "a" });
  settle(kit);
});

/** One thing that somebody does below a folder; paths are few, so that they meet. */
type Step = readonly ["put" | "mkdir" | "remove" | "rename" | "copy", string, string];
const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join("/"));
const step: fc.Arbitrary<Step> = fc.tuple(
  fc.constantFrom("put", "mkdir", "remove", "rename", "copy"),
  path,
  path,
);

function doing(
  to: { readonly files: FilePort; readonly volumes: Pick<VolumePort, "copy"> },
  folder: string,
  [what, one, other]: Step,
): Promise<unknown> {
  const from = `${folder}/${one}`;
  const target = { workflow, from, to: `${folder}/${other}`, exclusive: false };
  switch (what) {
    case "put":
      return write(to.files, from, `${one} ${other}`);
    case "mkdir":
      return to.files.mkdir({ workflow, path: from, parents: other.length > 1 }, OPTIONS);
    case "remove":
      return to.files.remove({ workflow, path: from, recursive: other.length > 1 }, OPTIONS);
    case "rename":
      return to.files.rename({ ...target, parents: false }, OPTIONS);
    case "copy":
      return to.volumes.copy({ ...target, recursive: true, parents: true }, OPTIONS);
  }
}

test("whatever an attempt does to its workspace is seen as if it were done to a folder, by itself before the end and by all after", async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 8 }),
    fc.array(step, { minLength: 1, maxLength: 12 }),
    async (before, steps) => {
      const kit = new AttemptKit();
      const plain = new VolumeKit();
      for (const one of [
        [kit, kit.space],
        [plain, "p"],
      ] as const) {
        await one[0].files.mkdir({ workflow, path: one[1], parents: true }, OPTIONS);
        for (const made of before) await codeOf(() => doing(one[0], one[1], made));
      }
      const committed = await below(kit.files, kit.space);
      const attempt: Attempt = await kit.begin();
      for (const one of steps) {
        // Where several things are wrong, which of them is told first may differ.
        const wanted = (await codeOf(() => doing(plain, "p", one))) === "";
        const code = await codeOf(() => doing(attempt.own, kit.space, one));
        expect(code === "", `${one.join(" ")}: ${code}`).toBe(wanted);
        const seen = await below(attempt.own.files, kit.space, 2);
        expect(seen).toEqual(await below(plain.files, "p"));
      }
      expect(await below(kit.files, kit.space)).toEqual(committed);
      await kit.end(attempt);
      expect(await below(kit.files, kit.space)).toEqual(await below(plain.files, "p"));
      settle(kit);
    },
  );
  await fc.assert(property, { numRuns: 60, seed: 3 });
});
