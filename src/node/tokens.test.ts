import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { SystemKit } from "../../test/lib/system-kit.ts";
import { Directory } from "../actors/directory.ts";
import type { SystemCommand } from "../scheduler/system/commands.ts";
import type { TokenRow } from "../scheduler/system/rows.ts";
import { Deadline } from "../std/deadline.ts";
import { ClusterError } from "./cluster-errors.ts";
import { RIGHTS_AGE_MS_MAX } from "./copy-age.ts";
import { Tokens } from "./tokens.ts";

const ROW: TokenRow = {
  ...{ kind: "token", role: "admin", name: "founder" },
  ...{ workflows: undefined, createdMs: 0 },
};

const NO_LEADER = new Error("no leader");

/** Tokens of a node whose copy of the system group knows `known`, and after a look at its leader `made`. */
function tokensOf(
  known: readonly string[],
  about: {
    readonly ageMs: number | undefined;
    readonly own?: string;
    readonly isRemoved?: boolean;
    /** Undefined where no leader can be asked. */
    readonly made?: readonly string[];
  },
) {
  const hashOf = (text: string): string => createHash("sha256").update(text).digest("hex");
  const hashes = new Set(known.map(hashOf));
  const looks: number[] = [];
  const timers = new FakeTimers();
  const tokens = new Tokens({
    clock: timers,
    fresh: (ms) => {
      looks.push(ms);
      if (about.made === undefined) return Promise.reject(NO_LEADER);
      for (const text of about.made) hashes.add(hashOf(text));
      return Promise.resolve();
    },
    directory: {
      token: (hash) => (hashes.has(hash) ? ROW : undefined),
      tokens: () => [...hashes].map((hash) => ({ hash, row: ROW })),
    },
    writer: { system: () => Promise.reject(new Error("nothing is written here")) },
    copyAgeMs: () => about.ageMs,
    own: about.own,
    isRemoved: () => about.isRemoved === true,
  });
  return { principal: (text: string) => tokens.principal(text, 10_000), looks, timers, tokens };
}

test("a token counts while the copy that knows it is fresh, and nobody is asked for it", async () => {
  const { principal, looks } = tokensOf(["a"], { ageMs: RIGHTS_AGE_MS_MAX });
  expect(await principal("a")).toEqual({ role: "admin", workflows: null });
  expect(looks).toEqual([]);
});

test("a token that was made elsewhere just now is known here", async () => {
  const { principal, looks } = tokensOf([], { ageMs: 0, made: ["new"] });
  expect(await principal("new")).toEqual({ role: "admin", workflows: null });
  expect(looks).toEqual([2_000]);
});

test("what is no token is asked for once in a while, whoever shows it how often", async () => {
  const { principal, looks, timers } = tokensOf([], { ageMs: 0, made: [] });
  for (let at = 0; at < 5; at++) expect(await principal("guess")).toBeUndefined();
  expect(looks.length).toBe(1);
  expect(await principal("another")).toBeUndefined();
  expect(looks.length).toBe(2);
  await timers.advance(5_000);
  expect(await principal("guess")).toBeUndefined();
  expect(looks.length).toBe(3);
});

test("where nobody can be asked, a token that is not known here is not called unknown", async () => {
  const { principal } = tokensOf(["a"], { ageMs: 0 });
  await expect(principal("b")).rejects.toBe(NO_LEADER);
  expect((await principal("a"))?.role).toBe("admin");
});

test("a list is as new as the call, unless an old one will do", async () => {
  const { tokens, looks } = tokensOf(["a"], { ageMs: 0, made: ["b"] });
  const deadline = new Deadline({ nowMs: () => 0 }, 7_000);
  expect((await tokens.list({ deadline, stale: true })).length).toBe(1);
  expect((await tokens.list({ deadline })).length).toBe(2);
  expect(looks).toEqual([7_000]);
});

test("an old copy grants nothing, as the token may have been revoked, and says so", async () => {
  const { principal } = tokensOf(["a"], { ageMs: RIGHTS_AGE_MS_MAX + 1, own: "mine" });
  await expect(principal("a")).rejects.toThrow("has heard of no leader");
});

test("the token in the node's own data directory counts also by an old copy, but not unknown", async () => {
  const known = tokensOf(["mine"], { ageMs: undefined, own: "mine" });
  expect((await known.principal("mine"))?.role).toBe("admin");
  const unknown = tokensOf([], { ageMs: undefined, own: "mine", made: [] });
  expect(await unknown.principal("mine")).toBeUndefined();
});

