/** A snapshot of a group of three, and its announcement, for tests of both of its ends. */
import type { Membership, RawRow, SnapshotInfo } from "../../src/actors/ports.ts";
import { EMPTY_CONFIGURATION, type SnapshotDescription } from "../../src/raft/types.ts";
import { addHash64, HASH64_ZERO, hash64 } from "../../src/std/hash64.ts";
import { snapshotInfoFormat } from "../../src/wire/snapshot.ts";

/** Replicas 1, 2 and 3 on nodes a, b and c. */
export const THREE: Membership = {
  configuration: { ...EMPTY_CONFIGURATION, voters: [1, 2, 3] },
  places: ["a", "b", "c"].map((node, at) => ({ replica: at + 1, node, storeId: `s${node}` })),
  nextReplica: 4,
};

/** Rows with rising keys. */
export const ROWS: readonly RawRow[] = Array.from({ length: 5 }, (_, at) => ({
  key: `k${at}`,
  value: Uint8Array.of(at),
}));

export const ROWS_HASH = ROWS.reduce(
  (sum, { key, value }) => addHash64(sum, hash64(key, value)),
  HASH64_ZERO,
);

/** What a snapshot's announcement says. */
export function infoOf(snapshot: string, index: number): SnapshotInfo {
  return { snapshot, index, term: 2, membership: THREE, hash: ROWS_HASH };
}

/** As a leader's message carries it. */
export function descriptionOf(info: SnapshotInfo): SnapshotDescription {
  const { index, term, membership } = info;
  const descriptor = snapshotInfoFormat.encode(info);
  return { index, term, configuration: membership.configuration, descriptor };
}
