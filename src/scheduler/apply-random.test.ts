/**
 * Random trees of work, done by executors that fail, die, give back, answer twice and answer late, in
 * any order. Whatever happened on the way: the request ends once, with what a dumb recursion says.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Granted, SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import {
  asParts,
  expected,
  failsOf,
  type Level,
  numbersOf,
  type Tree,
  treeAt,
} from "../../test/lib/scheduler-model.ts";
import { childData, failed } from "../../test/lib/scheduler-values.ts";
import { inputPages } from "../actors/reduce-inputs.ts";
import { assert } from "../std/assert.ts";
import { type Random, seededRandom } from "../std/random.ts";
import { LOSSES_MAX } from "./apply-attempt.ts";
import { GRANT_CHILDREN_MAX } from "./attempt-block.ts";
import type { AttemptEnd, Command } from "./commands.ts";
import type { Dataset } from "./dataset.ts";
import { tokenText } from "./dispatcher.ts";
import { keys, prefixes } from "./keys.ts";
import { type Token, type UnitRef, unitText } from "./unit.ts";
import type { Outcome } from "./work.ts";

const LEVELS = 4;
/** Far above what the largest tree needs. */
const STEPS_MAX = 40_000;

const levelArbitrary: fc.Arbitrary<Level> = fc.record({
  partitions: fc.integer({ min: 1, max: 3 }),
  retries: fc.integer({ min: 0, max: 2 }),
  onFailure: fc.constantFrom("fail", "skip", "pause"),
});

function treeArbitrary(depth: number): fc.Arbitrary<Tree> {
  const children: fc.Arbitrary<readonly Tree[] | undefined> =
    depth === LEVELS - 1
      ? fc.constant(undefined)
      : fc.option(fc.array(treeArbitrary(depth + 1), { maxLength: depth === 0 ? 40 : 4 }), {
          nil: undefined,
          freq: 3,
        });
  const fails = fc.oneof(
    { weight: 12, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }) },
  );
  return fc.record({
    children,
    value: fc.integer({ min: 0, max: 999 }),
    mapFails: fails,
    reduceFails: fails,
    combines: fc.boolean(),
    bytesMin: fc.constantFrom(0, 0, 400),
  });
}

interface Running extends Granted {
  readonly outcome: Outcome;
}

/** The executors and the leader, as thoughtless as they can be. */
class Driver {
  readonly kit: SchedulerKit;
  readonly request: number;
  /** How many completions of a unit the state took. */
  readonly done = new Map<string, number>();
  readonly #tree: Tree;
  readonly #random: Random;
  readonly #live: Running[] = [];
  /** Attempts that were ended or taken back, whose executors still talk. */
  readonly #zombies: { readonly token: Token; readonly outcome: Outcome }[] = [];
  readonly #tries = new Map<string, number>();

  constructor(kit: SchedulerKit, tree: Tree, random: Random) {
    this.kit = kit;
    this.#tree = tree;
    this.#random = random;
    this.request = kit.submit();
  }

  #below(count: number): number {
    return Math.floor(this.#random.next() * count);
  }

  async run(): Promise<void> {
    for (let steps = 0; this.#unended() || steps % 7 !== 0; steps++) {
      assert(steps < STEPS_MAX, "the request ends");
      await this.#step();
    }
    for (const { token, outcome } of this.#live.splice(0)) this.kit.end(token, outcome);
    for (const { token, outcome } of this.#zombies) this.kit.end(token, outcome);
    for (const [key] of this.kit.scan(prefixes.delayed)) this.#do({ kind: "due", delayedKey: key });
    for (const [key] of this.kit.queue()) this.#do({ kind: "set-aside", key });
    for (const [key] of this.kit.scan(prefixes.parked)) this.#do({ kind: "unpark", key });
  }

  #unended(): boolean {
    return this.kit.request(this.request).endedMs === undefined;
  }

  #do(command: Command): void {
    this.kit.run(command);
  }

