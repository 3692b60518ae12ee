import { describe, expect, test } from "vitest";
import { memberNamed } from "../../../test/lib/system-kit.ts";
import { commandVersion } from "../command-versions.ts";
import type { MemberRow } from "./rows.ts";
import { LOWEST_VERSION, SUPPORTED_VERSIONS, supports, unsupportedText } from "./version-range.ts";
import { mayUse, nextVersion, versionNeeded, waitText } from "./versions.ts";

const rowOf = (
  node: string,
  versions: readonly [number, number],
  state: MemberRow["state"] = "joined",
): MemberRow => ({
  ...memberNamed(node),
  ...{ kind: "member", versions: { min: versions[0], max: versions[1] }, state },
});

test("this program supports versions, and what it assumes of an unknown cluster is none above them", () => {
  const { min, max } = SUPPORTED_VERSIONS;
  expect(min).toBeGreaterThanOrEqual(1);
  expect(max).toBeGreaterThanOrEqual(min);
  expect(LOWEST_VERSION).toBeLessThanOrEqual(max);
});

test("a range supports its ends and what lies between", () => {
  const range = { min: 2, max: 4 };
  expect([1, 2, 3, 4, 5].filter((version) => supports(range, version))).toEqual([2, 3, 4]);
});

describe("the next version", () => {
  test("is due when all members support it, whatever is beyond it", () => {
    const members = [rowOf("a", [1, 2]), rowOf("b", [2, 9])];
    expect(nextVersion(1, members)).toEqual({ kind: "due", version: 2 });
  });

  test("waits for those that do not, also for one that is drained or being removed", () => {
    const late = rowOf("b", [1, 1], "drained");
    const leaving = rowOf("c", [1, 1], "removing");
    const next = nextVersion(1, [rowOf("a", [1, 2]), late, leaving]);
    expect(next).toEqual({ kind: "waits", version: 2, waitsFor: [late, leaving] });
  });

  test("does not wait for one that was removed", () => {
    const gone = rowOf("b", [1, 1], "removed");
    expect(nextVersion(1, [rowOf("a", [1, 2]), gone])).toEqual({ kind: "due", version: 2 });
  });

  test("is nothing while nobody supports it", () => {
    expect(nextVersion(2, [rowOf("a", [1, 2]), rowOf("b", [2, 2])])).toEqual({ kind: "none" });
    expect(nextVersion(1, [])).toEqual({ kind: "none" });
  });

  test("is said in one sentence with all for whom it waits", () => {
    const waitsFor = [rowOf("a", [1, 1]), rowOf("b", [3, 5])];
    expect(waitText(2, waitsFor)).toBe(
      "version 2 waits for name-of-a, which supports 1 only; and for name-of-b, which supports 3 to 5",
    );
  });
});

test("who is too old is told to upgrade, and who is too new that the others come first", () => {
  expect(unsupportedText({ min: 1, max: 1 }, 2)).toBe(
    "the cluster has version 2, and this node's program supports 1 only: upgrade this node",
  );
  expect(unsupportedText({ min: 2, max: 3 }, 1)).toContain("supports 2 to 3: upgrade the rest");
});

test("a raise needs the version before, and every other command what its table says", () => {
  const raise = (version: number) => versionNeeded({ kind: "raise", version });
  expect([raise(1), raise(2), raise(3)]).toEqual([1, 1, 2]);
  expect(mayUse(raise(3), 1)).toBe(false);
  expect(mayUse(raise(3), 2)).toBe(true);
  expect(versionNeeded({ kind: "revoke-ticket", id: "t" })).toBe(1);
  expect(commandVersion({ kind: "cancel", request: 1 })).toBe(1);
});
