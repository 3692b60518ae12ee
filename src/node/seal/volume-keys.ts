/** Keys of sealed volumes as the calls of the API need them: made, looked for, exported and brought back. */
import type { SealKey } from "../../fs/seal.ts";
import type { Clock, Timers } from "../../std/clock.ts";
import type { Deadline } from "../../std/deadline.ts";
import { ClusterError } from "../cluster-errors.ts";
import type { KeySource } from "../files/sealing.ts";
import { systemClock, systemTimers } from "../system.ts";
import type { SystemView } from "../system-view.ts";
import type { WorkflowWriter } from "../workflow-writer.ts";
import type { SealKeys } from "./seal-keys.ts";
import { keyIdOf } from "./wrapped-key.ts";

/** How long a key is waited for: a node that has just joined is given it in a moment. */
const WAIT_MS_MAX = 10_000;
const LOOK_MS = 50;

export interface VolumeKeysDeps {
  readonly keys: Pick<SealKeys, "find" | "create" | "restore">;
  readonly view: Pick<SystemView, "fresh">;
  readonly writer: Pick<WorkflowWriter, "system">;
}

const MACHINE: Clock & Timers = { ...systemClock, ...systemTimers };

export class VolumeKeys {
  readonly #deps: VolumeKeysDeps;
  readonly #machine: Clock & Timers;
  /** As `of`. */
  readonly source: KeySource = (...of) => this.of(...of);

  constructor(deps: VolumeKeysDeps, machine = MACHINE) {
    this.#deps = deps;
    this.#machine = machine;
  }

  /** The key of a group's workflow. @throws {ClusterError} `FS_KEY_MISSING`, `NO_MAJORITY`. */
  async of(group: number, deadline: Deadline): Promise<SealKey> {
    const { keys, view } = this.#deps;
    const machine = this.#machine;
    const known = keys.find(group);
    if (known !== undefined) return known;
    const endMs = machine.nowMs() + Math.min(WAIT_MS_MAX, deadline.leftMs());
    await view.fresh(deadline.leftMs());
    for (;;) {
      const found = keys.find(group);
      if (found !== undefined) return found;
      if (machine.nowMs() >= endMs) throw keyMissing();
      await new Promise<void>((resolve) => machine.after(LOOK_MS, resolve));
    }
  }

  /** Sees to it that the workflow has a key, and this node it. @throws as `of`. */
  async ensure(group: number, deadline: Deadline): Promise<void> {
    const { keys, view, writer } = this.#deps;
    await view.fresh(deadline.leftMs());
    if (keys.find(group) === undefined) await writer.system(keys.create(group), deadline);
    await this.of(group, deadline);
  }

  /** The key itself. @throws as `of`. */
  async export(
    group: number,
    deadline: Deadline,
  ): Promise<{ readonly id: string; readonly key: string }> {
    const key = await this.of(group, deadline);
    return { id: keyIdOf(key), key: key.export().toString("base64url") };
  }

  /** Gives the key to members that lack it; how many these are. @throws {ClusterError} `FS_KEY_WRONG`. */
  async restore(group: number, text: string, deadline: Deadline): Promise<number> {
    const { keys, view, writer } = this.#deps;
    await view.fresh(deadline.leftMs());
    const bytes = Buffer.from(text, "base64url");
    const command = keys.restore(group, bytes);
    bytes.fill(0);
    if (command === undefined) {
      const message = "that is not the key of this workflow's volume, or it has none";
      throw new ClusterError({ code: "FS_KEY_WRONG" }, message);
    }
    await writer.system(command, deadline);
    return command.wraps.length;
  }
}

function keyMissing(): ClusterError {
  const message = "this node was not given the key of the workflow's volume: ask another node";
  return new ClusterError({ code: "FS_KEY_MISSING" }, message);
}
