/** Results that are cut into many parts: they are more than an entry, and than a message, could hold. */
import { beforeAll, expect, test } from "vitest";
import { partitionOf } from "../../src/fs/partition.ts";
import { encodeKey } from "../../src/std/ordered-key.ts";
import { useCluster } from "../lib/e2e-cluster.ts";

const cluster = useCluster(2);

beforeAll(async () => {
  await cluster.apply(1, "partitions");
});

test.each([
  ["one", 500, { leaves: 1, pairs: 5000, bytes: 250 }],
  ["many", 200, { leaves: 12, pairs: 2000, bytes: 200 }],
])(
  "job %s ends with every pair of every leaf, part by part",
  async (job, parts, how) => {
    const words = ["submit", "partitions", job, `how:=${JSON.stringify(how)}`, "--wait", "--json"];
    const { code, stdout, stderr } = await cluster.jobx(1, ...words);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    const view: unknown = JSON.parse(stdout);
    expect(view).toMatchObject({ state: "succeeded", error: null });
    // Part by part, each in the order of its keys.
    const inPart = ({ part, key }: { readonly part: number; readonly key: number }) =>
      part * how.pairs + key;
    const want = Array.from({ length: how.pairs }, (_, key) => ({
      part: partitionOf(encodeKey(key), parts),
      key,
    }))
      .sort((left, right) => inPart(left) - inPart(right))
      .map(({ key }) => [key, [how.leaves, 0, how.leaves - 1]]);
    expect(view).toHaveProperty("result", { pairs: want });
  },
  300_000,
);
