/**
 * What a workflow's leader does about what is over: requests that ended too long ago or take too much,
 * rows under removed requests, answers under clients' keys, and what the tree of files has of that. One bounded step at a time, each committed
 * before the next is looked for, so that scheduling never waits behind it; a new leader goes on where
 * the rows say that the last one stopped.
 */
import { type Command, RETENTION_KEYS_MAX } from "../scheduler/commands.ts";
import {
  META_KEY,
  placeOfEndedKey,
  placeOfExpiryKey,
  prefixes,
  prefixesUnder,
  RETAINED_KEY,
  requestOfRemovalKey,
} from "../scheduler/keys.ts";
import type { Retention as Policy, Row } from "../scheduler/rows.ts";
import type { Timer, Timers, WallClock } from "../std/clock.ts";
import { errorText } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { prefixEnd } from "../std/ordered-text.ts";
import type { PlantedBugs } from "../std/planted-bugs.ts";
import type { StatePort } from "./ports.ts";
import { TreeUpkeep } from "./tree-upkeep.ts";

/** Between two looks when there is nothing to do. */
const LOOK_MS = 10_000;

/** Between two steps: a removal of a million rows takes minutes and nobody notices. */
const STEP_MS = 20;

/** Requests that are removed at once, each by a command of its own. */
const EXPIRED_MAX = 64;

/** R15: a client's key is remembered at least for so long. */
const KEY_RETENTION_MS = 24 * 3_600_000;

export interface RetentionDeps {
  readonly timers: Timers;
  readonly wall: WallClock;
  readonly log: Log;
  readonly state: () => StatePort<Row>;
  /** Resolves when the command is applied. */
  readonly propose: (command: Command) => Promise<unknown>;
  /** Where the workflow says nothing. */
  readonly policy: Policy;
  readonly bugs: PlantedBugs;
}

export class RetentionKeeper {
  readonly #deps: RetentionDeps;
  readonly #tree: TreeUpkeep;
  #timer: Timer | undefined;
  /** What the timer waits. */
  #waitMs = 0;
  #runs = false;
  #stepping = false;
  /** Something came up while a step was under way. */
  #again = false;

  constructor(deps: RetentionDeps) {
    this.#deps = deps;
    this.#tree = new TreeUpkeep(deps);
  }

  /** Works from now on, until `stop`. */
  start(): void {
    this.#runs = true;
    this.#later(STEP_MS);
  }

  stop(): void {
    this.#runs = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Something was removed, and what lies under it need not wait for the next look. */
  hurry(): void {
    if (this.#stepping) this.#again = true;
    // A timer that is soon is left alone: else one removal after the other would put it off for ever.
    else if (this.#runs && this.#waitMs > STEP_MS) this.#later(STEP_MS);
  }

  #later(delayMs: number): void {
    this.#timer?.cancel();
    this.#waitMs = delayMs;
    this.#timer = this.#deps.timers.after(delayMs, () => {
      this.#timer = undefined;
      if (!this.#runs || this.#stepping) return;
      this.#stepping = true;
      void this.#stepAndGoOn();
    });
  }

  async #stepAndGoOn(): Promise<void> {
    let nextMs = LOOK_MS;
    try {
      if (await this.#step()) nextMs = STEP_MS;
      if (this.#cameUp()) nextMs = STEP_MS;
    } catch (error) {
      // Not taken, perhaps since another leads by now; the rows still say what is to be done.
      this.#deps.log.debug("a step of retention failed", { reason: errorText(error) });
    }
    this.#stepping = false;
    if (this.#runs) this.#later(nextMs);
  }

  #cameUp(): boolean {
    const again = this.#again;
    this.#again = false;
    return again;
  }

  /** True when there is probably more to do. */
  async #step(): Promise<boolean> {
    const retained =
      (await this.#removeRows()) || (await this.#removeExpired()) || (await this.#forgetKeys());
    return (await this.#tree.step()) || retained;
  }

  async #removeRows(): Promise<boolean> {
    const state = this.#deps.state();
    const gte = prefixes.removals;
    const [first] = (await state.scan({ gte, lt: prefixEnd(gte), limit: 1 })).rows;
    if (first === undefined) return false;
    const request = requestOfRemovalKey(first[0]);
    const keys: string[] = [];
    let more = false;
    for (const prefix of prefixesUnder(request)) {
      const limit = RETENTION_KEYS_MAX - keys.length;
      if (limit === 0) more = true;
      if (more) break;
      const page = await state.scan({ gte: prefix, lt: prefixEnd(prefix), limit });
      keys.push(...page.rows.map(([key]) => key));
      more = page.more;
    }
    await this.#deps.propose({ kind: "remove-rows", request, keys, last: !more });
    return true;
  }

  async #removeExpired(): Promise<boolean> {
    const state = this.#deps.state();
    const [meta, retained] = await state.read([META_KEY, RETAINED_KEY]);
    const policy = (meta?.kind === "meta" ? meta.retention : undefined) ?? this.#deps.policy;
    let bytes = retained?.kind === "retained" ? retained.bytes : 0;
    const untilMs = this.#deps.wall.wallMs() - policy.ageMs;
    const gte = prefixes.ended;
    const page = await state.scan({ gte, lt: prefixEnd(gte), limit: EXPIRED_MAX });
    const expired: number[] = [];
    for (const [key, row] of page.rows) {
      const { endedMs, request } = placeOfEndedKey(key);
      if (row.kind !== "ended" || (endedMs > untilMs && bytes <= policy.bytes)) break;
      bytes -= row.bytes;
      expired.push(request);
    }
    await Promise.all(
      expired.map((request) => this.#deps.propose({ kind: "remove", request, expired: true })),
    );
    return expired.length > 0;
  }

  async #forgetKeys(): Promise<boolean> {
    const gte = prefixes.expiries;
    const range = { gte, lt: prefixEnd(gte), limit: RETENTION_KEYS_MAX };
    const { rows } = await this.#deps.state().scan(range);
    const keptMs = this.#deps.bugs.forgetKeysEarly === true ? 0 : KEY_RETENTION_MS;
    const untilMs = this.#deps.wall.wallMs() - keptMs;
    const old = rows.map(([key]) => key).filter((key) => placeOfExpiryKey(key).stampMs <= untilMs);
    if (old.length === 0) return false;
    await this.#deps.propose({ kind: "forget-keys", keys: old });
    return true;
  }
}
