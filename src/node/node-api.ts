/** What answers the API on one node, from the node's parts. */
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { SYSTEM_GROUP } from "../actors/system-group.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Log } from "../std/log.ts";
import type { AttemptVolumes } from "./attempt-volumes.ts";
import { ClusterApi } from "./cluster-api.ts";
import type { Composed } from "./compose.ts";
import type { NodeConfig } from "./config/config.ts";
import type { DataPlane } from "./data-plane/data-plane.ts";
import { DiskRoom } from "./disk-room.ts";
import { Healer } from "./files/healer.ts";
import { Pacer } from "./files/pacer.ts";
import type { Shortages } from "./files/shortages.ts";
import type { Metrics } from "./metrics.ts";
import { NearFolder } from "./near-folder.ts";
import { KeyGiver } from "./seal/key-giver.ts";
import { SealKeys } from "./seal/seal-keys.ts";
import { KeyUnwrapper } from "./seal/wrapped-key.ts";
import { systemClock, systemTimers, systemWall } from "./system.ts";
import type { Health } from "./trouble.ts";

/** Mounts read blocks from this node's disk for so long after an open, and then over HTTP, which keeps them. */
const NEAR_READ_MS_MAX = 15 * 60_000;

/** Giving a node a key is tried again when it did not end in time. */
const GIVE_MS = 10_000;

interface ApiGround {
  readonly config: NodeConfig;
  readonly log: Log;
  readonly mesh: Mesh;
  readonly metrics: Metrics;
  readonly volumes: AttemptVolumes;
  readonly shortages: Shortages;
  /** The node's. */
  readonly privateKey: Uint8Array;
  readonly room: DiskRoom;
}

/** What the API asks of this node. */
export function clusterApi(
  ground: ApiGround,
  parts: {
    readonly composed: Composed;
    readonly plane: DataPlane;
    readonly health: Health;
    readonly token: string | undefined;
    readonly version: string;
  },
): ClusterApi {
  const { config, mesh, metrics, volumes, shortages, room } = ground;
  const { composed, plane, health, token, version } = parts;
  const { node } = composed;
  return new ClusterApi({
    ...{ node, plane, version, metrics, volumes },
    member: () => node.directory.member(mesh.self),
    isUp: (id) => id === mesh.self || mesh.isUp(id),
    durability: config.durability,
    troubles: () => health.troubles(),
    warnings: () => [...room.warnings(), ...shortages.warnings((group) => `group ${group}`)],
    copyAgeMs: (group) => health.copyAgeMs(group),
    stateHash: (group) => composed.store.stateHash(group),
    freeBytes: () => freeBytes(config.data),
    ownToken: token,
    near: new NearFolder(config.data, {
      readMs: Math.min(NEAR_READ_MS_MAX, Math.floor(config.blockGraceMs / 4)),
    }),
    sealKeys: sealKeys(ground, node),
    healPacer: new Pacer({
      bytesPerSecond: config.healBytesPerSecond,
      clock: systemClock,
      sleep: (ms) => new Promise((resolve) => systemTimers.after(ms, resolve)),
    }),
  });
}

function sealKeys({ mesh, privateKey }: ApiGround, node: Composed["node"]): SealKeys {
  const unwrapper = new KeyUnwrapper(mesh.self, privateKey);
  return new SealKeys({ self: mesh.self, directory: node.directory, unwrapper });
}

/** Members that joined later are given the keys of sealed volumes. */
export function startGiver(ground: ApiGround, { node }: Pick<Composed, "node">): KeyGiver {
  const { log, mesh } = ground;
  const giver = new KeyGiver({
    ...{ self: mesh.self, timers: systemTimers, log: log.child({ part: "files" }) },
    ...{ keys: sealKeys(ground, node), directory: node.directory, isUp: (id) => mesh.isUp(id) },
    propose: (command) => {
      const envelope = { id: { kind: "none" }, command } as const;
      return node.router.ask(SYSTEM_GROUP, { kind: "system-command", envelope }, GIVE_MS);
    },
  });
  giver.start();
  return giver;
}

/** Looks at the disk of this node's blocks, which may be another one than that of its logs. */
export function diskRoom(config: NodeConfig): DiskRoom {
  return new DiskRoom({
    timers: systemTimers,
    freeBytes: () => freeBytes(join(config.data, "blocks")),
  });
}

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** Blocks with too few copies are copied in the background. */
export function startHealer({ log, metrics, shortages }: ApiGround, api: ClusterApi): Healer {
  const healer = new Healer({
    ...{ clock: systemClock, wall: systemWall, timers: systemTimers, shortages },
    log: log.child({ part: "files" }),
    ...api.healing(),
  });
  metrics.watchHealing(healer, shortages);
  healer.start();
  return healer;
}
