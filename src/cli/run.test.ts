import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import {
  applied,
  called,
  cluster,
  file,
  folder,
  jobx,
  RULES,
  url,
} from "../../test/lib/cli-kit.ts";
import { clusterFailure } from "../../test/lib/fake-cluster.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { buildApi, listenApi } from "../api/server.ts";
import { silentLog } from "../std/log.ts";
import { COMMANDS } from "./commands.ts";
import { parseYaml } from "./files.ts";

/** Processes and their calls take their time where other things run as well. */
const SLOW = { timeout: 20_000 };

describe("help and usage", () => {
  test.each(COMMANDS.map(({ name }) => name))("%s explains itself", async (name) => {
    const { exit, out } = await jobx(`${name} --help`);
    expect(exit).toBe(0);
    expect(out).toContain(`Usage: jobx ${name}`);
    expect(out).toContain("Exit codes: 0 ok, 1 ");
    expect(out).toContain("--json");
    expect((await jobx(`help ${name}`)).out).toBe(out);
  });

  test("the program lists its commands; without words it does so as an error", async () => {
    const { exit, out } = await jobx("--help");
    expect(exit).toBe(0);
    for (const { name } of COMMANDS) expect(out).toContain(name);
    expect(await jobx([])).toEqual({ exit: 2, out: "", err: out });
  });

  test.each([
    ["reqest show x", "did you mean request show?"],
    ["request shwo x", "did you mean request show?"],
    ["request", "request cancel"],
    ["aply x", "did you mean apply?"],
    ["frobnicate", "jobx --help"],
    ["request show", "usage: jobx request show ID"],
    ["request show a b", "too many"],
    ["submit text j --wiat", "did you mean --wait?"],
    ["submit text j --timeout 60", "--timeout"],
    ["submit text j --timeout", "--timeout"],
    ["submit text j novalue", "key=text"],
    ["submit text j =v", "key=text"],
    ["submit text j :=1", "key=text"],
    ["submit text j k:={", "k:={"],
    ["request list text --limit 0", "--limit"],
    ["cluster ticket --expires 1d", "--expires"],
    ["node list --api ftp://x", "URLs"],
    ["apply /no/such/file.yaml", "/no/such/file.yaml"],
  ])("jobx %s is told what is wrong", async (words, hint) => {
    const { exit, out, err } = await jobx(words);
    expect({ exit, out }).toEqual({ exit: 2, out: "" });
    expect(err).toContain(hint);
    expect(cluster.calls).toEqual([]);
  });

  test("numbers that JSON would round are refused before they are sent", async () => {
    const { exit, err } = await jobx("submit text j k:=9007199254740993");
    expect(exit).toBe(2);
    expect(err).toContain("HANDLER_VALUE_NOT_EXACT");
    expect(err).toContain("k:=9007199254740993 cannot");
    expect(err).not.toContain("9007199254740992");
    const deep = await jobx(["submit", "text", "j", 'k:={"a":[1,-9007199254740995]}']);
    expect([deep.exit, deep.err]).toEqual([2, expect.stringContaining("-9007199254740995 cannot")]);
    const path = await file("numbers.json", '{"a": 1, "b": 12345678901234567890}');
    const inFile = await jobx(["submit", "text", "j", "--args", path]);
    expect(inFile.exit).toBe(2);
    expect(inFile.err).toContain("--args: 12345678901234567890 cannot");
    expect((await jobx("submit text j k:=1e999")).exit).toBe(2);
    expect(cluster.calls).toEqual([]);
  });
});