/** Revokes `hash` where the log has already lost `gone`, which this node hears of only when it asks. */
async function revoked(
  rows: Readonly<Record<string, TokenRow>>,
  hash: string,
  gone: readonly string[],
): Promise<readonly SystemCommand[]> {
  const known = new Map(Object.entries(rows));
  const sent: SystemCommand[] = [];
  const tokens = new Tokens({
    clock: new FakeTimers(),
    fresh: () => {
      // After the first look: the race is between the look and the log.
      if (sent.length > 0) for (const key of gone) known.delete(key);
      return Promise.resolve();
    },
    directory: {
      token: (key) => known.get(key),
      tokens: () => [...known].map(([key, row]) => ({ hash: key, row })),
    },
    writer: {
      system: (command) => {
        sent.push(command);
        if (command.kind === "revoke-token-keeping" && gone.includes(command.keeps)) {
          return Promise.reject(new ClusterError({ code: "TOKEN_KEPT_GONE" }, "gone"));
        }
        return Promise.resolve({ kind: "ok" });
      },
    },
    copyAgeMs: () => 0,
    own: undefined,
    isRemoved: () => false,
  });
  await tokens.revoke(hash, new Deadline({ nowMs: () => 0 }, 7_000));
  return sent;
}

test("an admin's token is revoked while another admin's stays, and one that went meanwhile is replaced", async () => {
  const [a, b, c] = ["a".repeat(64), "b".repeat(64), "c".repeat(64)] as const;
  const kind = "revoke-token-keeping";
  const limited = { ...ROW, workflows: ["text"] };
  expect(await revoked({ [c]: limited, [a]: ROW, [b]: ROW }, a, [])).toEqual([
    { kind, hash: a, keeps: b },
  ]);
  expect(await revoked({ [a]: ROW, [b]: ROW, [c]: ROW }, a, [b])).toEqual([
    { kind, hash: a, keeps: b },
    { kind, hash: a, keeps: c },
  ]);
  await expect(revoked({ [a]: ROW, [b]: ROW, [c]: limited }, a, [b])).rejects.toMatchObject({
    code: "TOKEN_LAST_ADMIN",
  });
  // The one to be revoked may have gone as well.
  await expect(revoked({ [a]: ROW, [b]: ROW }, a, [a, b])).rejects.toMatchObject({
    code: "TOKEN_UNKNOWN",
  });
});

test("a token that does not administer the cluster needs no other one that stays", async () => {
  const a = "a".repeat(64);
  expect(await revoked({ [a]: { ...ROW, role: "submit" } }, a, [])).toEqual([
    { kind: "revoke-token", hash: a },
  ]);
});

test("two admins that revoke each other at two nodes at once: one is revoked, the other is told it is the last", async () => {
  const kit = SystemKit.founded(0);
  const admins = ["1", "2"].map((digit) => digit.repeat(64));
  for (const hash of admins)
    kit.must({ kind: "create-token", hash, role: "admin", name: "boss", workflows: undefined });
  kit.must({ kind: "revoke-token", hash: "0".repeat(64) });
  const ends = await Promise.allSettled(
    admins.map((hash) => {
      const directory = new Directory();
      const tokens = new Tokens({
        clock: new FakeTimers(),
        fresh: () => {
          directory.take(kit.effects);
          return Promise.resolve();
        },
        directory,
        writer: {
          system: async (command) => {
            // Both have looked by now.
            await Promise.resolve();
            const answer = kit.apply(command);
            if (answer !== "ok") throw new ClusterError({ code: answer }, "refused");
            return { kind: "ok" };
          },
        },
        copyAgeMs: () => 0,
        own: undefined,
        isRemoved: () => false,
      });
      return tokens.revoke(hash, new Deadline({ nowMs: () => 0 }, 7_000));
    }),
  );
  expect(ends).toMatchObject([
    { status: "fulfilled" },
    { status: "rejected", reason: { code: "TOKEN_LAST_ADMIN" } },
  ]);
});

test("a node that joined honours its own token as an admin's, without the cluster, until it is removed", async () => {
  const own = "jobxnode_mine";
  const here = tokensOf([], { ageMs: undefined, own });
  expect(await here.principal(own)).toEqual({ role: "admin", workflows: null });
  expect([here.tokens.isKnown(own), here.looks]).toEqual([true, []]);
  const removed = tokensOf([], { ageMs: 0, own, isRemoved: true });
  expect([await removed.principal(own), removed.tokens.isKnown(own)]).toEqual([undefined, false]);
  const elsewhere = tokensOf([], { ageMs: 0, own: "jobxnode_other", made: [] });
  expect([await elsewhere.principal(own), elsewhere.tokens.isKnown(own)]).toEqual([
    undefined,
    false,
  ]);
});

test("a token of the cluster that lies in the data directory is honoured only while the cluster knows it", async () => {
  const { principal, tokens } = tokensOf([], { ageMs: 0, own: "jobx_revoked", made: [] });
  expect([await principal("jobx_revoked"), tokens.isKnown("jobx_revoked")]).toEqual([
    undefined,
    false,
  ]);
});
