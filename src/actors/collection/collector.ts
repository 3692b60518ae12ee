/**
 * R25: deletes what nothing refers to from this node's block store, and nothing else. A block goes in two steps:
 * a round condemns it, and a later one, when the grace is over and whoever was at work then has ended, asks all
 * groups once more and deletes it, unless somebody has wanted it meanwhile. What is not certain stays.
 */
import type { Cid, NodeId } from "../../scheduler/dataset.ts";
import { treeKeys } from "../../scheduler/tree/keys.ts";
import type { Clock, Timer, Timers } from "../../std/clock.ts";
import { errorText } from "../../std/errors.ts";
import type { Log } from "../../std/log.ts";
import type { PlantedBugs } from "../../std/planted-bugs.ts";
import type { Random } from "../../std/random.ts";
import type { CondemnedPort } from "../work-ports.ts";
import { type Batch, CondemnedList, isOver, type Standing } from "./condemned-list.ts";
import { HashFilter } from "./hash-filter.ts";
import type { CollectionReport } from "./report.ts";
import { addRunBlocks, type RunNeedsDeps } from "./run-needs.ts";
import { Tally } from "./tally.ts";
import { oldestAttempt, pinsLeft, type ReadGroup, witnessOf } from "./witness.ts";

/** Blocks that are looked at together. */
const PAGE_BLOCKS = 256;

export interface CollectionOptions {
  /** So long at least nothing has referred to what is deleted. Longer than any call that stores blocks and then tells of them. */
  readonly graceMs: number;
  /** Between two rounds; 0: only when asked for. */
  readonly everyMs: number;
  /** Between two pages of blocks or rows. */
  readonly pauseMs: number;
}

export interface CollectorDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly random: Random;
  readonly runs: CondemnedPort;
  readonly read: ReadGroup;
  readonly ask: RunNeedsDeps["ask"];
  readonly nodes: () => readonly NodeId[];
  /** Groups of all workflows that exist, as certain as a read of the system group is. @throws when it is not. */
  readonly groups: () => Promise<readonly number[]>;
  readonly options: CollectionOptions;
  readonly bugs: PlantedBugs;
  /** Told of each round, for figures. */
  readonly onRound: (report: CollectionReport) => void;
}

/** What a round knows before it looks at blocks. */
interface Ground {
  readonly groups: readonly number[];
  readonly runBlocks: HashFilter;
  /** False: something that is a run's may not be in `runBlocks`. */
  readonly runsAreCertain: boolean;
  readonly over: { readonly files: ReadonlySet<Batch>; readonly runs: ReadonlySet<Batch> };
  readonly dryRun: boolean;
}

