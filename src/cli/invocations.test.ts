import { beforeEach, expect, test } from "vitest";
import { applied, called, cluster, jobx } from "../../test/lib/cli-kit.ts";
import { invocationNamed } from "../../test/lib/fake-invocations.ts";

const ID = "text-7-1";

beforeEach(async () => {
  await applied();
  await jobx("submit text wordcount");
  for (let child = 0; child < 5; child++) {
    const state = child === 3 ? "running" : "done";
    cluster.invocations.views.push(invocationNamed(`${ID}.r.${child}`, { state }));
  }
});

test("invocations are listed, and the next page is named", async () => {
  const { exit, out } = await jobx("request invocations r1 --limit 2");
  expect(exit).toBe(0);
  expect(out).toMatch(/INVOCATION +STEP +PHASE +STATE/u);
  expect(out).toMatch(/text-7-1\.r\.1 +lines +map +done +1 +node-1/u);
  expect(out).toContain(`(more: --after ${ID}.r.1)`);
  const rest = await jobx(`request invocations r1 --after ${ID}.r.1 --json`);
  const list: unknown = JSON.parse(rest.out);
  expect(list).toMatchObject({ invocations: [{}, {}, {}], next: null });
});

test("pages in which few fit are gone through until there are as many as were asked for", async () => {
  const { out } = await jobx(
    `request invocations r1 --state running --step lines --parent ${ID}.r --limit 1`,
  );
  expect(out).toContain(`${ID}.r.3`);
  expect(cluster.calls.filter(({ method }) => method === "invocations")).toHaveLength(4);
  expect(called("invocations")).toMatchObject({
    ...{ states: ["running"], step: "lines", parent: `${ID}.r`, after: `${ID}.r.2`, limit: 1 },
  });
});

test("one is shown with what it was given, what it has made and why it failed", async () => {
  cluster.invocations.views.push(
    invocationNamed(`${ID}.r~0`, {
      ...{ phase: "reduce", part: 0, parent: `${ID}.r`, state: "failed", key: '"a"' },
      input: {
        ...{ pairs: 1, bytes: 12, truncated: false, content: [["a", [1]]] },
        pieces: [{ stored: "run", pairs: 1, first: 0, bytes: 12, hash: "ab", holders: ["n"] }],
      },
      error: { code: "E", message: "bad", traceback: "line 1\nline 2", stdout: "", stderr: "" },
    }),
  );
  const { exit, out } = await jobx(`request invocation r1 ${ID}.r~0 --input`);
  expect(exit).toBe(0);
  expect(called("invocation")).toMatchObject({ withInput: true, withOutput: false });
  expect(out).toContain("step        lines, reduce of part 0\n");
  expect(out).toContain("handler     mapper map_lines ab12\n");
  expect(out).toContain("input: 1 pairs, 12 bytes\n  run: 1 pairs from 0, 12 bytes, ab at n\n");
  expect(out).toMatch(/"a" +\[1\]/u);
  expect(out).toContain("E: bad\nline 1\nline 2\n");
  const json = await jobx(`request invocation r1 ${ID}.r~0 --json`);
  expect(JSON.parse(json.out)).toMatchObject({ invocation: `${ID}.r~0`, error: { code: "E" } });
});

test("attempts that nobody can count any more are not shown as none", async () => {
  cluster.invocations.views.push(
    invocationNamed(`${ID}.r.9`, { state: "waiting", attempts: null }),
  );
  const { out } = await jobx("request invocations r1 --state waiting");
  expect(out).toMatch(/text-7-1\.r\.9 +lines +map +waiting +\? +/u);
  expect((await jobx(`request invocation r1 ${ID}.r.9`)).out).toContain("attempts    not known");
});

test("an id that is none and one of nothing end with the cluster's codes", async () => {
  expect((await jobx("request invocation r1 nonsense")).err).toContain("API_INPUT_INVALID");
  expect((await jobx(`request invocation r1 ${ID}.r.77`)).err).toContain("INVOCATION_UNKNOWN");
});
