/** What the API needs of this node. */
import type { ClusterNode } from "../actors/cluster-node.ts";
import type { MemberRow } from "../scheduler/system/rows.ts";
import type { AttemptVolumes } from "./attempt-volumes.ts";
import type { ClusterAdminDeps } from "./cluster-admin.ts";
import type { DataPlane } from "./data-plane/data-plane.ts";
import type { RoomWarning } from "./disk-room.ts";
import type { Pacer } from "./files/pacer.ts";
import type { ShortageWarning } from "./files/shortages.ts";
import type { Trouble } from "./health.ts";
import type { Metrics } from "./metrics.ts";
import type { NearFolder } from "./near-folder.ts";
import type { SealKeys } from "./seal/seal-keys.ts";

export interface ClusterApiDeps {
  readonly node: ClusterNode;
  readonly plane: DataPlane;
  readonly member: () => MemberRow | undefined;
  readonly isUp: (node: string) => boolean;
  readonly version: string;
  readonly durability: "sync" | "none";
  /** Why this node cannot serve; empty while all is well. */
  readonly troubles: () => readonly Trouble[];
  /** What lasts, and does not keep this node from serving. */
  readonly warnings: () => readonly (ShortageWarning | RoomWarning)[];
  readonly metrics: Metrics;
  /** How old this node's copy of a group may be, ms; undefined when it cannot tell. */
  readonly copyAgeMs: (group: number) => number | undefined;
  readonly stateHash: ClusterAdminDeps["stateHash"];
  /** Free on the disk of this node's data, bytes. */
  readonly freeBytes: () => Promise<number>;
  /** Where mounts of this machine write. */
  readonly near: NearFolder | undefined;
  /** Who runs here and may use files. */
  readonly volumes: Pick<AttemptVolumes, "principal">;
  readonly healPacer: Pick<Pacer, "take">;
  /** Keys of sealed volumes that this node has. */
  readonly sealKeys: SealKeys;
  /** The token in this node's data directory, if it has one. */
  readonly ownToken: string | undefined;
}
