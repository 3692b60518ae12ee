/**
 * Watches for the container engine of a node, which may come, hang and go, and removes containers that are
 * nobody's any more.
 */
import type { Timer, Timers } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import type { Engine } from "./engine.ts";
import { type ContainerSettings, findEngine } from "./settings.ts";
import { isWorkerGone, LABELS } from "./worker-label.ts";

/** Between two looks for an engine, and for containers while there are none. */
const LOOK_MS = 3_000;

/** Between two looks while some run: what was cancelled is soon gone. */
const BUSY_LOOK_MS = 1_000;

export interface ContainerWatchDeps {
  readonly settings: ContainerSettings;
  readonly timers: Timers;
  readonly log: Log;
  /** An engine has come, or gone. */
  readonly onChange: (isThere: boolean) => void;
}

export class ContainerWatch {
  readonly #deps: ContainerWatchDeps;
  #isThere = false;
  /** Containers that could not be removed when it was last tried: each is told once. */
  #stuck: ReadonlySet<string> = new Set();
  #timer: Timer | undefined;
  #stopped = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(deps: ContainerWatchDeps) {
    this.#deps = deps;
  }

  start(): void {
    if (this.#deps.settings.engines.length > 0) this.#look();
  }

  /** Looks a last time, for what the workers have left that have just ended, and does nothing any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
    if (this.#isThere) await this.#lookOnce();
  }

  #look(): void {
    this.#looking = this.#lookOnce().then((againMs) => {
      if (!this.#stopped) this.#timer = this.#deps.timers.after(againMs, () => this.#look());
    });
  }

  async #lookOnce(): Promise<number> {
    let engine: Engine;
    try {
      engine = await findEngine(this.#deps.settings.engines);
    } catch (error) {
      this.#tell(false, { reason: errorText(error) });
      return LOOK_MS;
    }
    this.#tell(true, { address: engine.address });
    try {
      return (await this.#reap(engine)) > 0 ? BUSY_LOOK_MS : LOOK_MS;
    } catch (error) {
      this.#deps.log.debug("could not look for containers", { reason: errorText(error) });
      return LOOK_MS;
    }
  }

  #tell(isThere: boolean, fields: Readonly<Record<string, string>>): void {
    if (isThere === this.#isThere || this.#stopped) return;
    this.#isThere = isThere;
    const { log, onChange } = this.#deps;
    if (isThere) log.info("a container engine is there", fields);
    else log.warn("the container engine is gone", fields);
    onChange(isThere);
  }

  /**
   * Removes this cluster's containers whose workers are gone; how many others there are. Those of other nodes
   * that use the same engine as well: their node may never come back.
   */
  async #reap({ containers }: Engine): Promise<number> {
    const { settings, log } = this.#deps;
    const all = await containers.list(`${LABELS.cluster}=${settings.cluster}`);
    const gone = all.filter(({ labels }) => {
      const isOwn = labels[LABELS.node] === settings.node;
      return isWorkerGone(labels[LABELS.worker] ?? "", { isOwn });
    });
    const stuck = new Set<string>();
    for (const { id, labels } of gone) {
      const fields = { container: id, node: labels[LABELS.node] };
      try {
        await containers.remove(id);
        log.info("removed a container that was left", fields);
      } catch (error) {
        // It keeps no other one; the next look tries again.
        const reason = errorText(error);
        if (!this.#stuck.has(id)) log.warn("cannot remove a container", { ...fields, reason });
        stuck.add(id);
      }
    }
    this.#stuck = stuck;
    return all.length - gone.length;
  }
}
