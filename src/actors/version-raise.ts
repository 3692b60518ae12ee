/**
 * R10: the leader of the system group takes the cluster up to the next version once every member that was
 * not removed supports it. Applying decides by the log; this only asks.
 */
import type { SystemCommand } from "../scheduler/system/commands.ts";
import { nextVersion } from "../scheduler/system/versions.ts";
import type { Timer, Timers } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Directory } from "./directory.ts";

/** Between two looks; a member that announced itself is seen at once. */
const LOOK_MS = 1_000;

export interface VersionRaiseDeps {
  readonly timers: Timers;
  readonly log: Log;
  readonly directory: Pick<Directory, "cluster" | "members">;
  /** Whether this node leads the system group. */
  readonly leads: () => boolean;
  readonly propose: (command: SystemCommand) => Promise<void>;
}

export class VersionRaise {
  readonly #deps: VersionRaiseDeps;
  #timer: Timer | undefined;
  #busy = false;

  constructor(deps: VersionRaiseDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#timer = this.#deps.timers.after(LOOK_MS, () => {
      this.look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Looks now: the directory has changed. */
  look(): void {
    const { leads, directory } = this.#deps;
    const { cluster } = directory;
    if (this.#busy || cluster === undefined || !leads()) return;
    const next = nextVersion(cluster.version, directory.members());
    if (next.kind !== "due") return;
    this.#busy = true;
    void this.#raise(next.version).finally(() => {
      this.#busy = false;
    });
  }

  async #raise(version: number): Promise<void> {
    const { log, propose } = this.#deps;
    try {
      await propose({ kind: "raise", version });
      log.info("asked for the cluster's version to be raised", { version });
    } catch (error) {
      log.warn("raising the cluster's version has to wait", { version, reason: errorText(error) });
    }
  }
}
