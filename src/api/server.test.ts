import { beforeEach, describe, expect, test } from "vitest";
import { asRecord } from "../../scripts/lib/json.ts";
import {
  applyText,
  call,
  cluster,
  JOBS,
  JSON_TYPE,
  STEPS,
  SUBMIT,
} from "../../test/lib/api-kit.ts";
import { clusterFailure } from "../../test/lib/fake-cluster.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { APPLY_BODY_BYTES_MAX, BODY_BYTES_MAX } from "./limits.ts";

describe("who may call", () => {
  test.each([
    ["read", "GET", "/v1/workflows", 200],
    ["read", "POST", SUBMIT, 403],
    ["read", "POST", "/v1/requests/r1/cancel", 403],
    ["submit", "PUT", "/v1/workflows/text", 403],
    ["submit", "DELETE", "/v1/workflows/text", 403],
    ["submit", "POST", "/v1/tickets", 403],
    ["submit", "GET", "/v1/tickets", 403],
    ["submit", "POST", "/v1/nodes/n/drain", 403],
    ["submit", "DELETE", "/v1/nodes/n", 403],
    ["submit", "POST", "/v1/raft/0/leader/n", 403],
    ["submit", "POST", "/v1/raft/0/recover", 403],
    ["admin", "POST", "/v1/raft/0/recover", 200],
    ["read", "GET", "/v1/raft", 200],
    ["read", "GET", "/v1/raft/replicas", 200],
    ["admin", "POST", "/v1/nodes/n/drain", 200],
    ["submit", "DELETE", "/v1/tickets/t1", 403],
    ["admin", "DELETE", "/v1/tickets/t1", 404],
    ["submit", "GET", "/v1/workflows", 200],
    ["admin", "POST", "/v1/tickets", 201],
  ] as const)("a token that may %s calls %s %s: %d", async (role, method, url, status) => {
    await applyText();
    const answer = await call(method, url, { token: TOKENS[role] });
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body).toMatchObject({ code: "API_ROLE_INSUFFICIENT" });
  });

  test("an unknown token and one that is no token are told apart", async () => {
    expect((await call("GET", "/v1/nodes", { token: "x" })).body).toMatchObject({
      code: "API_TOKEN_UNKNOWN",
    });
    const basic = await call("GET", "/v1/nodes", {
      token: "",
      headers: { authorization: "Basic eDp5" },
    });
    expect(basic.body).toMatchObject({ code: "API_TOKEN_MISSING" });
  });

  test("a name that is not this node's is refused before the token is looked at", async () => {
    const answer = await call("GET", "/healthz", {
      token: "",
      headers: { host: "evil.example:7070" },
    });
    expect(answer.status).toBe(403);
    expect(answer.body).toMatchObject({
      code: "API_HOST_REFUSED",
      details: { host: "evil.example:7070" },
    });
    expect((await call("GET", "/healthz", { headers: { host: "jobx.example" } })).status).toBe(200);
  });

  test("a page from elsewhere is refused, one from here is not", async () => {
    const origin = (value: string) => call("GET", "/v1/nodes", { headers: { origin: value } });
    expect((await origin("http://evil.example")).body).toMatchObject({
      code: "API_ORIGIN_REFUSED",
    });
    expect((await origin("null")).status).toBe(403);
    expect((await origin("http://localhost:7070")).status).toBe(200);
  });

  test("health needs no token, metrics do", async () => {
    expect(await call("GET", "/healthz", { token: "" })).toMatchObject({
      status: 200,
      body: { status: "ok" },
    });
    expect((await call("GET", "/readyz", { token: "" })).status).toBe(200);
    cluster.isReady = false;
    expect(await call("GET", "/readyz", { token: "" })).toMatchObject({
      status: 503,
      body: { ready: false, reason: "still joining" },
    });
    expect((await call("GET", "/metrics", { token: "" })).status).toBe(401);
    expect((await call("GET", "/metrics")).body).toContain("jobx_up 1");
  });
});

