/** Secrets of workflows: only their sealed form is seen here. */
import { refused } from "../answers.ts";
import type { Answer } from "../rows.ts";
import type { SystemCommand } from "./commands.ts";
import type { SystemTransaction } from "./effect.ts";
import { systemKeys } from "./keys.ts";
import { SECRETS_BYTES_MAX, SECRETS_MAX, type SealedSecret } from "./rows.ts";

type Command<K extends SystemCommand["kind"]> = Extract<SystemCommand, { readonly kind: K }>;

const DONE: Answer = { kind: "ok" };

/** The last value of a name is its value. */
export function applyPutSecret(
  tx: SystemTransaction,
  stampMs: number,
  { group, name, bytes, sealed }: Command<"put-secret">,
): Answer {
  const workflow = tx.get(systemKeys.workflow(group));
  if (workflow?.kind !== "workflow" || workflow.state === "deleted") {
    return refused("WORKFLOW_UNKNOWN", "there is no such workflow");
  }
  const others = secretsOf(tx, group).filter((one) => one.name !== name);
  if (others.length >= SECRETS_MAX) {
    return refused("SECRETS_FULL", `a workflow has at most ${SECRETS_MAX} secrets`);
  }
  if (others.reduce((sum, one) => sum + one.bytes, bytes) > SECRETS_BYTES_MAX) {
    const message = `the secrets of a workflow have at most ${SECRETS_BYTES_MAX} bytes together`;
    return refused("SECRETS_FULL", message);
  }
  const secret = { name, bytes, setMs: stampMs, sealed };
  putSecrets(tx, group, [...others, secret].sort(byName));
  return DONE;
}

export function applyDeleteSecret(
  tx: SystemTransaction,
  { group, name }: Command<"delete-secret">,
): Answer {
  const before = secretsOf(tx, group);
  const left = before.filter((one) => one.name !== name);
  if (left.length === before.length) {
    return refused("SECRET_UNKNOWN", `the workflow has no secret ${name}`);
  }
  if (left.length === 0) forgetSecrets(tx, group);
  else putSecrets(tx, group, left);
  return DONE;
}

/** They go with their workflow. */
export function forgetSecrets(tx: SystemTransaction, group: number): void {
  const key = systemKeys.secrets(group);
  if (tx.get(key) === undefined) return;
  tx.delete(key);
  tx.emit({ key, row: undefined });
}

function secretsOf(tx: SystemTransaction, group: number): readonly SealedSecret[] {
  const row = tx.get(systemKeys.secrets(group));
  return row?.kind === "secrets" ? row.secrets : [];
}

function putSecrets(tx: SystemTransaction, group: number, secrets: readonly SealedSecret[]): void {
  const key = systemKeys.secrets(group);
  const row = { kind: "secrets", secrets } as const;
  tx.put(key, row);
  tx.emit({ key, row });
}

/** Names are of ASCII, which all compare alike. */
function byName(one: SealedSecret, other: SealedSecret): number {
  return one.name < other.name ? -1 : 1;
}
