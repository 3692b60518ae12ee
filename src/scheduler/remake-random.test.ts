/** R26: random trees whose results are lost at random moments end as if nothing had been lost. */
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type Granted, SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { type InputOf, inputsWithMakers, type ReadRows } from "../actors/reduce-inputs.ts";
import { seededRandom } from "../std/random.ts";
import type { RunPiece } from "./dataset.ts";
import { keys, prefixes } from "./keys.ts";
import type { Path } from "./unit.ts";
import type { LostRun, Outcome } from "./work.ts";
import { inputsOf } from "./work-of.ts";

const SEEDS = 60;
/** Of one content: a unit makes up to three, and runs again no more often than that. */
const LOSSES_EACH = 1;
const STEPS = ["top", "mid", "low"] as const;

/** What a tree is to come to, by a recursion that knows nothing of units, rows or losses. */
class Model {
  readonly partitions: readonly number[];
  readonly children: readonly number[];

  constructor(pick: (below: number) => number) {
    this.partitions = [1 + pick(3), 1 + pick(3), 1];
    this.children = [1 + pick(4), pick(4), 0];
  }

  /** What each unit that ends an invocation makes of each part of its parent's. */
  made(path: Path): readonly (readonly string[])[] {
    const depth = path.length;
    const parts = Array.from({ length: this.partitions[depth - 1] ?? 1 }, (_, part) => part);
    if (depth === STEPS.length - 1) return [parts.map((part) => `L${path.join(".")}/${part}`)];
    const units = Array.from({ length: this.partitions[depth] ?? 1 }, (_, unit) => unit);
    return units.map((unit) => {
      const inputs = this.inputs(path, unit);
      return parts.map((part) => `R${path.join(".")}/${unit}/${part}[${inputs.join(",")}]`);
    });
  }

  inputs(path: Path, part: number): readonly string[] {
    const count = this.children[path.length] ?? 0;
    return Array.from({ length: count }, (_, child) => this.made([...path, child])).flatMap(
      (units) => units.map((parts) => parts[part] ?? ""),
    );
  }
}

/** Contents that some node has. */
class Store {
  readonly texts = new Map<string, string>();
  readonly #losses = new Map<string, number>();
  #holder = 0;

  put(text: string, count = 1): RunPiece {
    const cid = createHash("sha256").update(text).digest("hex");
    this.texts.set(cid, text);
    this.#holder += 1;
    return { kind: "run", cid, bytes: 9_000, count, order: "key", holders: [`n${this.#holder}`] };
  }

  lose(pick: (below: number) => number): void {
    const cids = [...this.texts.keys()];
    const cid = cids[pick(cids.length)] ?? "";
    const losses = this.#losses.get(cid) ?? 0;
    if (losses >= LOSSES_EACH) return;
    this.#losses.set(cid, losses + 1);
    this.texts.delete(cid);
  }
}

/** Reads rows of the kit as an executor reads those of its scheduler. */
function readsOf(kit: SchedulerKit): ReadRows {
  return (_group, { keys: wanted, scan }) => {
    const found = scan === undefined ? [] : kit.scan("").filter(([key]) => key >= scan.gte);
    const scanned = found.flatMap(([key, row]) =>
      scan !== undefined && key < scan.lt ? [{ key, row }] : [],
    );
    const values = wanted.map((key) => kit.rows.get(key));
    return Promise.resolve({ values, scanned, more: false });
  };
}

