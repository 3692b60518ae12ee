import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { applied, called, cluster, folder, jobx } from "../../test/lib/cli-kit.ts";

describe("tokens", () => {
  test("a token is made, listed and revoked", async () => {
    const made = await jobx("token create nightly --role submit --workflows text,images");
    expect(made).toEqual({ exit: 0, out: "jobx_0000000000000001\n", err: "" });
    expect(called("createToken")).toEqual({
      name: "nightly",
      role: "submit",
      workflows: ["text", "images"],
    });
    expect((await jobx("token list")).out).toMatch(
      /0000000000000001 +nightly +submit +text,images/,
    );
    expect((await jobx("token revoke 0000000000000001")).out).toContain("is revoked");
    expect((await jobx("token list")).out).toBe("no tokens\n");
    expect((await jobx("token revoke 0000000000000001")).exit).toBe(4);
  });

  test.each([
    ["token create x --role root", "--role"],
    ["token create x --workflows ,", "--workflows"],
    ["token create", "usage: jobx token create NAME"],
  ])("jobx %s is told what is wrong", async (words, hint) => {
    const { exit, err } = await jobx(words);
    expect([exit, err]).toEqual([2, expect.stringContaining(hint)]);
    expect(cluster.calls).toEqual([]);
  });
});

describe("definitions one at a time", () => {
  test("a step is made, shown, changed and deleted", async () => {
    await applied();
    const made = await jobx("step create text lines --map count_words --reduce sum --retries 5");
    expect(made).toEqual({ exit: 0, out: "step lines is at revision 8\n", err: "" });
    expect(called("changeEntity")).toMatchObject({
      action: "create",
      name: "lines",
      value: { map: "count_words", combine: null, reduce: "sum", retries: 5 },
    });
    expect((await jobx("step show text lines")).out).toMatch(/^retries +5$/mu);
    expect((await jobx("step list text")).out).toMatch(/lines +count_words +- +sum +fail/u);
    const change = "step create text lines --map count_words --reduce sum --revision";
    expect(await jobx(`${change} 3`)).toMatchObject({ exit: 4 });
    expect(await jobx(`${change} 8`)).toMatchObject({ exit: 0 });
    expect(called("changeEntity")).toMatchObject({ action: "update", revision: 8 });
    expect((await jobx("step delete text lines")).out).toBe("step lines is deleted\n");
  });

  test("a job is made and shown, a handler shown with its source", async () => {
    await applied();
    expect((await jobx("job create text other --step words")).exit).toBe(0);
    expect((await jobx("job show text other --json")).out).toContain('"step": "words"');
    expect((await jobx("job list text")).out).toMatch(/wordcount +words +Counts words\./u);
    expect((await jobx("job delete text other")).exit).toBe(0);
    expect((await jobx("handler show text sum")).out).toMatch(
      /language +python[\s\S]*\/\/ source\n$/u,
    );
    expect((await jobx("handler delete text sum")).out).toBe("handler sum is deleted\n");
  });

  test("a workflow is made empty, and what is wrong is said by the node", async () => {
    expect((await jobx("workflow create fresh")).out).toBe("fresh is made\n");
    expect(await jobx("workflow create fresh")).toMatchObject({ exit: 4 });
    const wrong = await jobx("step create fresh s --map m --reduce r --retries many");
    expect([wrong.exit, wrong.err]).toEqual([4, expect.stringContaining("retries")]);
    expect((await jobx("step delete fresh s --revision x")).exit).toBe(2);
  });
});

describe("a workflow's weight", () => {
  test("is said when it is made, and shown alone and in the list", async () => {
    expect((await jobx("workflow create heavy --weight 30")).exit).toBe(0);
    expect(called("createWorkflow")).toMatchObject({ workflow: "heavy", weight: 30 });
    expect((await jobx("workflow create light")).exit).toBe(0);
    expect((await jobx("workflow show heavy")).out).toContain("weight     30\n");
    const list = await jobx("workflow list");
    expect(list.out).toMatch(/WORKFLOW +STATE +WEIGHT +DESCRIPTION\n/u);
    expect(list.out).toMatch(/heavy +active +30/u);
    expect(list.out).toMatch(/light +active +1/u);
    const shown: unknown = JSON.parse((await jobx("workflow show heavy --json")).out);
    expect(shown).toMatchObject({ weight: 30 });
    const all: unknown = JSON.parse((await jobx("workflow list --json")).out);
    expect(all).toMatchObject([
      { workflow: "heavy", weight: 30 },
      { workflow: "light", weight: 1 },
    ]);
    for (const wrong of ["0", "101", "1.5", "much"]) {
      const refused = await jobx(`workflow create other --weight ${wrong}`);
      expect([refused.exit, refused.err]).toEqual([2, expect.stringContaining("1 to 100")]);
    }
  });

  test("is sent as the file says, and not at all where it says nothing", async () => {
    const file = join(folder, "weighty.yaml");
    await writeFile(file, "workflow: weighty\nweight: 12\n");
    expect((await jobx(["apply", file])).exit).toBe(0);
    expect(called("apply")).toMatchObject({ definition: { workflow: "weighty", weight: 12 } });
    await writeFile(file, "workflow: weighty\ndescription: Heavy.\n");
    expect((await jobx(["apply", file])).exit).toBe(0);
    expect(called("apply")).toMatchObject({ definition: { weight: undefined } });
    expect((await jobx("workflow show weighty")).out).toContain("weight     12\n");
    await writeFile(file, "workflow: weighty\nweight: 0\n");
    const refused = await jobx(["apply", file]);
    expect([refused.exit, refused.err]).toEqual([
      expect.any(Number),
      expect.stringContaining("weight: expected a whole number from 1 to 100, found 0"),
    ]);
    expect(refused.exit).not.toBe(0);
  });
});

