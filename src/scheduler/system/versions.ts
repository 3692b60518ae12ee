/**
 * R10: when the cluster may go up to the next version, and what a version allows. Pure; `docs/upgrade.md`
 * tells operators what comes of it.
 */
import type { SystemCommand } from "./commands.ts";
import type { MemberRow } from "./rows.ts";
import { rangeText, supports, type VersionRange } from "./version-range.ts";

/** How the next version stands. */
export type NextVersion =
  /** No member supports a higher one. */
  | { readonly kind: "none" }
  /** All do: the cluster may go up. */
  | { readonly kind: "due"; readonly version: number }
  | {
      readonly kind: "waits";
      readonly version: number;
      readonly waitsFor: readonly MemberRow[];
    };

/**
 * What would have to happen for the version to be raised. `members` are all rows of nodes; one that was
 * removed does not count, one that is down does: it may come back as it was.
 */
export function nextVersion(version: number, members: readonly MemberRow[]): NextVersion {
  const next = version + 1;
  const present = members.filter(({ state }) => state !== "removed");
  const waitsFor = present.filter(({ versions }) => !supports(versions, next));
  if (waitsFor.length === present.length) return { kind: "none" };
  if (waitsFor.length > 0) return { kind: "waits", version: next, waitsFor };
  return { kind: "due", version: next };
}

/** `version 2 waits for node-3, which supports 1 only`. */
export function waitText(
  version: number,
  waitsFor: readonly { readonly name: string; readonly versions: VersionRange }[],
): string {
  const whom = waitsFor.map(
    ({ name, versions }) => `${name}, which supports ${rangeText(versions)}`,
  );
  return `version ${version} waits for ${whom.join("; and for ")}`;
}

/** The cluster version from which each command of the system group may be used. */
const NEEDED = {
  found: 1,
  ticket: 1,
  "revoke-ticket": 1,
  "forget-ticket": 1,
  join: 1,
  announce: 1,
  "drain-node": 1,
  "remove-node": 1,
  "remove-node-keeping": 1,
  "node-removed": 1,
  "create-workflow": 1,
  "workflow-active": 1,
  "workflow-told": 1,
  "delete-workflow": 1,
  "workflow-deleted": 1,
  "create-token": 1,
  "revoke-token": 1,
  "revoke-token-keeping": 1,
  "seal-key": 1,
  "seal-wrap": 1,
  "put-secret": 1,
  "delete-secret": 1,
  raise: 1,
} as const satisfies Record<SystemCommand["kind"], number>;

/** The lowest cluster version in which a command of the system group may be used. */
export function versionNeeded(command: SystemCommand): number {
  const needed = NEEDED[command.kind];
  // One step at a time: each version is lived in before the next.
  return command.kind === "raise" ? Math.max(needed, command.version - 1) : needed;
}

/** R10's gate: whether something that needs a version may be used in a cluster of version `version`. */
export function mayUse(needed: number, version: number): boolean {
  return needed <= version;
}