/** What an executor makes of an attempt, with what there is in the store. */
async function perform(
  kit: SchedulerKit,
  of: { readonly model: Model; readonly store: Store; readonly granted: Granted },
): Promise<Outcome> {
  const { model, store, granted } = of;
  const { unit } = granted.attempt;
  const { work } = granted;
  if (work === undefined) return { kind: "released", reason: "nobody wants it" };
  if (work.kind === "list") throw new Error("none of these requests lists");
  const own = work.kind === "map" ? work.input.map(({ piece }) => piece) : work.session;
  const made: InputOf[] = [{ data: own, child: undefined, unit: 0 }];
  if (unit.kind === "reduce") {
    const row = kit.rows.get(keys.invocation(unit.request, unit.path));
    const invocation = row?.kind === "invocation" ? row : undefined;
    const from = inputsWithMakers(readsOf(kit), 7, inputsOf(unit, invocation));
    for await (const input of from) made.push(input);
  }
  const lost = made.flatMap(({ data, ...maker }): readonly LostRun[] =>
    data.flatMap((piece) =>
      piece.kind === "run" && !store.texts.has(piece.cid) ? [{ cid: piece.cid, ...maker }] : [],
    ),
  );
  if (lost.length > 0) {
    const error = { code: "RUN_LOST", message: "gone", traceback: "", stdout: "", stderr: "" };
    return { kind: "lacking", lost, error };
  }
  const { path } = unit;
  const common = { session: [], warnings: [] } as const;
  const count = model.children[path.length] ?? 0;
  if (unit.kind === "map" && path.length < STEPS.length - 1) {
    const children = count === 0 ? [] : [store.put(`children of ${path.join(".")}`, count)];
    const session = [store.put(`session of ${path.join(".")}`)];
    return { kind: "mapped", step: STEPS[path.length + 1] ?? "", children, ...common, session };
  }
  const parts = model.made(path)[unit.kind === "reduce" ? unit.part : 0] ?? [];
  if (unit.kind === "reduce") {
    const texts = made
      .slice(1)
      .flatMap(({ data }) =>
        data.flatMap((piece) => (piece.kind === "run" ? [store.texts.get(piece.cid) ?? ""] : [])),
      );
    expect(texts).toEqual(model.inputs(path, unit.part));
  }
  return { kind: "reduced", parts: parts.map((text) => [store.put(text)]), ...common };
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))(
  "a tree that loses results while it goes on comes to the same, seed %i",
  async (seed) => {
    const random = seededRandom(seed);
    const pick = (below: number): number => Math.floor(random.next() * below);
    const model = new Model(pick);
    const store = new Store();
    const steps = STEPS.map((name, at) => ({ name, partitions: model.partitions[at] ?? 1 }));
    const kit = SchedulerKit.withSteps(steps, seed);
    const request = kit.submit();
    for (let turn = 0; kit.request(request).endedMs === undefined; turn++) {
      expect(turn).toBeLessThan(5_000);
      kit.stampMs += pick(3);
      if (pick(4) === 0) store.lose(pick);
      const queue = kit.queue();
      const running = kit.attempts();
      if (queue.length > 0 && (running.length === 0 || pick(2) === 0)) {
        kit.grant(queue[pick(queue.length)]?.[0]);
        continue;
      }
      const granted = running[pick(running.length)];
      if (granted !== undefined && pick(8) === 0) {
        kit.run({ kind: "take-back", token: granted.token, how: "released" });
      } else if (granted !== undefined) {
        kit.end(granted.token, await perform(kit, { model, store, granted }));
      }
      if (queue.length > 0 || running.length > 0) continue;
      kit.stampMs += 60_000;
      for (const [delayedKey] of kit.scan(prefixes.delayed)) kit.run({ kind: "due", delayedKey });
    }
    const row = kit.request(request);
    expect(row).toMatchObject({ state: "succeeded", failure: undefined });
    const cids = (row.result ?? []).map((piece) => (piece.kind === "run" ? piece.cid : ""));
    const wanted = new Store();
    expect(cids).toEqual(model.made([]).map(([text = ""]) => wanted.put(text).cid));
    for (const { total, done, failed } of row.steps) expect([done, failed]).toEqual([total, 0]);
    for (const prefix of [prefixes.queue, prefixes.attempts]) expect(kit.scan(prefix)).toEqual([]);
  },
);
