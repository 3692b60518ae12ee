/** Which paths of the machine a container may see. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { allowedMounts } from "./allowed-paths.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "jobx-allowed.")));
const open = join(folder, "open");
const inner = join(open, "inner");
mkdirSync(join(inner, "deep"), { recursive: true });
mkdirSync(join(folder, "closed"));
symlinkSync(inner, join(open, "link"));
symlinkSync(join(folder, "closed"), join(open, "out"));
symlinkSync(open, join(folder, "alias"));

afterAll(() => rmSync(folder, { recursive: true }));

const mount = (source: string, readOnly = true) => ({ source, target: "/in", readOnly });
const sourcesOf = (
  mounts: readonly ReturnType<typeof mount>[],
  paths: readonly string[] = [open],
): readonly string[] => allowedMounts(mounts, paths).map(({ source }) => source);

test("what the owner has named and what lies below is seen, at its real path", () => {
  expect(sourcesOf([mount(open), mount(inner), mount(join(inner, "deep"))])).toEqual([
    open,
    inner,
    join(inner, "deep"),
  ]);
  // A link above what is named is the owner's own.
  expect(sourcesOf([mount(join(folder, "alias", "inner"))])).toEqual([inner]);
});

test.each([
  ["is outside", join(folder, "closed")],
  ["is above", folder],
  ["begins with the same letters", `${open}er`],
  ["is not there", join(open, "nothing")],
  ["is a link out", join(open, "out")],
  ["is a link that stays below", join(open, "link")],
  ["lies behind a link that stays below", join(open, "link", "deep")],
])("what %s is refused", (_what, source) => {
  expect(() => sourcesOf([mount(source)])).toThrow(
    expect.objectContaining({ code: "CONTAINER_PATH_FORBIDDEN" }),
  );
});

test("what lies below a folder that is given to write is refused, unless the owner has named it", () => {
  const both = [mount(inner), mount(open, false)];
  expect(() => sourcesOf(both)).toThrow(
    expect.objectContaining({ code: "CONTAINER_PATH_FORBIDDEN" }),
  );
  expect(sourcesOf(both, [open, inner])).toEqual([inner, open]);
  expect(sourcesOf([mount(open), mount(open, false)])).toEqual([open, open]);
});
