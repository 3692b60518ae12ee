import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { TokenRow } from "../scheduler/system/rows.ts";
import { RIGHTS_AGE_MS_MAX } from "./copy-age.ts";
import { Tokens } from "./tokens.ts";

const ROW: TokenRow = {
  ...{ kind: "token", role: "admin", name: "founder" },
  ...{ workflows: undefined, createdMs: 0 },
};

/** Tokens of a node whose copy of the system group knows `known`. */
function tokensOf(
  known: readonly string[],
  about: { readonly ageMs: number | undefined; readonly own?: string },
): Tokens {
  const hashes = new Set(known.map((text) => createHash("sha256").update(text).digest("hex")));
  return new Tokens({
    directory: { token: (hash) => (hashes.has(hash) ? ROW : undefined), tokens: () => [] },
    writer: { system: () => Promise.reject(new Error("nothing is written here")) },
    copyAgeMs: () => about.ageMs,
    own: about.own,
  });
}

test("a token counts while the copy that knows it is fresh", () => {
  const tokens = tokensOf(["a"], { ageMs: RIGHTS_AGE_MS_MAX });
  expect(tokens.principal("a")).toEqual({ role: "admin", workflows: null });
  expect(tokens.principal("b")).toBeUndefined();
});

test("an old copy grants nothing, as the token may have been revoked, and says so", () => {
  const tokens = tokensOf(["a"], { ageMs: RIGHTS_AGE_MS_MAX + 1, own: "mine" });
  expect(() => tokens.principal("a")).toThrow("has heard of no leader");
  expect(tokens.principal("b")).toBeUndefined();
});

test("the token in the node's own data directory counts also by an old copy, but not unknown", () => {
  expect(tokensOf(["mine"], { ageMs: undefined, own: "mine" }).principal("mine")?.role).toBe(
    "admin",
  );
  expect(tokensOf([], { ageMs: undefined, own: "mine" }).principal("mine")).toBeUndefined();
});