describe("requests that have ended", () => {
  test("a result is written as it comes, a pair on each line", async () => {
    await applied();
    await jobx("submit text wordcount --keep nightly");
    expect(called("submit")).toMatchObject({ keep: "nightly" });
    expect(await jobx("request result r1")).toMatchObject({ exit: 4, out: "" });
    cluster.succeed("r1", [
      ["a", 1],
      ["b", 2],
    ]);
    expect(await jobx("request result r1")).toEqual({
      exit: 0,
      out: '["a",1]\n["b",2]\n',
      err: "",
    });
    expect((await jobx("request show r1")).out).toContain("kept as    text:nightly");
  });

  test("a result that breaks off is an error, whatever was written before", async () => {
    await applied();
    await jobx("submit text wordcount");
    cluster.succeed("r1", [["a", 1]]);
    cluster.resultBreaks = true;
    expect((await jobx("request result r1")).exit).not.toBe(0);
  });

  test("one is retried and deleted, and lists are filtered", async () => {
    await applied();
    await jobx("submit text wordcount");
    expect((await jobx("request retry r1 --keep again")).out).toBe("r2\n");
    expect(called("retry")).toMatchObject({ keep: "again", idempotencyKey: "random-key" });
    expect((await jobx("request delete r1")).exit).toBe(4);
    cluster.succeed("r1", []);
    expect((await jobx("request delete r1")).out).toBe("r1 is deleted\n");
    expect((await jobx("request list text --state queued")).out).toContain("r2");
    expect((await jobx("request list text --state failed")).out).toBe("no requests\n");
    expect((await jobx("request list text --since yesterday")).exit).toBe(4);
  });

  test("pages in which few fit are gone through, and the next one is named", async () => {
    await applied();
    for (const key of ["a", "b", "c", "d", "e"]) await jobx(`submit text wordcount --key ${key}`);
    cluster.fail("r1", {});
    cluster.fail("r2", {});
    cluster.calls.length = 0;
    const failed = await jobx("request list text --state failed --limit 1");
    expect(failed.out).toMatch(/r2 +wordcount/u);
    expect(failed.out).toContain("(more: --before r2)\n");
    expect(cluster.calls.filter(({ method }) => method === "requests")).toHaveLength(4);
    const rest = await jobx("request list text --state failed --limit 1 --before r2 --json");
    expect(JSON.parse(rest.out)).toMatchObject({ requests: [{ request: "r1" }], next: null });
  });
});

