import { beforeEach, describe, expect, test } from "vitest";
import { applied, cluster, jobx } from "../../test/lib/cli-kit.ts";
import { writeObject } from "./request-output.ts";

/** Processes and their calls take their time where other things run as well. */
const SLOW = { timeout: 20_000 };

/** What is written for `parts`; with the largest number of parts that were read and not yet written. */
async function written(parts: readonly string[] | undefined, breaks = false) {
  let out = "";
  let read = 0;
  let unwritten = 0;
  async function* lines(texts: readonly string[]) {
    for (const part of texts) {
      read += 1;
      unwritten = Math.max(unwritten, read);
      yield part;
    }
    if (breaks) throw new Error("broken off");
  }
  const io = {
    write: async (text: string): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      out += text;
      read = 0;
    },
  };
  const fields = { request: "r1", result: null, error: null, steps: { a: 1 } };
  const end = writeObject(io, fields, parts && lines(parts));
  return { failed: await end.then(() => false).catch(() => true), out, unwritten };
}

describe("one object", () => {
  const others = { request: "r1", error: null, steps: { a: 1 } };
  const PAIRS = [
    ["a", 1],
    ["\n,é", { b: [2] }],
    [[3], null],
  ];
  const TEXT = PAIRS.map((pair) => `${JSON.stringify(pair)}\n`).join("");

  test("has no result where there is none", async () => {
    expect(JSON.parse((await written(undefined)).out)).toEqual({ ...others, result: null });
  });

  test.each([1, 2, 7, 10, 1000])("is the same for parts of %i characters", async (size) => {
    const parts: string[] = [];
    for (let at = 0; at < TEXT.length; at += size) parts.push(TEXT.slice(at, at + size));
    const { out, unwritten } = await written(parts);
    expect(JSON.parse(out)).toEqual({ ...others, result: { pairs: PAIRS } });
    expect(out).toBe((await written([TEXT])).out);
    // A part is written before the next one is read.
    expect(unwritten).toBe(1);
  });

  test("has an empty list for a result without pairs", async () => {
    const { out } = await written([]);
    expect(JSON.parse(out)).toEqual({ ...others, result: { pairs: [] } });
    expect(out).toBe((await written([""])).out);
  });

  test("is not closed when the result breaks off", async () => {
    const { failed, out } = await written(['["a",1]\n'], true);
    expect(failed).toBe(true);
    expect(out).toContain('["a",1]');
    expect((): unknown => JSON.parse(out)).toThrow();
  });
});

describe("commands", () => {
  beforeEach(applied);

  test("none asks for a result inside the answer about a request", async () => {
    const running = jobx("submit text wordcount --wait --json");
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    cluster.succeed("r1", [["a", 1]]);
    expect(JSON.parse((await running).out)).toMatchObject({ result: { pairs: [["a", 1]] } });
    expect(JSON.parse((await jobx("request show r1 --json")).out)).toMatchObject({
      result: { pairs: [["a", 1]] },
      attempts: [],
    });
    const asked = cluster.calls.filter(({ method }) => method === "request");
    expect(asked.length).toBeGreaterThanOrEqual(2);
    for (const { input } of asked) expect(input).toMatchObject({ withResult: false });
  });

  test.each(["submit text wordcount --wait --json", "request show r1 --json", "request result r1"])(
    "jobx %s exits 3 when the result breaks off, and what it wrote is not whole",
    async (words) => {
      await jobx("submit text wordcount --key k");
      cluster.succeed("r1", [["a", 1]]);
      cluster.resultBreaks = true;
      const { exit, out, err } = await jobx(
        `${words}${words.startsWith("submit") ? " --key k" : ""}`,
      );
      expect(exit).toBe(3);
      expect(err).toContain("CLIENT_RESULT_BROKEN");
      if (words.includes("--json")) expect((): unknown => JSON.parse(out)).toThrow();
    },
  );

  test("a result that is refused is an answer of its own, also with --json", async () => {
    await jobx("submit text wordcount");
    cluster.change("r1", { state: "succeeded", endedAt: "2026-01-01T00:01:00Z" });
    const { exit, out } = await jobx("request show r1 --json");
    expect([exit, JSON.parse(out)]).toMatchObject([4, { error: { code: "RESULT_NOT_THERE" } }]);
  });

  test("people see the first fifty pairs", async () => {
    await jobx("submit text wordcount");
    const pairs = Array.from({ length: 51 }, (_, at): [string, number] => [`key-${at}`, at]);
    cluster.succeed("r1", pairs.slice(0, 50));
    const all = (await jobx("request show r1")).out;
    expect(all).toMatch(/key-49 +49\n/);
    expect(all).not.toContain("more pairs");
    cluster.succeed("r1", pairs);
    const some = (await jobx("request show r1")).out;
    expect(some).toMatch(/key-49 +49\n\(and more pairs; --json has all\)\n/);
    expect(some).not.toContain("key-50");
  });
});
