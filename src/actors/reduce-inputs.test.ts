import { expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, mapped, reduced, textData, textsOf } from "../../test/lib/scheduler-values.ts";
import { BLOCK_CHILDREN, keys } from "../scheduler/keys.ts";
import type { GrantInputs } from "../scheduler/protocol.ts";
import type { Row } from "../scheduler/rows.ts";
import { inputPages, type ReadRows } from "./reduce-inputs.ts";

const ALIKE = { node: "n", failureCode: undefined, attempts: 1, grantedMs: 0 };
const TIMES = { startedAfterMs: 0, endedAfterMs: 0 };

/** Reads a kit's rows as a scheduler would; notes how many rows each answer has. */
function readerOf(kit: SchedulerKit): { readonly read: ReadRows; readonly sizes: number[] } {
  const sizes: number[] = [];
  const read: ReadRows = (_, { keys: wanted, scan }) => {
    const found: { key: string; row: Row }[] = [];
    let more = false;
    if (scan !== undefined) {
      const all = kit
        .scan(scan.gte.slice(0, 2))
        .filter(([key]) => key >= scan.gte && key < scan.lt);
      more = all.length > scan.limit;
      for (const [key, row] of all.slice(0, scan.limit)) found.push({ key, row });
    }
    sizes.push(wanted.length + found.length);
    return Promise.resolve({
      values: wanted.map((key) => kit.rows.get(key)),
      scanned: found,
      more,
    });
  };
  return { read, sizes };
}

/** All that a unit is given. */
async function textsFor(read: ReadRows, inputs: GrantInputs): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const page of inputPages(read, 7, inputs)) texts.push(...textsOf(page));
  return texts;
}

test("the children's results come in their order, page by page, also those with rows of their own", async () => {
  const kit = new SchedulerKit();
  const request = 1;
  const count = 8_000;
  for (let block = 0; block * BLOCK_CHILDREN < count; block++) {
    const stretches = Array.from({ length: BLOCK_CHILDREN }, (_, at) => {
      const child = block * BLOCK_CHILDREN + at;
      const data = textData(`a${child}`);
      const place = { part: 0, child, unit: 0 };
      const own = child % 3 === 0;
      if (own) kit.rows.set(keys.result(request, [], place), { kind: "result", data });
      const one = { data: own ? undefined : data, ...TIMES };
      return { first: child, children: [one], ...ALIKE };
    });
    kit.rows.set(keys.block(request, [], block), { kind: "block", stretches });
  }
  const { read, sizes } = readerOf(kit);
  const texts = await textsFor(read, { kind: "children", request, path: [] });
  expect(texts).toEqual(Array.from({ length: count }, (_, child) => `a${child}`));
  expect(sizes.length).toBeGreaterThan(3);
  expect(Math.max(...sizes)).toBe(1024);
});

test("a unit that merges one of several parts reads the rows of that part, and no others", async () => {
  const steps = [{ name: "top", partitions: 40 }, { name: "low" }];
  const kit = SchedulerKit.withSteps(steps);
  const request = kit.submit();
  kit.next(mapped("low", 30));
  for (let child = 0; child < 30; child++) {
    // Of every fifth child there is nothing in any part.
    const of = (part: number) => (child % 5 === 0 ? [] : textData(`${child}.${part}`));
    kit.next(reduced(...Array.from({ length: 40 }, (_, part) => of(part))));
  }
  const { read, sizes } = readerOf(kit);
  const texts = await textsFor(read, { kind: "part", request, path: [], part: 7 });
  const full = Array.from({ length: 30 }, (_, child) => child).filter((child) => child % 5 !== 0);
  expect(texts).toEqual(full.map((child) => `${child}.7`));
  expect(sizes).toEqual([24]);
});

test("what units of a child had made before that was skipped is no input of its parent", async () => {
  for (const partitions of [1, 3]) {
    const steps = [
      { name: "top", partitions },
      { name: "mid", partitions: 2, onFailure: "skip" },
      { name: "low" },
    ] as const;
    const kit = SchedulerKit.withSteps(steps);
    const request = kit.submit();
    kit.next(mapped("mid", 3));
    const made = (child: number) =>
      reduced(...Array.from({ length: partitions }, (_, part) => textData(`${child}.${part}`)));
    for (let unit = 0; unit < 9; unit++) {
      kit.next(({ attempt }) => {
        const child = attempt.unit.path[0] ?? 0;
        if (attempt.unit.kind === "map") return mapped("low", 0);
        return child === 1 && attempt.unit.part === 1 ? failed() : made(child);
      });
    }
    const { read } = readerOf(kit);
    const path: readonly number[] = [];
    const inputs: GrantInputs =
      partitions === 1
        ? { kind: "children", request, path }
        : { kind: "part", request, path, part: 0 };
    expect(await textsFor(read, inputs)).toEqual(["0.0", "0.0", "2.0", "2.0"]);
  }
});

test("no children, no input; a combined leaf's input is its invocation's data", async () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
  const { read } = readerOf(kit);
  const request = kit.submit();
  kit.next(mapped("low", 0));
  const pages: unknown[] = [];
  const children = { kind: "children", request, path: [] } as const;
  for await (const page of inputPages(read, 7, children)) pages.push(...page);
  expect(pages).toEqual([]);
  kit.submit();
  const pairs = textData("combined");
  const leaf = kit.queue().find(([, row]) => row.kind === "queue-unit" && row.unit.kind === "map");
  kit.end(kit.grant(leaf?.[0]).token, { kind: "combined", pairs, session: [], warnings: [] });
  const key = kit.scan("i/").at(-1)?.[0] ?? "";
  for await (const page of inputPages(read, 7, { kind: "invocation", key })) pages.push(...page);
  expect(pages).toEqual(pairs);
  for await (const page of inputPages(read, 7, { kind: "none" })) pages.push(page);
  expect(pages).toHaveLength(1);
});