describe("apply and sync", () => {
  test("a file is applied with the handlers beside it", async () => {
    await applied();
    expect(called("apply")).toMatchObject({
      dryRun: false,
      definition: {
        workflow: "text",
        description: "Counts words.",
        handlers: [
          { name: "count_words", path: "count/words.js", language: "javascript", source: "// js" },
          { name: "sum", path: "sum.py", language: "python", source: "# py" },
        ],
        steps: { words: { timeoutMs: 60_000 } },
        jobs: { wordcount: { step: "words" } },
      },
    });
  });

  test("a dry run says what would change", async () => {
    const path = await file("dry/text.yaml", "workflow: dry\nsteps: {a: {map: m, reduce: r}}\n");
    const { exit, out } = await jobx(["apply", path, "--dry-run"]);
    expect([exit, out]).toEqual([0, "+ step a\nnothing was changed (dry run), 0 unchanged\n"]);
    expect(cluster.definitions.size).toBe(0);
    const json = await jobx(["apply", path, "--dry-run", "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ created: true, dryRun: true });
  });

  test.each([
    ["a: [1", "is not valid YAML"],
    ["workflow: w\nworkflow: x", "unique"],
    ["workflow: w\nsteps: {a: {map: m, redcue: r}}", "did you mean reduce?"],
    ["workflow: w\nhandlers: ./none", "none"],
    ["", "a mapping"],
  ])("the file %j is refused here", async (text, hint) => {
    const path = await file("wrong/w.yaml", text);
    const { exit, err } = await jobx(["apply", path]);
    expect(exit).toBe(2);
    expect(err).toContain(hint);
    expect(cluster.calls).toEqual([]);
  });

  test("bytes that are no UTF-8 are refused with their file, line and reason", async () => {
    // The first line is good; the third has a letter of Latin-1.
    const bytes = Buffer.from("# \xc3\xbc\n\n# caf\xe9\n", "latin1");
    await file("latin/h/enc.py", "");
    await writeFile(join(folder, "latin/h/enc.py"), bytes);
    await writeFile(join(folder, "latin/args.json"), Buffer.from([0xff, 0xfe]));
    await file("latin/w.yaml", "workflow: text\nhandlers: ./h\n");
    const refused = async (words: readonly string[], error: RegExp): Promise<void> => {
      const { exit, err } = await jobx(words);
      expect(exit).toBe(2);
      expect(err).toMatch(error);
    };
    const handler = /enc\.py, line 3: .* not UTF-8.*CLI_FILE_NOT_UTF8/u;
    await refused(["apply", join(folder, "latin/w.yaml")], handler);
    await refused(["handler", "sync", "text", join(folder, "latin/h")], handler);
    const submit = ["submit", "text", "j", "--args", join(folder, "latin/args.json")];
    await refused(submit, /args\.json, line 1: /u);
    expect(cluster.calls).toEqual([]);
  });

  test("aliases that unfold into gigabytes are refused", async () => {
    const levels = Array.from(
      { length: 9 },
      (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(10)}]`,
    );
    const path = await file("wrong/bomb.yaml", `l0: &l0 [x]\n${levels.join("\n")}\n`);
    expect((await jobx(["apply", path])).exit).toBe(2);
  });

  test("a file that is wrong thirty thousand times, or nested without end, is refused with one line", async () => {
    const wrong = await file(
      "wrong/aliases.yaml",
      `workflow: w\nsteps: {${"*\n".repeat(30_000)}}\n`,
    );
    const nested = await file("wrong/nested.yaml", "? ".repeat(30_000));
    for (const path of [wrong, nested]) {
      const { exit, err } = await jobx(["apply", path]);
      expect([exit, err.trimEnd().split("\n").length]).toEqual([2, 1]);
      expect(err).toContain("CLI_YAML_INVALID");
    }
    const real = "workflow: text\ndescription: |\n  * one\n  * two\nsteps: {}\n";
    expect(parseYaml(real.replace("one", "- *\n  ".repeat(200)), "a.yaml")).toMatchObject({
      workflow: "text",
    });
  });

  test("sync needs a workflow and sends only handlers", async () => {
    const path = join(folder, "flow/handlers");
    await file("flow/handlers/sum.py", "# py");
    const missing = await jobx(["handler", "sync", "txet", path]);
    expect([missing.exit, missing.err]).toEqual([4, expect.stringContaining("WORKFLOW_UNKNOWN")]);
    await applied();
    expect((await jobx(["handler", "sync", "text", path, "--force"])).exit).toBe(0);
    expect(called("apply")).toMatchObject({
      force: true,
      definition: { description: undefined, steps: undefined, jobs: undefined },
    });
    expect((await jobx("handler list text")).out).toContain("count_words");
  });

  test("two files with one name stop the sync with both paths; a link to a folder is not followed", async () => {
    await applied();
    await file("twice/a/b.py", "");
    await file("twice/a_b.js", "");
    await symlink("..", join(folder, "twice/loop")).catch(() => {});
    const { exit, err } = await jobx(["handler", "sync", "text", join(folder, "twice")]);
    expect(exit).toBe(2);
    expect(err).toContain("a/b.py and a_b.js are both the handler a_b");
  });
});

describe("submit", () => {
  beforeEach(applied);

  test("pairs come from the file first, then from the words, in order", async () => {
    const path = await file("args.json", '{"10": {"deep": [1]}, "2": null}');
    const words = [
      "submit",
      "text",
      "wordcount",
      "--args",
      path,
      "folder=/a=b",
      "n:=[1,2]",
      "empty=",
    ];
    const { exit, out } = await jobx([...words, "--key", "k-1"]);
    expect([exit, out]).toEqual([0, "r1\n"]);
    expect(called("submit")).toEqual({
      workflow: "text",
      job: "wordcount",
      idempotencyKey: "k-1",
      arguments: [
        ["10", { deep: [1] }],
        ["2", null],
        ["folder", "/a=b"],
        ["n", [1, 2]],
        ["empty", ""],
      ],
    });
  });

  test("arguments can come from the standard input", async () => {
    await jobx("submit text wordcount --args -", { input: '{"a": 1}' });
    expect(called("submit")).toMatchObject({ arguments: [["a", 1]], idempotencyKey: "random-key" });
    expect((await jobx("submit text wordcount --args -", { input: "[1]" })).exit).toBe(2);
    const twice = await jobx("submit text wordcount --args -", { input: '{"a": 1, "\\u0061": 2}' });
    expect([twice.exit, twice.err]).toEqual([2, expect.stringContaining('member "a"')]);
  });

  test("arguments above a mebibyte are refused with what to do instead", async () => {
    const path = await file("huge.json", `{"a": "${"x".repeat(1 << 20)}"}`);
    const { exit, err } = await jobx(["submit", "text", "wordcount", "--args", path]);
    expect([exit, called("submit")]).toEqual([2, undefined]);
    expect(err).toContain("CLI_FILE_TOO_LARGE");
    expect(err).toContain("at most 1048576 bytes of arguments");
    expect(err).toContain("pass their paths");
  });

  test("--wait --json prints one object with the result and exits 0", async () => {
    const running = jobx("submit text wordcount folder=/x --wait --json");
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    cluster.succeed("r1", [["a", 1]]);
    const { exit, out, err } = await running;
    expect([exit, err]).toEqual([0, ""]);
    expect(JSON.parse(out)).toMatchObject({
      request: "r1",
      workflow: "text",
      job: "wordcount",
      state: "succeeded",
      result: { pairs: [["a", 1]] },
      error: null,
      duplicate: false,
    });
  });

  test("a failed request exits 1 and shows the traceback", async () => {
    const running = jobx("submit text wordcount --wait --json");
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    cluster.fail("r1", {});
    const { exit, out } = await running;
    expect(exit).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      state: "failed",
      result: null,
      error: {
        code: "HANDLER_FAILED",
        message: "it broke",
        invocation: "i1",
        traceback: "Traceback: line 1",
      },
    });
    const shown = await jobx("request show r1");
    expect(shown.out).toContain("Traceback: line 1");
    expect(shown.exit).toBe(0);
  });

  test("a cancelled request and one that is over time exit 1", async () => {
    const running = jobx("submit text wordcount --wait");
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    expect((await jobx("request cancel r1")).out).toBe("r1 is cancelled\n");
    expect((await running).exit).toBe(1);
    const late = await jobx("submit text wordcount --wait --timeout 1ms --json --key other");
    expect([late.exit, JSON.parse(late.out)]).toMatchObject([1, { state: "running" }]);
  });

  test("--follow shows progress on the error output, and a pause with what to do", async () => {
    const running = jobx("submit text wordcount --follow --json");
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    cluster.change("r1", { steps: { words: { total: 4, done: 3, failed: 1 } }, state: "paused" });
    expect((await jobx("request resume r1")).out).toBe("r1 is running\n");
    cluster.succeed("r1", []);
    const { exit, out, err } = await running;
    expect([exit, JSON.parse(out)]).toMatchObject([0, { state: "succeeded" }]);
    expect(err).toContain("paused  words 3/4, 1 failed\n");
    expect(err).toContain("jobx request resume r1");
  });

  test("--wait is told of a pause once, and then of its end", async () => {
    const running = jobx("submit text wordcount --wait");
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    cluster.change("r1", { state: "paused" });
    const asked = (): unknown[] =>
      cluster.calls.filter(({ method }) => method === "request").map(({ input }) => input);
    await expect.poll(() => asked().length, SLOW).toBe(2);
    for (let at = 0; at < 5; at++) await jobx("node list");
    expect(asked()).toMatchObject([{ knowsPaused: false }, { knowsPaused: true }]);
    expect((await jobx("request resume r1")).exit).toBe(0);
    cluster.succeed("r1", []);
    const { exit, err } = await running;
    expect([exit, err]).toEqual([0, "request r1 is paused; jobx request resume r1\n"]);
  });

  test("the death of the node that was asked does not end the wait", async () => {
    const first = await buildApi({ cluster, log: silentLog, rules: RULES });
    const doomed = await listenApi(first, { host: "127.0.0.1", port: 0 });
    const running = jobx("submit text wordcount --wait --json", {
      env: { JOBX_API: `${doomed.url}, ${url}` },
    });
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    await first.close();
    await expect.poll(() => cluster.waits, SLOW).toBe(1);
    cluster.succeed("r1", [["a", 1]]);
    const { exit, out } = await running;
    expect([exit, JSON.parse(out)]).toMatchObject([0, { result: { pairs: [["a", 1]] } }]);
  });

  test("a submission whose answer was lost is made once", async () => {
    cluster.failures.push(clusterFailure("COMMAND_OUTCOME_UNKNOWN"));
    expect(await jobx("submit text wordcount")).toMatchObject({ exit: 0, out: "r1\n" });
    const keys = cluster.calls
      .filter(({ method }) => method === "submit")
      .map(({ input }) => input);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toEqual(keys[1]);
  });

  test("what the cluster refuses exits 4, with its code in the JSON", async () => {
    const { exit, out, err } = await jobx("submit text wordcuont --wait --json");
    expect([exit, JSON.parse(out)]).toMatchObject([
      4,
      { error: { code: "JOB_UNKNOWN", details: { job: "wordcuont" } } },
    ]);
    expect(err).toContain("JOB_UNKNOWN");
  });
});

describe("showing", () => {
  beforeEach(applied);

  test("request show --json has steps and attempts", async () => {
    await jobx("submit text wordcount");
    cluster.attemptViews.push({
      invocation: "i1",
      step: "words",
      node: "12D3KooWfirst",
      nodeName: "node-1",
      phase: "map",
      part: null,
      live: null,
      state: "done",
      grantedAt: "2026-01-01T00:00:00Z",
      startedAt: "2026-01-01T00:00:01Z",
      endedAt: "2026-01-01T00:00:02Z",
      exit: null,
      limits: null,
      error: null,
      printed: null,
    });
    const { out } = await jobx("request show r1 --json");
    expect(JSON.parse(out)).toMatchObject({
      request: "r1",
      steps: { words: { total: 4, done: 1, failed: 0 } },
      attempts: [{ invocation: "i1", step: "words", node: "12D3KooWfirst", state: "done" }],
      attemptsTruncated: false,
    });
    const table = (await jobx("request show r1")).out;
    expect(table).toMatch(/words +4 +1 +0/);
    expect(table).toMatch(/NODE +RUNNING +DONE +FAILED +LOST +RELEASED\nnode-1 +0 +1 +0/);
    expect((await jobx("request list text")).out).toMatch(
      /r1 +wordcount +2026\S+ +running {2}words 1\/4/,
    );
    const list: unknown = JSON.parse((await jobx("request list text --json")).out);
    expect(list).toMatchObject({ requests: [{ request: "r1" }], next: null });
    expect((await jobx("request show nope")).exit).toBe(4);
  });

  test("workflow show and list", async () => {
    expect(JSON.parse((await jobx("workflow show text --json")).out)).toMatchObject({
      scheduler: "12D3KooWfirst",
      term: 3,
      replicas: [{ node: "12D3KooWfirst", role: "voter" }],
    });
    const { out } = await jobx("workflow show text");
    expect(out).toContain("scheduler  node-1, term 3");
    expect(out).toContain("weight     1\n");
    expect(out).toMatch(/words +count_words +sum_pairs +sum +1 +3 +60s +fail/);
    expect((await jobx("workflow list")).out).toMatch(/text +active +1 +Counts words\./);
    expect((await jobx("workflow delete text")).out).toBe("text is deleted\n");
    expect((await jobx("workflow list")).out).toBe("no workflows\n");
  });

  test("text from elsewhere cannot drive the terminal", async () => {
    await jobx("submit text wordcount");
    cluster.fail("r1", { traceback: "red \u001b[31m\nnext\u009b2J" });
    const { out } = await jobx("request show r1");
    expect(out).toContain("red  [31m\nnext 2J");
  });
});

describe("which cluster", () => {
  test("without a token the local node's is used, towards this machine only", async () => {
    await file("data/admin-token", `${TOKENS.admin}\n`);
    await file("home/.jobx/admin-token", TOKENS.read);
    const env = { JOBX_TOKEN: "", JOBX_DATA: join(folder, "data") };
    expect((await jobx("cluster ticket", { env })).exit).toBe(0);
    const home = await jobx("cluster ticket", { env: { JOBX_TOKEN: "" } });
    expect([home.exit, home.err]).toEqual([4, expect.stringContaining("API_ROLE_INSUFFICIENT")]);
    const urls = `${url},http://jobx.invalid:1`;
    const abroad = await jobx("node list", { env: { ...env, JOBX_API: urls } });
    expect([abroad.exit, abroad.err]).toEqual([4, expect.stringContaining("API_TOKEN_MISSING")]);
  });

  test("without an address the local node's is used, after --api and JOBX_API", async () => {
    const here = await file("here/api", `${url}\n`);
    const env = { JOBX_API: "", JOBX_DATA: join(here, "..") };
    expect((await jobx("node list", { env })).exit).toBe(0);
    const nowhere = "http://127.0.0.1:1";
    expect((await jobx("node list", { env: { ...env, JOBX_API: nowhere } })).exit).toBe(3);
    expect((await jobx(["node", "list", "--api", nowhere], { env })).exit).toBe(3);
    await file("home/.jobx/api", url);
    expect((await jobx("node list", { env: { JOBX_API: "" } })).exit).toBe(0);
    await file("here/api", "garbage\n");
    const { exit, err } = await jobx("node list", { env });
    expect(exit).toBe(2);
    expect(err).toMatch(/here\/api holds no URL .*--api/u);
    expect((await jobx("node list", { env: { ...env, JOBX_API: url } })).exit).toBe(0);
  });

  test("a cluster that does not answer or has no majority exits 3", async () => {
    const nobody = await jobx(["node", "list", "--json", "--api", "http://127.0.0.1:1"]);
    expect([nobody.exit, JSON.parse(nobody.out)]).toMatchObject([
      3,
      { error: { code: "CLIENT_UNREACHABLE" } },
    ]);
    cluster.failures.push(...Array.from({ length: 100 }, () => clusterFailure("NO_MAJORITY")));
    expect((await jobx("node list")).exit).toBe(3);
  });
});