  async #step(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.4) await this.#grant();
    else if (dice < 0.75) this.#end();
    else if (dice < 0.8) this.#loseOne();
    else if (dice < 0.85) this.#sayAgain();
    else this.#lookAfter();
  }

  async #grant(): Promise<void> {
    const queue = this.kit.queue();
    const picked = queue[this.#below(queue.length)];
    if (picked === undefined) return;
    const [key, row] = picked;
    if (this.kit.request(this.request).state === "paused") {
      this.#do({ kind: "set-aside", key });
      return;
    }
    const child = row.kind === "queue-range" ? row.next : 0;
    const left = row.kind === "queue-range" ? Math.min(GRANT_CHILDREN_MAX, row.end - row.next) : 1;
    const count = 1 + this.#below(left);
    const grant = { kind: "grant", queueKey: key, child, count, node: "n", executor: "e" } as const;
    // One that asks for more than there is, or for what is not next, makes nothing at all.
    const wrong = { ...grant, child: child + 1, count: left + 1 };
    if (this.#random.next() < 0.1) expect(this.kit.said(() => this.#do(wrong))).toHaveLength(1);
    const known = new Set(this.#live.map(({ token }) => tokenText(token)));
    this.#do(grant);
    const granted = this.kit.attempts().filter(({ token }) => !known.has(tokenText(token)));
    expect(granted).toHaveLength(this.#unended() ? count : 0);
    for (const one of granted) this.#live.push({ ...one, outcome: await this.#perform(one) });
  }

  /** A few attempts end in one command, of one block or of several; blocks end part by part. */
  #end(): void {
    const ends: AttemptEnd[] = [];
    for (let more = this.#random.next() < 0.3 ? this.#below(8) : 0; more >= 0; more--) {
      const [one] = this.#live.splice(this.#below(this.#live.length), 1);
      if (one === undefined) break;
      const { token, outcome } = one;
      const released: Outcome = { kind: "released", reason: "drain" };
      const said = this.#random.next() < 0.1 ? released : outcome;
      const run = { tookMs: this.#below(50), agoMs: this.#below(50) };
      ends.push({ token, outcome: said, run: this.#random.next() < 0.1 ? undefined : run });
      if (said.kind === "failed") this.#count(this.#tries, one.attempt.unit);
      else if (said.kind !== "released") this.#count(this.done, one.attempt.unit);
      this.#zombies.push({ token, outcome });
    }
    // The same end twice in one command, and the command twice in one entry: repeated messages.
    const twice = this.#random.next() < 0.2 ? [...ends, ...ends] : ends;
    const envelope = { id: { kind: "none" }, command: { kind: "ends", ends: twice } } as const;
    this.kit.apply(this.#random.next() < 0.2 ? [envelope, envelope] : [envelope]);
  }

  #loseOne(): void {
    const at = this.#below(this.#live.length);
    const one = this.#live[at];
    if (one === undefined || one.attempt.losses >= LOSSES_MAX) return;
    this.#live.splice(at, 1);
    this.#do({ kind: "take-back", token: one.token, how: "lost" });
    this.#zombies.push(one);
  }

  #sayAgain(): void {
    const zombie = this.#zombies[this.#below(this.#zombies.length)];
    if (zombie === undefined) return;
    const before = this.kit.rows.size;
    expect(this.kit.said(() => this.kit.end(zombie.token, zombie.outcome))).toEqual([]);
    expect(this.kit.rows.size).toBe(before);
  }

  #lookAfter(): void {
    const delayed = this.kit.scan(prefixes.delayed);
    const due = delayed[this.#below(delayed.length)];
    if (due !== undefined) this.#do({ kind: "due", delayedKey: due[0] });
    if (this.kit.request(this.request).state === "paused") {
      if (this.#random.next() < 0.3) this.#do({ kind: "resume", request: this.request });
      return;
    }
    const parked = this.kit.scan(prefixes.parked);
    const back = parked[this.#below(parked.length)];
    if (back !== undefined) this.#do({ kind: "unpark", key: back[0] });
    // One that was proposed while the request was paused and comes late.
    const row = this.kit.queue()[0];
    if (row !== undefined && this.#random.next() < 0.3)
      this.#do({ kind: "set-aside", key: row[0] });
  }

  #count(counts: Map<string, number>, unit: UnitRef): void {
    counts.set(unitText(unit), (counts.get(unitText(unit)) ?? 0) + 1);
  }

  async #perform({ attempt, work }: Granted): Promise<Outcome> {
    const { unit } = attempt;
    if (work === undefined) return { kind: "released", reason: "nobody wants it" };
    if ((this.#tries.get(unitText(unit)) ?? 0) < failsOf(this.#tree, unit)) return failed();
    const { children, value, combines, bytesMin } = treeAt(this.#tree, unit.path);
    const rest = { session: [], warnings: [] };
    if (unit.kind === "reduce") {
      const parts = asParts(await this.#input(unit), work.parts, bytesMin);
      return { kind: "reduced", parts, ...rest };
    }
    if (children !== undefined) {
      const step = `s${unit.path.length + 1}`;
      return { kind: "mapped", step, children: childData(children.length), ...rest };
    }
    const pairs = asParts([value], 1, bytesMin)[0] ?? [];
    if (combines) return { kind: "combined", pairs, ...rest };
    return { kind: "reduced", parts: asParts([value], work.parts, bytesMin), ...rest };
  }

  /** Read as an executor reads it. */
  async #input(unit: Extract<UnitRef, { kind: "reduce" }>): Promise<readonly number[]> {
    const { request, path, part } = unit;
    const tree = treeAt(this.#tree, path);
    if (tree.children === undefined) return [tree.value];
    const row = this.kit.rows.get(keys.invocation(request, path));
    const isSplit = row?.kind === "invocation" && row.reduceCount > 1;
    const pages = inputPages(
      async (_, { scan }) => {
        const rows = this.kit
          .scan("")
          .filter(([key]) => scan !== undefined && key >= scan.gte && key < scan.lt);
        return {
          values: [],
          scanned: rows.slice(0, 2).map(([key, row]) => ({ key, row })),
          more: rows.length > 2,
        };
      },
      7,
      isSplit ? { kind: "part", request, path, part } : { kind: "children", request, path },
    );
    const found: Dataset[] = [];
    for await (const page of pages) found.push(page);
    return found.flatMap(numbersOf);
  }
}

test("whatever the executors do, a request ends once and with the right result", async () => {
  let done = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(levelArbitrary, { minLength: LEVELS, maxLength: LEVELS }),
      treeArbitrary(0),
      fc.integer({ min: 1, max: 1_000_000 }),
      async (levels, tree, seed) => {
        const steps = levels.map((level, depth) => ({ name: `s${depth}`, ...level }));
        const kit = SchedulerKit.withSteps(steps, seed);
        const driver = new Driver(kit, tree, seededRandom(seed));
        await driver.run();
        const row = kit.request(driver.request);
        const ends = kit.effects.filter((effect) => effect.kind === "request-ended");
        expect(ends).toHaveLength(1);
        const wanted = expected(tree, levels, { depth: 0, parts: 1 });
        expect(row.state).toBe(wanted.kind === "fails" ? "failed" : "succeeded");
        for (const prefix of [
          prefixes.queue,
          prefixes.attempts,
          prefixes.delayed,
          prefixes.parked,
        ]) {
          expect(kit.scan(prefix)).toEqual([]);
        }
        for (const times of driver.done.values()) expect(times).toBe(1);
        if (wanted.kind === "fails") return;
        done += 1;
        expect(numbersOf(row.result ?? [])).toEqual(wanted.parts.flat());
        for (const count of row.steps) expect(count.done + count.failed).toBe(count.total);
      },
    ),
    { numRuns: 60 },
  );
  // Trees that only fail would prove little.
  expect(done).toBeGreaterThan(8);
}, 60_000);
