/** However nodes are ordered to drop copies, and whenever they start anew, no block is ever without its copies. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { CondemnedBlocks } from "../fs/condemned.ts";
import { BlockDrops } from "./block-drops.ts";
import type { Call, CallAnswer } from "./ports.ts";

const CIDS = ["x", "y"] as const;

/** Nodes with their disks; messages and deletions take as long as the test says. */
class Cluster {
  readonly timers = new FakeTimers();
  readonly disks: Set<string>[];
  readonly #drops: BlockDrops[];
  readonly #delays: () => number;
  readonly #onDelete: () => void;

  constructor(nodes: number, delays: () => number, onDelete: () => void) {
    this.disks = Array.from({ length: nodes }, () => new Set<string>(CIDS));
    this.#delays = delays;
    this.#onDelete = onDelete;
    this.#drops = this.disks.map((_, at) => this.#start(at));
  }

  /** The process ends and another one begins: what is in memory is gone. */
  restart(at: number): void {
    this.#drops[at] = this.#start(at);
  }

  drop(at: number, keepers: readonly number[]): Promise<readonly boolean[]> {
    return this.#of(at).drop(CIDS, keepers.map(String));
  }

  copies(cid: string): number {
    return this.disks.filter((disk) => disk.has(cid)).length;
  }

  #of(at: number): BlockDrops {
    const drops = this.#drops[at];
    if (drops === undefined) throw new Error(`there is no node ${at}`);
    return drops;
  }

  #start(at: number): BlockDrops {
    const disk = this.disks[at] ?? new Set<string>();
    const offered = new CondemnedBlocks();
    const isAlive = (): boolean => this.#drops[at] === drops;
    const wait = (): Promise<void> =>
      new Promise((resolve) => {
        this.timers.after(this.#delays(), resolve);
      });
    const drops = new BlockDrops({
      wanted: (cids) => Promise.resolve(cids.map(() => 1)),
      caller: { ask: (to, call) => this.#ask(Number(to), call) },
      runs: {
        haveBlocks: (cids) => {
          for (const cid of cids) void offered.use(cid);
          return Promise.resolve(cids.map((cid) => disk.has(cid)));
        },
        blockFacts: async (cids) => {
          // What was read is told later.
          const facts = cids.map((cid) => (disk.has(cid) ? { bytes: 1, isRun: false } : undefined));
          await wait();
          return facts;
        },
        coded: {
          offer: (cids) => Promise.resolve(cids.map((cid) => offered.condemn(cid))),
          drop: (cids) =>
            Promise.all(
              cids.map((cid) =>
                offered.remove(cid, async () => {
                  await wait();
                  if (!isAlive()) return;
                  disk.delete(cid);
                  this.#onDelete();
                }),
              ),
            ),
        },
      },
    });
    return drops;
  }

  async #ask(to: number, call: Call): Promise<CallAnswer | undefined> {
    if (call.kind !== "keep-blocks") throw new Error("nothing else is asked for");
    const asked = this.#of(to);
    await this.#wait();
    if (asked !== this.#of(to)) return undefined;
    const here = await asked.keep(call.cids);
    await this.#wait();
    return asked === this.#of(to) ? { kind: "blocks", here } : undefined;
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.timers.after(this.#delays(), resolve);
    });
  }
}

describe("copies that are too many", () => {
  test("go where another node keeps its own", async () => {
    const cluster = new Cluster(
      3,
      () => 1,
      () => undefined,
    );
    const gone = cluster.drop(0, [1]);
    await cluster.timers.advance(5_000);
    expect(await gone).toEqual([true, true]);
    expect(cluster.disks.map((disk) => disk.size)).toEqual([0, 2, 2]);
  });

  test("stay where one of the keepers has none", async () => {
    const cluster = new Cluster(
      3,
      () => 1,
      () => undefined,
    );
    cluster.disks[1]?.delete("x");
    const gone = cluster.drop(0, [1, 2]);
    await cluster.timers.advance(5_000);
    expect(await gone).toEqual([false, true]);
  });

  test("stay on both of two nodes that are told to rely on each other at once", async () => {
    const cluster = new Cluster(
      2,
      () => 50,
      () => undefined,
    );
    const gone = [cluster.drop(0, [1]), cluster.drop(1, [0])];
    await cluster.timers.advance(5_000);
    expect(await Promise.all(gone)).toEqual([
      [false, false],
      [false, false],
    ]);
  });

  test("whoever orders what, with whatever members in mind, a block never has fewer copies than each order wanted", async () => {
    const step = fc.record({
      kind: fc.constantFrom("drop", "drop", "drop", "restart", "wait"),
      node: fc.nat(3),
      others: fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 3 }),
      waitMs: fc.constantFrom(1, 200, 20_000, 60_000),
    });
    const cases = fc.record({
      steps: fc.array(step, { minLength: 5, maxLength: 40 }),
      delays: fc.infiniteStream(fc.constantFrom(1, 5, 80, 900, 29_000)),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ steps, delays }) => {
        let least = 4;
        const cluster = new Cluster(
          4,
          () => Number(delays.next().value),
          () => {
            least = Math.min(least, ...CIDS.map((cid) => cluster.copies(cid)));
          },
        );
        const wanted = Math.min(
          ...steps.flatMap(({ kind, node, others }) =>
            kind === "drop" ? [others.filter((other) => other !== node).length || 4] : [],
          ),
          4,
        );
        const under: Promise<unknown>[] = [];
        for (const { kind, node, others, waitMs } of steps) {
          const keepers = others.filter((other) => other !== node);
          if (kind === "drop") under.push(cluster.drop(node, keepers));
          else if (kind === "restart") cluster.restart(node);
          await cluster.timers.advance(kind === "wait" ? waitMs : 10);
        }
        await cluster.timers.advance(600_000);
        expect(least).toBeGreaterThanOrEqual(wanted);
      }),
      { numRuns: 1_000, interruptAfterTimeLimit: 20_000 },
    );
  }, 60_000);
});
