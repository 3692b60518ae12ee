import { expect, test } from "vitest";
import { JobxError } from "../std/errors.ts";
import { ERRNO, errnoOf, isUnforeseen } from "./errno.ts";
import { volumeError } from "./errors.ts";

test("a volume's codes have their numbers, and codes of others are EIO", () => {
  expect(errnoOf(volumeError("VOLUME_NOT_EMPTY", "x"))).toBe(ERRNO.ENOTEMPTY);
  const other = new JobxError({ code: "FS_BLOCK_LOST" }, "x");
  expect([errnoOf(other), isUnforeseen(other)]).toEqual([ERRNO.EIO, true]);
});

test("errors of the local disk keep their names, and a mistake of the program is EIO", () => {
  const full = Object.assign(new Error("full"), { code: "ENOSPC" });
  expect([errnoOf(full), isUnforeseen(full)]).toEqual([ERRNO.ENOSPC, false]);
  const strange = Object.assign(new Error("strange"), { code: "ESTRANGE" });
  expect(errnoOf(strange)).toBe(ERRNO.EIO);
  expect([errnoOf(new TypeError("x")), isUnforeseen(new TypeError("x"))]).toEqual([5, true]);
});

test("the numbers are those of this machine's kernel", async () => {
  const { constants } = await import("node:os");
  const known: Record<string, number> = constants.errno;
  for (const [name, number] of Object.entries(ERRNO)) {
    if (process.platform === "linux" && name in known)
      expect([name, known[name]]).toEqual([name, number]);
  }
});
