import { expect, test } from "vitest";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { mapped, textData, textsOf } from "../../test/lib/scheduler-values.ts";
import { BLOCK_CHILDREN, keys } from "../scheduler/keys.ts";
import type { Row } from "../scheduler/rows.ts";
import { inputPages, type ReadRows } from "./reduce-inputs.ts";

const TIMES = { node: "n", startedMs: 0, endedMs: 0 };

/** Reads a kit's rows as a scheduler would; notes how many rows each answer has. */
function readerOf(kit: SchedulerKit): { readonly read: ReadRows; readonly sizes: number[] } {
  const sizes: number[] = [];
  const read: ReadRows = (_, { keys: wanted, scan }) => {
    const found: { key: string; row: Row }[] = [];
    let more = false;
    if (scan !== undefined) {
      const all = kit.scan("").filter(([key]) => key >= scan.gte && key < scan.lt);
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

test("the children's results come in their order, page by page, also those with rows of their own", async () => {
  const kit = new SchedulerKit();
  const request = 1;
  for (let block = 0; block * BLOCK_CHILDREN < 2100; block++) {
    const first = block * BLOCK_CHILDREN;
    const children = Array.from(
      { length: Math.min(BLOCK_CHILDREN, 2100 - first) },
      (_, at) => first + at,
    );
    const stretches = children.map((child) => {
      const parts = [textData(`a${child}`), textData(`b${child}`)];
      const own = child % 3 === 0;
      if (own) kit.rows.set(keys.result(request, [], child), { kind: "result", parts });
      return { first: child, parts: [own ? undefined : parts], skipped: false, ...TIMES };
    });
    kit.rows.set(keys.block(request, [], block), { kind: "block", stretches });
  }
  const { read, sizes } = readerOf(kit);
  for (const [part, letter] of ["a", "b"].entries()) {
    const texts: string[] = [];
    let pages = 0;
    for await (const page of inputPages(read, 7, { kind: "children", request, path: [], part })) {
      texts.push(...textsOf(page));
      pages += 1;
    }
    expect(texts).toEqual(Array.from({ length: 2100 }, (_, child) => `${letter}${child}`));
    expect(pages).toBe(2);
  }
  expect(Math.max(...sizes)).toBe(64);
});

test("no children, no input; a combined leaf's input is its invocation's data", async () => {
  const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "low" }]);
  const { read } = readerOf(kit);
  const request = kit.submit();
  kit.next(mapped("low", 0));
  const pages: unknown[] = [];
  const children = { kind: "children", request, path: [], part: 0 } as const;
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