describe("apply", () => {
  test("steps and jobs are read as in a workflow file", async () => {
    const answer = await call("PUT", "/v1/workflows/text?dryRun&force=false", {
      payload: { description: "Counts.", steps: STEPS, jobs: JOBS },
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { created: true, steps: { changed: ["words"] } },
    });
    expect(cluster.calls[0]?.input).toMatchObject({
      dryRun: true,
      force: false,
      definition: {
        workflow: "text",
        description: "Counts.",
        handlers: undefined,
        steps: { words: { timeoutMs: 60_000, retries: undefined, onFailure: "fail" } },
      },
    });
  });

  test("a workflow's weight is 1 until somebody says another, and stays when nothing is said of it", async () => {
    const shown = async () => {
      const one = (await call("GET", "/v1/workflows/text")).body;
      const { workflows } = asRecord((await call("GET", "/v1/workflows")).body, "the list");
      return [asRecord(one, "the workflow")["weight"], workflows];
    };
    const summary = { workflow: "text", description: "", state: "active" };
    const made = await call("POST", "/v1/workflows", { payload: { workflow: "text" } });
    expect(made).toMatchObject({ status: 201, body: { weight: 1 } });
    expect(await shown()).toEqual([1, [{ ...summary, weight: 1 }]]);
    await call("PUT", "/v1/workflows/text?revision=7", { payload: { weight: 100 } });
    const input = { revision: 7, definition: { weight: 100, steps: undefined } };
    expect(cluster.calls.at(-1)).toMatchObject({ method: "apply", input });
    await call("PUT", "/v1/workflows/text", { payload: { description: "" } });
    expect(await shown()).toEqual([100, [{ ...summary, weight: 100 }]]);
    const heavy = { workflow: "heavy", weight: 8 };
    expect(await call("POST", "/v1/workflows", { payload: heavy })).toMatchObject({
      status: 201,
      body: { weight: 8 },
    });
    for (const weight of [0, 101, 2.5, "3", null]) {
      const payload = { workflow: "wrong", weight };
      expect(await call("POST", "/v1/workflows", { payload })).toMatchObject({
        status: 400,
        body: { code: "API_INPUT_INVALID" },
      });
    }
  });

  test.each([
    [{ steps: { words: { map: "m", reduce: "r", retry: 1 } } }, "WORKFLOW_KEY_UNKNOWN"],
    [{ steps: STEPS, jobs: { j: { step: "word" } } }, "WORKFLOW_STEP_UNDEFINED"],
    [{ steps: [] }, "API_INPUT_INVALID"],
    [{ step: {} }, "API_INPUT_INVALID"],
    [{ workflow: "other" }, "API_INPUT_INVALID"],
    [{ description: 7 }, "API_INPUT_INVALID"],
    [{ weight: 0 }, "API_INPUT_INVALID"],
    [{ weight: 101 }, "API_INPUT_INVALID"],
    [{ weight: 1.5 }, "API_INPUT_INVALID"],
    [{ weight: "2" }, "API_INPUT_INVALID"],
    [{ weight: null }, "API_INPUT_INVALID"],
    [{ description: "d".repeat(5000) }, "API_INPUT_INVALID"],
    [[], "API_INPUT_INVALID"],
    [
      { handlers: [{ name: "a", path: "a.js", language: "ruby", source: "" }] },
      "API_INPUT_INVALID",
    ],
    [
      { handlers: [{ name: "a-b", path: "a-b.js", language: "python", source: "" }] },
      "HANDLER_NAME_INVALID",
    ],
  ] as const)("%j is refused with %s", async (payload, code) => {
    const answer = await call("PUT", "/v1/workflows/text", { payload });
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(cluster.calls).toEqual([]);
  });

  test("handlers with one name are refused with both files", async () => {
    const file = (path: string) => ({ name: "a", path, language: "python", source: "" });
    const answer = await call("PUT", "/v1/workflows/text", {
      payload: { handlers: [file("a.py"), file("a.js")] },
    });
    expect(answer.body).toMatchObject({
      code: "HANDLER_NAME_DUPLICATE",
      details: { files: ["a.py", "a.js"] },
    });
  });

  test("sources may be larger than other bodies, up to a bound", async () => {
    const source = (count: number) => ({
      handlers: Array.from({ length: count }, (_, index) => ({
        name: `h${index}`,
        path: "h.py",
        language: "python",
        source: "#".repeat(1 << 20),
      })),
    });
    expect((await call("PUT", "/v1/workflows/w", { payload: source(3) })).status).toBe(200);
    expect(await call("PUT", "/v1/workflows/w", { payload: source(8) })).toMatchObject({
      status: 413,
      body: { code: "API_BODY_TOO_LARGE", details: { bytesMax: APPLY_BODY_BYTES_MAX } },
    });
  });

  test("a name that is none and a workflow that is not there are told apart", async () => {
    expect((await call("GET", "/v1/workflows/my-flow")).body).toMatchObject({
      code: "API_INPUT_INVALID",
    });
    expect(await call("GET", "/v1/workflows/none")).toMatchObject({
      status: 404,
      body: { code: "WORKFLOW_UNKNOWN", details: { workflow: "none" } },
    });
    await applyText();
    expect((await call("GET", "/v1/workflows/text")).body).toMatchObject({
      term: 3,
      scheduler: "12D3KooWfirst",
    });
    expect((await call("DELETE", "/v1/workflows/text")).body).toEqual({ workflow: "text" });
    expect((await call("GET", "/v1/workflows")).body).toEqual({ workflows: [] });
  });

  test("the longest name is found", async () => {
    const name = "w".repeat(128);
    expect((await call("PUT", `/v1/workflows/${name}`, { payload: {} })).status).toBe(200);
    expect((await call("GET", `/v1/workflows/${name}`)).status).toBe(200);
    expect((await call("GET", `/v1/workflows/${name}w`)).status).toBe(400);
    expect((await call("GET", `/v1/workflows/${"w".repeat(600)}`)).status).toBe(400);
  });
});

