/**
 * The volumes of all workflows as folders below one directory of this machine: each a mount of its own, with a
 * process and a watchdog of its own, so that one that stands still harms no other. They come and go with the
 * workflows, are made again when they end, and end with this node, however that ends.
 */
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { StartedMount } from "../mount/start-mount.ts";
import type { Timer, Timers } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";

/** Volumes that are mounted; of more the oldest ones are, since each takes two processes. */
export const MOUNTED_VOLUMES_MAX = 64;

/** Between two looks at which workflows there are, milliseconds. */
const LOOK_MS = 500;

/** Before a mount that failed or ended is tried again, milliseconds; doubled each time up to the second. */
const AGAIN_MS_MIN = 1_000;
const AGAIN_MS_MAX = 60_000;

/** A mount that was there for so long is not one that fails, milliseconds. */
const WELL_MS = 60_000;

/** A workflow, as far as a mount cares. */
export interface MountedWorkflow {
  readonly name: string;
  /** Another one under the same name has another group. */
  readonly group: number;
}

/** What the keeper needs of the machine. */
export interface MountsDeps {
  /** Exists; an absolute path. */
  readonly directory: string;
  /** In the order of their making. */
  readonly workflows: () => readonly MountedWorkflow[];
  /** @throws {JobxError} a code of the mount that could not be made */
  readonly start: (workflow: string, directory: string) => Promise<StartedMount>;
  /** Takes away what an earlier node has left mounted at a place, if anything is. */
  readonly clear: (directory: string) => Promise<void>;
  readonly timers: Timers;
  readonly nowMs: () => number;
  readonly log: Log;
}

interface Place {
  readonly group: number;
  /** Fulfilled when nothing is mounted there any more. */
  done: Promise<void>;
  isWanted: boolean;
  mount: StartedMount | undefined;
  wake: () => void;
}

/** Asked anew after each wait. */
const isWanted = (place: Place): boolean => place.isWanted;

export class Mounts {
  readonly #deps: MountsDeps;
  readonly #places = new Map<string, Place>();
  #timer: Timer | undefined;
  #isStopped = false;
  #saidFull = false;

  constructor(deps: MountsDeps) {
    this.#deps = deps;
  }

  /** Takes away what an earlier node left there, and begins. */
  async start(): Promise<void> {
    const { directory, clear } = this.#deps;
    // Names only: what is mounted there may never answer.
    for (const name of await readdir(directory)) await clear(join(directory, name));
    if (!this.#isStopped) this.#look();
  }

  /** Unmounts all: what is open there is waited for as long as the mounts' own deadline. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    const places = [...this.#places.values()];
    for (const place of places) this.#end(place);
    await Promise.all(places.map(({ done }) => done));
  }

  /** Where the volume of a workflow is mounted now, if it is. */
  directoryOf(workflow: string): string | undefined {
    const place = this.#places.get(workflow);
    if (place?.isWanted !== true || place.mount === undefined) return undefined;
    return join(this.#deps.directory, workflow);
  }

  #look(): void {
    const { workflows, log, timers } = this.#deps;
    const all = workflows();
    const wanted = new Map(
      all.slice(0, MOUNTED_VOLUMES_MAX).map(({ name, group }) => [name, group]),
    );
    if (all.length > wanted.size && !this.#saidFull) {
      log.warn("there are more workflows than are mounted", { mounted: wanted.size });
    }
    this.#saidFull = all.length > wanted.size;
    for (const [name, place] of this.#places) {
      if (wanted.get(name) !== place.group) this.#end(place);
    }
    for (const [name, group] of wanted) {
      // One of the same name that is still being taken away goes first.
      if (!this.#places.has(name)) this.#add(name, group);
    }
    this.#timer = timers.after(LOOK_MS, () => this.#look());
  }

  #add(name: string, group: number): void {
    const place: Place = {
      ...{ group, isWanted: true, mount: undefined, wake: () => {} },
      done: Promise.resolve(),
    };
    this.#places.set(name, place);
    place.done = this.#keep(name, place).finally(() => this.#places.delete(name));
  }

  #end(place: Place): void {
    if (!place.isWanted) return;
    place.isWanted = false;
    place.wake();
    void place.mount?.stop();
  }

  /** Mounts one volume, again and again, until it is not wanted any more. Never rejects. */
  async #keep(name: string, place: Place): Promise<void> {
    const { log, nowMs } = this.#deps;
    const directory = join(this.#deps.directory, name);
    for (let againMs = AGAIN_MS_MIN; place.isWanted; ) {
      const sinceMs = nowMs();
      await this.#once(name, directory, place);
      if (!isWanted(place)) break;
      if (nowMs() - sinceMs >= WELL_MS) againMs = AGAIN_MS_MIN;
      log.warn("a volume is not mounted, and will be again", { workflow: name, againMs });
      await this.#pause(place, againMs);
      againMs = Math.min(2 * againMs, AGAIN_MS_MAX);
    }
    // Left there, a program that goes on would write into it. One in which something lies stays.
    await rmdir(directory).catch(() => undefined);
  }

  /** Mounts one volume; returns when it is not mounted any more. */
  async #once(name: string, directory: string, place: Place): Promise<void> {
    const { log } = this.#deps;
    try {
      await mkdir(directory).catch((error: unknown) => {
        if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      });
      place.mount = await this.#deps.start(name, directory);
      log.info("a volume is mounted", { workflow: name, directory, server: place.mount.pid });
      // Nobody wanted it any more while it was made.
      if (!isWanted(place)) await place.mount.stop();
      await place.mount.ended;
    } catch (error) {
      log.warn("a volume could not be mounted", { workflow: name, reason: errorText(error) });
    } finally {
      place.mount = undefined;
    }
  }

  #pause(place: Place, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#deps.timers.after(ms, resolve);
      place.wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
