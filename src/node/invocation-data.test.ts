import { describe, expect, test } from "vitest";
import { invocationsOf } from "../../test/lib/invocation-kit.ts";
import { SchedulerKit } from "../../test/lib/scheduler-kit.ts";
import { failed, reduced, textData } from "../../test/lib/scheduler-values.ts";
import { RESULT_BYTES_MAX } from "../api/limits.ts";
import { type Dataset, datasetBytes, type PieceSlice } from "../scheduler/dataset.ts";
import type { Outcome } from "../scheduler/work.ts";
import { encodeKey } from "../std/ordered-key.ts";
import { encodePairs } from "../wire/pairs.ts";
import { invocationView, type PairsWanted } from "./invocation-data.ts";

const NOTHING: PairsWanted = { withInput: false, withOutput: false };

function inline(...keys: readonly string[]): Dataset {
  const pairs = keys.map((key) => ({ key: encodeKey(key), value: new TextEncoder().encode("1") }));
  return [{ kind: "inline", bytes: encodePairs(pairs), count: keys.length, order: "yield" }];
}

function run(count: number, bytes: number): Dataset {
  return [{ kind: "run", cid: "c".repeat(64), bytes, count, order: "yield", holders: ["a", "b"] }];
}

function mappedTo(step: string, children: Dataset): Outcome {
  return { kind: "mapped", step, children, session: [], warnings: [] };
}

/** Shows an invocation; what it would read of pairs is noted. */
async function shown(
  { kit, request }: { readonly kit: SchedulerKit; readonly request: number },
  unit: string,
  wanted: PairsWanted = NOTHING,
) {
  const { find, id, reader } = invocationsOf(kit, request);
  const read: PieceSlice[] = [];
  const ensured: Dataset[] = [];
  const view = await invocationView(await find(`${id}.${unit}`), wanted, {
    rows: reader,
    nodeName: (node) => `name of ${node}`,
    pairs: {
      ensure: (dataset) => Promise.resolve(ensured.push(dataset)),
      async *read(slices) {
        read.push(...slices);
        yield Buffer.from(slices.map(({ first }) => `["key ${first}",${first}]\n`).join(""));
      },
    },
  });
  return { view, read, ensured };
}

/** A root that has mapped the children, in a workflow of two steps. */
function withChildren(children: Dataset, partitions = 1) {
  const kit = SchedulerKit.withSteps([{ name: "top", partitions }, { name: "low" }]);
  const request = kit.submit(inline("given"));
  kit.next(mappedTo("low", children));
  return { kit, request };
}

describe("what an invocation was given", () => {
  test("is its request's arguments for the root, and a pair of its parent's for a child", async () => {
    const of = withChildren(inline("a", "b", "c"));
    const root = (await shown(of, "r")).view;
    expect(root).toMatchObject({ key: '"given"', input: { pairs: 1, content: null } });
    expect(root.output).toMatchObject({ pairs: 3, pieces: [{ stored: "inline", first: 0 }] });
    const { view, read } = await shown(of, "r.1");
    expect(view).toMatchObject({ key: '"b"', output: null, error: null });
    const [piece] = view.input?.pieces ?? [];
    expect(piece?.hash).toMatch(/^[0-9a-f]{64}$/u);
    expect(piece).toMatchObject({ stored: "inline", pairs: 1, first: 1, holders: [] });
    expect(piece?.bytes).toBe(root.output?.bytes);
    expect(view.input).toMatchObject({ pairs: 1, bytes: null, truncated: false, content: null });
    expect(read).toEqual([]);
  });

  test("is read where it lies only when it is asked for, and then the one pair of it", async () => {
    const of = withChildren(run(1_000_000, 50_000_000));
    const quiet = await shown(of, "r.700000");
    expect(quiet.view).toMatchObject({ key: null, input: { pairs: 1, content: null } });
    expect(quiet.ensured).toEqual([]);
    const asked = await shown(of, "r.700000", { withInput: true, withOutput: true });
    expect(asked.read).toMatchObject([{ first: 700_000, count: 1 }]);
    expect(asked.view).toMatchObject({
      key: '"key 700000"',
      input: {
        content: [["key 700000", 700_000]],
        pieces: [{ stored: "run", hash: "c".repeat(64), holders: ["name of a", "name of b"] }],
      },
    });
  });

  test("is refused with its content when that, or the run that it lies in, is too large", async () => {
    const of = withChildren(run(1_000, 65 * 1024 * 1024));
    const tooLarge = { code: "RESULT_TOO_LARGE" };
    const withInput = { withInput: true, withOutput: false };
    await expect(shown(of, "r.3", withInput)).rejects.toMatchObject(tooLarge);
    const withOutput = { withInput: false, withOutput: true };
    await expect(shown(of, "r", withOutput)).rejects.toMatchObject(tooLarge);
    const just = withChildren(run(3, RESULT_BYTES_MAX));
    expect((await shown(just, "r", withOutput)).view.output?.content).toHaveLength(1);
    const over = withChildren(run(3, RESULT_BYTES_MAX + 1));
    await expect(shown(over, "r", withOutput)).rejects.toMatchObject(tooLarge);
  });

  test("is no dataset for a reduction of children, and the combined pairs for that of a leaf", async () => {
    const of = withChildren(inline("a"));
    of.kit.next({ kind: "combined", pairs: inline("x", "y"), session: [], warnings: [] });
    of.kit.next(reduced(inline("z")));
    expect((await shown(of, "r.0")).view).toMatchObject({ output: { pairs: 2 }, children: 1 });
    const leaf = (await shown(of, "r.0~0")).view;
    expect(leaf).toMatchObject({ input: { pairs: 2 }, output: { pairs: 1 } });
    expect((await shown(of, "r~0")).view).toMatchObject({ input: null, output: null });
  });
});