describe("submit", () => {
  beforeEach(applyText);

  const submitted = () => cluster.calls.find(({ method }) => method === "submit")?.input;

  test("an object's members become pairs in the order of the text, each of them", async () => {
    const payload =
      '{"arguments": {"b": 1, "10": [2], "9": {"x": null}, "b": "again", "__proto__": true}}';
    const answer = await call("POST", SUBMIT, { payload, headers: JSON_TYPE });
    expect(answer).toMatchObject({
      status: 202,
      body: { request: "r1", workflow: "text", job: "wordcount", duplicate: false },
    });
    expect(answer.headers["location"]).toBe("/v1/requests/r1");
    expect(submitted()).toMatchObject({
      arguments: [
        ["b", 1],
        ["10", [2]],
        ["9", { x: null }],
        ["b", "again"],
        ["__proto__", true],
      ],
    });
  });

  test("pairs are taken as they are", async () => {
    await call("POST", SUBMIT, {
      payload: {
        arguments: [
          [1, "a"],
          [["x", 2], null],
        ],
      },
    });
    expect(submitted()).toMatchObject({
      arguments: [
        [1, "a"],
        [["x", 2], null],
      ],
    });
  });

  const refused: readonly (readonly [string, string])[] = [
    ['{"arguments": {"a": 9007199254740993}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": {"a": [{"b": -9007199254740992}]}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": {"a": 1e400}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": [[9007199254740993, 1]]}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": {"a": "\\ud800"}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": {"\\udc00": 1}}', "HANDLER_VALUE_NOT_EXACT"],
    ['{"arguments": [[{"a": 1}, 1]]}', "API_INPUT_INVALID"],
    ['{"arguments": [[1]]}', "API_INPUT_INVALID"],
    ['{"arguments": [[1, 2, 3]]}', "API_INPUT_INVALID"],
    ['{"arguments": ["ab"]}', "API_INPUT_INVALID"],
    ['{"arguments": "ab"}', "API_INPUT_INVALID"],
    ['{"arguments": {}, "more": 1}', "API_INPUT_INVALID"],
    ["{}", "API_INPUT_INVALID"],
    ["null", "API_INPUT_INVALID"],
    ["", "API_JSON_INVALID"],
    ['{"arguments": {"a": 1}', "API_JSON_INVALID"],
    ['{"arguments": {"a": 01}}', "API_JSON_INVALID"],
    [`{"arguments": {"a": ${"[".repeat(300)}${"]".repeat(300)}}}`, "API_INPUT_INVALID"],
    [`{"arguments": {"a": ${"[".repeat(400_000)}${"]".repeat(400_000)}}}`, "API_INPUT_INVALID"],
  ];
  const cases = refused.map(([payload, code]) => [payload.slice(0, 60), code, payload] as const);
  test.each(cases)("%s is refused with %s", async (_start, code, payload) => {
    const answer = await call("POST", SUBMIT, { payload, headers: JSON_TYPE });
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(submitted()).toBeUndefined();
  });

  test("the largest exact integers and other numbers pass", async () => {
    const payload =
      '{"arguments": {"a": 9007199254740991, "b": -9007199254740991, "c": 0.1, "d": 1e-300}}';
    expect((await call("POST", SUBMIT, { payload, headers: JSON_TYPE })).status).toBe(202);
  });

  test("bytes that are not UTF-8 are refused, not replaced", async () => {
    const payload = Buffer.from('{"arguments": {"a": "\xff"}}', "latin1");
    expect((await call("POST", SUBMIT, { payload, headers: JSON_TYPE })).body).toMatchObject({
      code: "API_JSON_INVALID",
    });
  });

  test("a body above the bound and one of another type are refused", async () => {
    const payload = JSON.stringify({ arguments: { a: "x".repeat(BODY_BYTES_MAX) } });
    expect(await call("POST", SUBMIT, { payload, headers: JSON_TYPE })).toMatchObject({
      status: 413,
      body: { code: "API_BODY_TOO_LARGE", details: { bytesMax: BODY_BYTES_MAX } },
    });
    const text = { payload: "a=1", headers: { "content-type": "text/plain" } };
    expect(await call("POST", SUBMIT, text)).toMatchObject({
      status: 415,
      body: { code: "API_MEDIA_TYPE_UNKNOWN" },
    });
  });

  test("the same key gives the same request, and a conflict with another body", async () => {
    const headers = { "idempotency-key": "k1" };
    const send = (value: number) =>
      call("POST", SUBMIT, { payload: { arguments: { a: value } }, headers });
    expect((await send(1)).body).toMatchObject({ request: "r1", duplicate: false });
    expect((await send(1)).body).toMatchObject({ request: "r1", duplicate: true });
    expect(await send(2)).toMatchObject({ status: 409, body: { code: "IDEMPOTENCY_CONFLICT" } });
    const long = await call("POST", SUBMIT, {
      payload: { arguments: {} },
      headers: { "idempotency-key": "k".repeat(129) },
    });
    expect(long.body).toMatchObject({ code: "API_INPUT_INVALID" });
  });

  test("with wait the answer is the ended request with its result", async () => {
    const answer = call("POST", `${SUBMIT}?wait=20000`, { payload: { arguments: {} } });
    await expect.poll(() => cluster.waits).toBe(1);
    cluster.succeed("r1", [["a", 1]]);
    expect(await answer).toMatchObject({
      status: 200,
      body: { request: "r1", state: "succeeded", duplicate: false, result: { pairs: [["a", 1]] } },
    });
  });

  test.each([20_000, "20000"])("the body may say to wait as well: %j", async (wait) => {
    const answer = call("POST", SUBMIT, { payload: { arguments: {}, wait } });
    await expect.poll(() => cluster.waits).toBe(1);
    cluster.succeed("r1", [["a", 1]]);
    expect(await answer).toMatchObject({ status: 200, body: { state: "succeeded" } });
  });

  test("the query and the body may say the same of waiting, and nothing else", async () => {
    const send = (query: string, wait: unknown) =>
      call("POST", `${SUBMIT}${query}`, { payload: { arguments: {}, wait } });
    expect(await send("?wait=1", 1)).toMatchObject({ status: 202, body: { state: "running" } });
    const submitted = cluster.calls.length;
    for (const [query, wait, path] of [
      ["?wait=1", 2, "body.wait"],
      ["?wait=1", 0, "body.wait"],
      ["?wait=0", 1, "body.wait"],
      ["?wait=60001", 60_001, "querystring.wait"],
      ["", 60_001, "body.wait"],
      ["", "60001", "body.wait"],
      ["", -1, "body.wait"],
      ["", 1.5, "body.wait"],
      ["", "1s", "body.wait"],
      ["", null, "body.wait"],
    ] as const) {
      const answer = await send(query, wait);
      const details = { path };
      expect([query, wait, answer]).toMatchObject([
        ...[query, wait],
        { status: 400, body: { code: "API_INPUT_INVALID", details } },
      ]);
    }
    expect(cluster.calls.length).toBe(submitted);
  });

  test("an unknown member of a body or a query is named, with those that there are", async () => {
    const inBody = await call("POST", SUBMIT, { payload: { arguments: {}, timeout: 1 } });
    expect(inBody).toMatchObject({
      status: 400,
      body: {
        message: "body.timeout: expected none but these: arguments, input, keep, wait",
        details: { path: "body.timeout", expected: "none but these: arguments, input, keep, wait" },
      },
    });
    const inQuery = await call("POST", `${SUBMIT}?blocking=1`, { payload: { arguments: {} } });
    expect(inQuery.body).toMatchObject({
      message: "querystring.blocking: expected none but these: result, stale, wait",
    });
  });

  test("a wait that is over answers with the state so far", async () => {
    const answer = await call("POST", `${SUBMIT}?wait=1`, { payload: { arguments: {} } });
    expect(answer).toMatchObject({ status: 202, body: { request: "r1", state: "running" } });
  });

  test("an acknowledged submission is told even when the wait fails", async () => {
    cluster.failNextWait = clusterFailure("NO_MAJORITY");
    const answer = await call("POST", `${SUBMIT}?wait=100`, { payload: { arguments: {} } });
    expect(answer).toMatchObject({ status: 202, body: { request: "r1", duplicate: false } });
  });
});
