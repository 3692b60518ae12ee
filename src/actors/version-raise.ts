/**
 * R10: the leader of the system group takes the cluster up to the next version once every member that was
 * not removed supports it. Applying decides by the log; this only asks.
 */
import type { SystemCommand } from "../scheduler/system/commands.ts";
import { nextVersion } from "../scheduler/system/versions.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Directory } from "./directory.ts";

export interface VersionRaiseDeps {
  readonly log: Log;
  readonly directory: Pick<Directory, "cluster" | "members">;
  /** Whether this node leads the system group. */
  readonly leads: () => boolean;
  readonly propose: (command: SystemCommand) => Promise<void>;
}

export class VersionRaise {
  readonly #deps: VersionRaiseDeps;
  #busy = false;

  constructor(deps: VersionRaiseDeps) {
    this.#deps = deps;
  }

  /** To be called now and then, and when the directory has changed. */
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