describe("what an invocation has made", () => {
  test("is a child's result, in its parent's block or in rows by part", async () => {
    const large = textData("large", 2000);
    const small = withChildren(inline("a", "b"));
    small.kit.next(reduced(inline("few")));
    small.kit.next(reduced(large));
    expect((await shown(small, "r.0")).view.output).toMatchObject({ pairs: 1 });
    expect((await shown(small, "r.1")).view.output).toMatchObject({ bytes: datasetBytes(large) });
    const cut = withChildren(inline("a"), 3);
    cut.kit.next(reduced(inline("p"), [], inline("q", "r")));
    expect((await shown(cut, "r.0")).view.output).toMatchObject({ pairs: 3, truncated: false });
  });

  test("is the request's result for the only reduction of the root, and none where several are joined", async () => {
    const one = withChildren(inline("a"));
    one.kit.next(reduced(inline("x")));
    one.kit.next(reduced(inline("the", "result")));
    expect((await shown(one, "r~0")).view).toMatchObject({ state: "done", output: { pairs: 2 } });
    const two = withChildren(inline("a"), 2);
    two.kit.next(reduced(inline("x"), inline("y")));
    two.kit.next(reduced(inline("first")));
    expect((await shown(two, "r~0")).view).toMatchObject({ state: "done", output: { pairs: 1 } });
    two.kit.next(reduced(inline("second")));
    expect((await shown(two, "r~0")).view).toMatchObject({ state: "done", output: null });
  });

  test("is what each part of a child's reduction has made, beside each other's", async () => {
    const kit = SchedulerKit.withSteps([{ name: "top" }, { name: "mid", partitions: 2 }]);
    const request = kit.submit();
    kit.next(mappedTo("mid", inline("a")));
    kit.next(mappedTo("mid", []));
    kit.next(reduced(inline("left")));
    kit.next(reduced(inline("right", "side")));
    const of = { kit, request };
    expect((await shown(of, "r.0~0")).view.output).toMatchObject({ pairs: 1 });
    expect((await shown(of, "r.0~1")).view.output).toMatchObject({ pairs: 2 });
  });

  test("of a thousand pieces the first hundred are named", async () => {
    const pieces = Array.from({ length: 300 }, () => inline("a")).flat();
    const of = withChildren(pieces);
    const { output } = (await shown(of, "r")).view;
    expect([output?.pairs, output?.pieces.length, output?.truncated]).toEqual([300, 100, true]);
  });

  test("is nothing when it failed, which says why with the traceback", async () => {
    const of = withChildren(inline("a"));
    of.kit.next(failed("broken"));
    const { view } = await shown(of, "r.0");
    expect(view).toMatchObject({
      ...{ state: "failed", output: null, errorCode: "HANDLER_FAILED" },
      error: { code: "HANDLER_FAILED", message: "broken", traceback: "" },
    });
  });
});