describe("following", () => {
  const SLOW = { timeout: 20_000 };

  test("on a terminal each step has a bar that is drawn over", async () => {
    await applied();
    const running = jobx("submit text wordcount --follow", { terminal: true });
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    cluster.change("r1", { steps: { words: { total: 4, done: 2, failed: 1 } } });
    cluster.succeed("r1", []);
    const { exit, err } = await running;
    expect(exit).toBe(0);
    expect(err).toMatch(/words +\[#{8}-{22}\] 1\/4\n/u);
    expect(err.split("\u001b[2A").at(-1)).toMatch(/words +\[#{23}-{7}\] 2\/4, 1 failed\n/u);
  });

  test("a failed request makes --follow exit 1", async () => {
    await applied();
    const running = jobx("submit text wordcount --follow");
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    cluster.fail("r1", {});
    expect((await running).exit).toBe(1);
  });

  test("a stream that breaks is taken up where it broke", async () => {
    await applied();
    cluster.tell(new Error("broken"));
    const running = jobx("submit text wordcount --follow");
    await expect
      .poll(() => cluster.calls.filter((one) => one.method === "events").length, SLOW)
      .toBeGreaterThan(1);
    cluster.stream.length = 0;
    cluster.succeed("r1", []);
    expect((await running).exit).toBe(0);
    expect(called("events")).toMatchObject({ after: 1 });
  });

  test("logs show what attempts left, each once", async () => {
    await applied();
    await jobx("submit text wordcount");
    const error = {
      code: "HANDLER_FAILED",
      message: "no",
      traceback: "",
      stdout: "out",
      stderr: "",
    };
    const attempt = {
      step: "words",
      node: "n",
      nodeName: "node-1",
      phase: "map",
      part: null,
      live: null,
      grantedAt: "2026-01-01T00:00:00Z",
      startedAt: "2026-01-01T00:00:01Z",
      exit: null,
      limits: null,
    } as const;
    const endedAt = "2026-01-01T00:00:02Z";
    const exit = { code: 3, signal: null };
    const done = {
      ...attempt,
      state: "done",
      endedAt: "2026-01-01T00:00:03Z",
      error: null,
    } as const;
    const printed = { stdout: "fine\n", stderr: "a word\n" };
    cluster.attemptViews.push(
      { ...done, invocation: "i2", printed },
      { ...done, invocation: "i3", printed: null },
      { ...attempt, invocation: "i1", state: "failed", endedAt, error, printed: null, exit },
    );
    const text = [
      "==> i1 (words, map) failed on node-1 from 2026-01-01T00:00:01Z to 2026-01-01T00:00:02Z (granted 2026-01-01T00:00:00Z; its worker ended with code 3)",
      "out\nHANDLER_FAILED: no\n",
      "==> i2 (words, map) done on node-1 from 2026-01-01T00:00:01Z to 2026-01-01T00:00:03Z (granted 2026-01-01T00:00:00Z)",
      "fine\na word\n\n",
    ].join("\n");
    expect((await jobx("request attempts r1")).out).toMatch(
      /i2 .*node-1 .*00Z .*01Z .*2000 ms .*done .*ok\n.*i3 .*\n.*i1 .*1000 ms .*failed +code 3 +HANDLER_FAILED\n$/,
    );
    expect(await jobx("logs r1")).toEqual({ exit: 0, out: text, err: "" });
    const running = jobx("logs r1 -f");
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    cluster.succeed("r1", []);
    expect(await running).toEqual({ exit: 0, out: text, err: "" });
  });

  test("logs show what running attempts have printed, in whole lines under their attempts", async () => {
    await applied();
    await jobx("submit text wordcount");
    const attempt = {
      ...({ step: "words", node: "n", nodeName: "node-1", phase: "map", part: null } as const),
      ...({ grantedAt: "2026-01-01T00:00:01Z", endedAt: null, state: "running" } as const),
      ...{
        startedAt: "2026-01-01T00:00:01Z",
        exit: null,
        limits: null,
        error: null,
        printed: null,
      },
    };
    cluster.attemptViews.push(
      { ...attempt, invocation: "i1", live: "1-0-n" },
      { ...attempt, invocation: "i2", live: "2-0-n" },
    );
    const stdout = `${"x".repeat(12_345)}late\nbegun`;
    cluster.outputs.set("1-0-n", { state: "running", stdout, keptFrom: 12_345 });
    cluster.outputs.set("2-0-n", { state: "running", stdout: "", stderr: "other\n" });
    const head = (name: string) =>
      `==> ${name} (words, map) running on node-1 (granted 2026-01-01T00:00:01Z)`;
    const shown = [head("i1"), "… 12,345 bytes left out", "late", head("i2"), "other"];
    expect(await jobx("logs r1")).toEqual({
      exit: 0,
      out: `${[...shown, head("i1"), "begun"].join("\n")}\n`,
      err: "",
    });
    expect((await jobx("request attempts r1")).out).toContain("jobx logs r1 -f");

    const running = jobx("logs r1 -f --json");
    const reads = () => cluster.calls.filter(({ method }) => method === "output").length;
    const before = reads();
    await expect.poll(reads, SLOW).toBeGreaterThan(before + 2);
    cluster.outputs.set("1-0-n", { state: "ended", stdout: `${stdout} end\n` });
    cluster.outputs.set("2-0-n", { state: "ended", stdout: "", stderr: "other\n" });
    cluster.attemptViews.length = 0;
    const endedAt = "2026-01-01T00:00:05Z";
    const printed = { stdout: "begun end\n", stderr: "" };
    const done = { ...attempt, state: "done", endedAt, live: null, printed } as const;
    cluster.attemptViews.push({ ...done, invocation: "i1" });
    cluster.succeed("r1", []);
    const { out } = await running;
    const lines = out
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    const told = { invocation: "i1", step: "words", node: "n", grantedAt: attempt.grantedAt };
    expect(lines).toMatchObject([
      { kind: "output", attempt: told, stream: "stdout", leftOut: 12_345, text: "late\nbegun" },
      { kind: "output", attempt: { invocation: "i2" }, stream: "stderr", text: "other\n" },
      { kind: "output", attempt: told, stream: "stdout", leftOut: 0, text: " end\n" },
      { kind: "attempt", invocation: "i1", state: "done", printed: null },
      { kind: "note", attempt: { invocation: "i2" } },
    ]);
  });

  test("why is one sentence", async () => {
    await applied();
    await jobx("submit text wordcount");
    expect((await jobx("why r1")).out).toBe("1 unit waits for the capability gpu.\n");
    expect((await jobx("why r1 --json")).out).toContain('"state": "running"');
    expect((await jobx("why r9")).exit).toBe(4);
    const stale = await jobx("request show r1 --stale --json");
    expect(stale.out).toContain('"state": "running"');
    expect(stale.err).toMatch(/^jobx: this is the copy of http:[^ ]+, at most 2 s old\n$/u);
  });
});
