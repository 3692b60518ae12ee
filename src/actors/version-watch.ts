/**
 * R10: what a node does about the version of its cluster. It compares what it has applied, and what peers
 * say that they have, with what its program supports, and takes no part any more where that is too old: its
 * row in the system group may still tell what another program supported. That its program is too new it
 * cannot see by itself, since it may only be behind: then it decides nothing (`version-gate.ts`) until it has
 * caught up, or the system group refuses what it announces.
 */
import type { NodeId } from "../scheduler/dataset.ts";
import { unsupportedText, type VersionRange } from "../scheduler/system/version-range.ts";
import { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import type { Directory } from "./directory.ts";
import type { MeshPort } from "./ports.ts";

export interface VersionWatchDeps {
  /** What this node's program supports. */
  readonly versions: VersionRange;
  readonly log: Log;
  readonly mesh: Pick<MeshPort, "self" | "send" | "isUp">;
  readonly directory: Pick<Directory, "cluster" | "members">;
  /** The program does not support the version of its cluster; called once. */
  readonly onUnsupported: (error: JobxError) => void;
  readonly bugs: PlantedBugs;
}

/** The error of a node whose program does not support the version of its cluster. */
export function unsupported(versions: VersionRange, version: number): JobxError {
  const { min, max } = versions;
  return new JobxError(
    { code: "CLUSTER_VERSION_UNSUPPORTED", version, min, max },
    unsupportedText(versions, version),
  );
}

export class VersionWatch {
  readonly #deps: VersionWatchDeps;
  #error: JobxError | undefined;
  #told: number | undefined;

  constructor(deps: VersionWatchDeps) {
    this.#deps = deps;
  }

  /** The cluster version that this node has applied; undefined while it does not know. */
  get version(): number | undefined {
    return this.#deps.directory.cluster?.version;
  }

  /** Why this node takes no part any more. */
  get error(): JobxError | undefined {
    return this.#error;
  }

  /** @throws {JobxError} `CLUSTER_VERSION_UNSUPPORTED` by what this node has applied. */
  check(): void {
    const { versions } = this.#deps;
    const applied = this.version;
    if (applied !== undefined && !this.#isFit(applied)) throw unsupported(versions, applied);
  }

  /** The directory has changed. */
  directoryChanged(): void {
    const applied = this.version;
    if (applied === undefined || applied === this.#told) return;
    if (!this.#accepts(applied, undefined)) return;
    this.#told = applied;
    for (const { node } of this.#deps.directory.members()) this.tell(node);
  }

  /** A peer is up: what the cluster's version is comes before anything that it may have brought about. */
  tell(node: NodeId): void {
    const { mesh, directory } = this.#deps;
    const { cluster } = directory;
    if (cluster === undefined || node === mesh.self || !mesh.isUp(node)) return;
    mesh.send(node, { kind: "cluster-version", version: cluster.version });
  }

  /** A peer has applied this version: it is committed, whether or not this node has come so far. */
  heard(from: NodeId, version: number): void {
    this.#accepts(version, from);
  }

  #isFit(version: number): boolean {
    const { versions, bugs } = this.#deps;
    return version <= versions.max || bugs.serveUnsupported === true;
  }

  #accepts(version: number, from: NodeId | undefined): boolean {
    const { versions, log, onUnsupported } = this.#deps;
    if (this.#error !== undefined) return false;
    if (this.#isFit(version)) return true;
    this.#error = unsupported(versions, version);
    log.error(this.#error.message, { code: "CLUSTER_VERSION_UNSUPPORTED", version, node: from });
    onUnsupported(this.#error);
    return false;
  }
}
