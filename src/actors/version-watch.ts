/**
 * R10: what a node does about the version of its cluster. It compares what it has applied with what its
 * program supports, and takes no part any more where that is too old: its row in the system group may still
 * tell what another program supported. That its program is too new it cannot see by itself, since it may only
 * be behind: then it decides nothing (`version-gate.ts`) until it has caught up, or the system group refuses
 * what it announces.
 *
 * A peer's word only raises a doubt, since any member can say anything: the node then announces itself anew
 * (`announcer.ts`), and the system group's leader refuses it, or the word was a lie. Meanwhile it goes on:
 * what a later version brings it cannot read, so it does no harm, and a lie does none either.
 */
import type { NodeId } from "../scheduler/dataset.ts";
import { unsupportedText, type VersionRange } from "../scheduler/system/version-range.ts";
import type { Clock } from "../std/clock.ts";
import { JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import type { Directory } from "./directory.ts";
import type { MeshPort } from "./ports.ts";

/** For so long nothing is believed about versions of who has lied about one, ms: it is named as often. */
const LIAR_MS = 3_600_000;

/** What peers have said that the version is, by who said it, where this program does not support that. */
export type VersionDoubts = ReadonlyMap<NodeId, number>;

export interface VersionWatchDeps {
  readonly clock: Clock;
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
  /** Both have members only, one entry for each: nobody else is heard. */
  readonly #doubts = new Map<NodeId, number>();
  readonly #liars = new Map<NodeId, number>();
  #onDoubt: () => void = () => {};

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
    if (!this.#accepts(applied)) return;
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

  /** What peers have said and nobody has refuted. */
  get doubts(): VersionDoubts {
    return this.#doubts;
  }

  /** `doubted` is called at each new doubt: somebody is to find out. */
  listen(doubted: () => void): void {
    this.#onDoubt = doubted;
  }

  /** A peer says that it has applied this version: were it so, it would be committed. */
  heard(from: NodeId, version: number): void {
    // A version never falls: who says a lower one afterwards has not taken back the other.
    if (this.#error !== undefined || this.#isFit(version)) return;
    const { clock, log } = this.#deps;
    const lied = this.#liars.get(from);
    if (lied !== undefined && clock.nowMs() - lied < LIAR_MS) return;
    const isNew = !this.#doubts.has(from);
    this.#doubts.set(from, version);
    if (!isNew) return;
    const about = { version, node: from };
    log.info("a node tells of a cluster version that is not supported here", about);
    this.#onDoubt();
  }

  /** The system group has taken this program after all these were heard: they were lies. */
  refute(doubts: VersionDoubts): void {
    const { clock, log } = this.#deps;
    for (const [node, version] of doubts) {
      if (!this.#doubts.delete(node)) continue;
      this.#liars.set(node, clock.nowMs());
      log.warn("a node tells of a cluster version that there is not", { version, node });
    }
  }

  #isFit(version: number): boolean {
    const { versions, bugs } = this.#deps;
    return version <= versions.max || bugs.serveUnsupported === true;
  }

  #accepts(version: number): boolean {
    const { versions, log, onUnsupported } = this.#deps;
    if (this.#error !== undefined) return false;
    if (this.#isFit(version)) return true;
    this.#error = unsupported(versions, version);
    log.error(this.#error.message, { code: "CLUSTER_VERSION_UNSUPPORTED", version });
    onUnsupported(this.#error);
    return false;
  }
}
