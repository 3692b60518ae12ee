import { expect, test } from "vitest";
import type { CommandId } from "../commands.ts";
import type { Answer } from "../rows.ts";
import { Transaction } from "../transaction.ts";
import { applySystemEnvelope } from "./apply.ts";
import type { SystemCommand } from "./commands.ts";
import type { SystemEffect } from "./effect.ts";
import { systemKeys } from "./keys.ts";
import type { SystemRow } from "./rows.ts";

const HASH = "ab".repeat(32);
const NONE: CommandId = { kind: "none" };

/** Applies commands one after the other to rows in memory. */
function system(): {
  readonly rows: Map<string, SystemRow>;
  readonly run: (command: SystemCommand, id?: CommandId) => Answer;
  readonly effects: SystemEffect[];
} {
  const rows = new Map<string, SystemRow>();
  const effects: SystemEffect[] = [];
  const run = (command: SystemCommand, id: CommandId = NONE): Answer => {
    const tx = new Transaction<SystemRow, SystemEffect>({ peek: (key) => rows.get(key) });
    const answer = applySystemEnvelope(tx, { stampMs: 77 }, { id, command });
    tx.keep();
    for (const [key, row] of tx.writes()) {
      if (row === undefined) rows.delete(key);
      else rows.set(key, row);
    }
    effects.push(...tx.effects());
    return answer;
  };
  return { rows, run, effects };
}

const CREATE = {
  kind: "create-token",
  hash: HASH,
  role: "submit",
  name: "ci",
  workflows: ["text"],
} as const;

test("a token is kept under its hash with what it allows and when it was made", () => {
  const { rows, run } = system();
  expect(run(CREATE)).toEqual({ kind: "ok" });
  expect(rows.get(systemKeys.token(HASH))).toEqual({
    kind: "token",
    role: "submit",
    name: "ci",
    workflows: ["text"],
    createdMs: 77,
  });
});

test("a revoked token is gone, and every node is told so", () => {
  const { rows, run, effects } = system();
  run(CREATE);
  expect(run({ kind: "revoke-token", hash: HASH })).toEqual({ kind: "ok" });
  expect(rows.has(systemKeys.token(HASH))).toBe(false);
  expect(effects.at(-1)).toEqual({ key: systemKeys.token(HASH), row: undefined });
});

test("a token that is not there cannot be revoked, but a repeated command has its first answer", () => {
  const { run } = system();
  expect(run({ kind: "revoke-token", hash: HASH })).toMatchObject({ code: "TOKEN_UNKNOWN" });
  run(CREATE);
  const id = { kind: "entry", node: "n", boot: 1, sequence: 1 } as const;
  expect(run({ kind: "revoke-token", hash: HASH }, id)).toEqual({ kind: "ok" });
  expect(run({ kind: "revoke-token", hash: HASH }, id)).toEqual({ kind: "ok" });
});

const admin = (hash: string, workflows?: readonly string[]): SystemCommand => ({
  ...{ kind: "create-token", hash, role: "admin", name: "boss" },
  workflows,
});
const [ONE, TWO, THREE] = ["01".repeat(32), "02".repeat(32), "03".repeat(32)] as const;
const revoke = (hash: string, keeps: string): SystemCommand => ({
  ...{ kind: "revoke-token-keeping", hash, keeps },
});

test("of two admins that revoke each other the one whose command comes second is not revoked", () => {
  for (const [first, second] of [
    [ONE, TWO],
    [TWO, ONE],
  ] as const) {
    const { rows, run } = system();
    run(admin(ONE));
    run(admin(TWO));
    expect(run(revoke(first, second))).toEqual({ kind: "ok" });
    expect(run(revoke(second, first))).toMatchObject({ code: "TOKEN_KEPT_GONE" });
    expect(rows.has(systemKeys.token(second))).toBe(true);
    // There is nobody else to name.
    expect(run(revoke(second, second))).toMatchObject({ code: "TOKEN_KEPT_GONE" });
    run(admin(THREE));
    expect(run(revoke(second, THREE))).toEqual({ kind: "ok" });
    expect(run(revoke(second, THREE))).toMatchObject({ code: "TOKEN_UNKNOWN" });
  }
});

test("a token that may not administer the cluster is none that stays in place of an admin's", () => {
  const { run } = system();
  run(admin(ONE));
  run(CREATE);
  run(admin(TWO, ["text"]));
  expect(run(revoke(ONE, HASH))).toMatchObject({ code: "TOKEN_KEPT_GONE" });
  expect(run(revoke(ONE, TWO))).toMatchObject({ code: "TOKEN_KEPT_GONE" });
});