export class BlockCollector {
  readonly #deps: CollectorDeps;
  readonly #list = new CondemnedList();
  /** As `oldestAttempt`, when it was last asked. */
  readonly #oldest = new Map<number, number>();
  #round: Promise<CollectionReport> | undefined;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(deps: CollectorDeps) {
    this.#deps = deps;
  }

  /** Rounds come by themselves from now on. */
  start(): void {
    const { timers, options, random } = this.#deps;
    if (options.everyMs === 0 || this.#stopped) return;
    // Nodes do not go together, so that leaders are asked one by one.
    const delayMs = options.everyMs * (0.75 + random.next() / 2);
    this.#timer = timers.after(delayMs, () => {
      void this.collect({ dryRun: false }).finally(() => this.start());
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** One round, after that which is under way. Never rejects: what goes wrong is in the report. */
  collect(how: { readonly dryRun: boolean }): Promise<CollectionReport> {
    const before = this.#round ?? Promise.resolve();
    const round = before.then(() => this.#collect(how.dryRun));
    this.#round = round;
    return round;
  }

  async #collect(dryRun: boolean): Promise<CollectionReport> {
    const tally = new Tally();
    const batch: Batch = { sinceMs: undefined, witnesses: new Map() };
    try {
      const ground = await this.#ground(tally, dryRun);
      await this.#walk(ground, tally, batch);
      if (this.#list.batches.has(batch)) await this.#witness(batch);
    } catch (error) {
      tally.troubled(errorText(error));
      if (batch.sinceMs === undefined) this.#list.drop(batch);
    }
    const report = tally.report();
    const { deleted, trouble } = report;
    const { log, onRound } = this.#deps;
    if (deleted.blocks > 0) log.info("deleted blocks that nothing refers to", { ...deleted });
    if (trouble !== "") log.debug("a round of the collector is not certain", { reason: trouble });
    onRound(report);
    return report;
  }

  /**
   * In this order: that nobody of those who may commit is left is known before it is asked what was committed.
   */
  async #ground(tally: Tally, dryRun: boolean): Promise<Ground> {
    const groups = await this.#deps.groups();
    const over = await this.#over(groups);
    const runBlocks = new HashFilter(Math.floor(this.#deps.random.next() * 2 ** 32));
    let runsAreCertain = true;
    for (const group of groups) {
      try {
        await addRunBlocks(group, runBlocks, { ...this.#deps, pause: () => this.#pause() });
      } catch (error) {
        runsAreCertain = false;
        tally.troubled(`group ${group}: ${errorText(error)}`);
      }
    }
    return { groups, runBlocks, runsAreCertain, over, dryRun };
  }

  async #over(groups: readonly number[]): Promise<Ground["over"]> {
    const { clock, options, read } = this.#deps;
    const over = { files: new Set<Batch>(), runs: new Set<Batch>() };
    for (const batch of this.#list.batches) {
      const standings = new Map<number, Standing>();
      for (const [group, { pins }] of batch.witnesses) {
        if (!groups.includes(group)) continue;
        try {
          const oldest = await oldestAttempt(group, this.#oldest.get(group) ?? 0, read);
          if (Number.isFinite(oldest)) this.#oldest.set(group, oldest);
          standings.set(group, {
            pinsLeft: await pinsLeft(group, pins, read),
            oldestAttempt: oldest,
          });
        } catch {
          // Without its word nothing of the batch goes.
        }
      }
      const of = {
        nowMs: clock.nowMs(),
        graceMs: options.graceMs,
        standings,
        groups: new Set(groups),
      };
      if (isOver(batch, { ...of, attempts: false })) over.files.add(batch);
      if (isOver(batch, { ...of, attempts: true })) over.runs.add(batch);
    }
    return over;
  }

  async #walk(ground: Ground, tally: Tally, batch: Batch): Promise<void> {
    for (let after = ""; !this.#stopped; ) {
      const page = await this.#deps.runs.listBlocks(after, PAGE_BLOCKS);
      const last = page.at(-1);
      if (last === undefined) return;
      await this.#page(page, { ground, tally, batch });
      after = last;
      await this.#pause();
    }
  }

  async #page(
    page: readonly Cid[],
    round: { readonly ground: Ground; readonly tally: Tally; readonly batch: Batch },
  ): Promise<void> {
    const { ground, tally, batch } = round;
    const { runs, bugs } = this.#deps;
    tally.looked(page.length);
    const asked =
      bugs.collectUnasked === true
        ? { free: page, certain: true }
        : await this.#unnamed(page, ground);
    tally.needed(page.length - asked.free.length);
    for (const cid of page) if (!asked.free.includes(cid)) this.#list.forget(cid);
    const facts = await runs.blockFacts(asked.free);
    const doomed: Cid[] = [];
    const fresh: Cid[] = [];
    asked.free.forEach((cid, at) => {
      const fact = facts[at];
      if (fact === undefined) return;
      if (fact.isRun && ground.runBlocks.has(cid)) {
        tally.needed(1);
        this.#list.forget(cid);
      } else if (!asked.certain || (fact.isRun && !ground.runsAreCertain))
        tally.uncertain(fact.bytes);
      else if (ground.dryRun) tally.waiting(fact.bytes);
      else if (this.#list.fate(cid, ground.over) === "delete") doomed.push(cid);
      else if (this.#list.facts(cid) !== undefined) tally.waiting(fact.bytes);
      else fresh.push(cid);
    });
    const taken = fresh.length === 0 ? [] : await runs.condemnBlocks(fresh);
    fresh.forEach((cid, at) => {
      const fact = facts[asked.free.indexOf(cid)];
      if (fact === undefined) return;
      tally.waiting(fact.bytes);
      if (taken[at] === true) this.#list.add(cid, { batch, facts: fact });
    });
    await this.#delete(doomed, tally);
  }

  async #delete(doomed: readonly Cid[], tally: Tally): Promise<void> {
    if (doomed.length === 0) return;
    const { runs, bugs } = this.#deps;
    // The mistake: whoever has wanted one meanwhile was not heard.
    if (bugs.ignoreCondemned === true) await runs.condemnBlocks(doomed);
    const gone = await runs.deleteCondemned(doomed);
    doomed.forEach((cid, at) => {
      const bytes = this.#list.facts(cid)?.bytes ?? 0;
      this.#list.forget(cid);
      if (gone[at] === true) tally.deleted(bytes);
      else tally.waiting(bytes);
    });
  }

  /** Those of a page that no file of any workflow names. */
  async #unnamed(
    page: readonly Cid[],
    { groups }: Ground,
  ): Promise<{ readonly free: readonly Cid[]; readonly certain: boolean }> {
    let free = page;
    let certain = true;
    for (const group of groups) {
      if (free.length === 0) break;
      const asked = free;
      try {
        const { values } = await this.#deps.read(group, { keys: asked.map(treeKeys.block) });
        free = asked.filter((_cid, at) => values[at] === undefined);
      } catch {
        certain = false;
      }
    }
    return { free, certain };
  }

  /** After all blocks of the batch were condemned. @throws when a group does not answer. */
  async #witness(batch: Batch): Promise<void> {
    const { groups, read, clock } = this.#deps;
    const witnesses = new Map<number, Awaited<ReturnType<typeof witnessOf>>>();
    for (const group of await groups()) witnesses.set(group, await witnessOf(group, read));
    batch.witnesses = witnesses;
    batch.sinceMs = clock.nowMs();
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.timers.after(this.#deps.options.pauseMs, resolve);
    });
  }
}
