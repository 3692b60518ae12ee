/** R10: applying what has to do with the version of the cluster and the ranges of its members. */
import { assert } from "../../std/assert.ts";
import { refused } from "../answers.ts";
import type { Answer } from "../rows.ts";
import type { MemberInfo } from "./commands.ts";
import type { SystemTransaction } from "./effect.ts";
import { CLUSTER_KEY, SUPPORT_KEY, systemKeys } from "./keys.ts";
import type { ClusterRow, MemberRow, SupportRow } from "./rows.ts";
import { rangeText, supports, unsupportedText, type VersionRange } from "./version-range.ts";

/** The answer to a command that the version of the cluster does not allow yet. */
export function refusedVersion(command: string, needed: number, version: number): Answer {
  return refused(
    "CLUSTER_VERSION_TOO_LOW",
    `${command} may be used from cluster version ${needed} on, and the cluster has version ${version}`,
  );
}

/** Refuses a node whose program does not support the version of the cluster; undefined where it does. */
export function refusedRange(
  tx: SystemTransaction,
  { versions }: Pick<MemberInfo, "versions">,
): Answer | undefined {
  const { version } = clusterOf(tx);
  if (supports(versions, version)) return undefined;
  return refused("CLUSTER_VERSION_UNSUPPORTED", unsupportedText(versions, version));
}

/** Writes a node's row, and counts its range among those of the members while it is not removed. */
export function putMember(tx: SystemTransaction, row: MemberRow): void {
  const key = systemKeys.member(row.node);
  const before = tx.get(key);
  const counted = before?.kind === "member" ? countedRange(before) : undefined;
  const counts = countedRange(row);
  tx.put(key, row);
  tx.emit({ key, row });
  if (counted?.min === counts?.min && counted?.max === counts?.max) return;
  tx.put(SUPPORT_KEY, { kind: "support", ranges: counting(supportOf(tx), counted, counts) });
}

/** Takes the cluster up by one, if every member that was not removed supports that. */
export function applyRaise(tx: SystemTransaction, version: number): Answer {
  const cluster = clusterOf(tx);
  if (version <= cluster.version) return { kind: "ok" };
  const waits = supportOf(tx).filter((range) => !supports(range, version));
  if (waits.length > 0) {
    const whom = waits.map((range) => `${range.members} (${rangeText(range)})`).join(", ");
    return refused(
      "CLUSTER_RAISE_WAITS",
      `version ${version} waits for members that do not support it: ${whom}`,
    );
  }
  const row: ClusterRow = { ...cluster, version };
  tx.put(CLUSTER_KEY, row);
  tx.emit({ key: CLUSTER_KEY, row });
  return { kind: "ok" };
}

function clusterOf(tx: SystemTransaction): ClusterRow {
  const row = tx.get(CLUSTER_KEY);
  assert(row?.kind === "cluster", "the system group's first command founds the cluster");
  return row;
}

function supportOf(tx: SystemTransaction): SupportRow["ranges"] {
  const row = tx.get(SUPPORT_KEY);
  return row?.kind === "support" ? row.ranges : [];
}

function countedRange({ state, versions }: MemberRow): VersionRange | undefined {
  return state === "removed" ? undefined : versions;
}

/** One member less in a range, one more in another. */
function counting(
  ranges: SupportRow["ranges"],
  less: VersionRange | undefined,
  more: VersionRange | undefined,
): SupportRow["ranges"] {
  const counted = new Map(ranges.map((range) => [keyOf(range), range]));
  const add = (range: VersionRange | undefined, change: number): void => {
    if (range === undefined) return;
    const { min, max } = range;
    const members = (counted.get(keyOf(range))?.members ?? 0) + change;
    assert(members >= 0, "a range has as many members as were counted");
    counted.set(keyOf(range), { min, max, members });
  };
  add(less, -1);
  add(more, 1);
  return [...counted.values()]
    .filter(({ members }) => members > 0)
    .sort((a, b) => a.min - b.min || a.max - b.max);
}

function keyOf({ min, max }: VersionRange): string {
  return `${min} ${max}`;
}
