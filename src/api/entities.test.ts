import { beforeEach, expect, test } from "vitest";
import { applyText, call, cluster, STEPS } from "../../test/lib/api-kit.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";

const STEP = "/v1/workflows/text/steps/words";

beforeEach(applyText);

test("a step is made, read with its revision, changed at that revision, and deleted", async () => {
  const made = await call("POST", "/v1/workflows/text/steps", {
    payload: { name: "lines", map: "count", reduce: "sum", retries: 1 },
  });
  expect(made).toMatchObject({ status: 201, body: { name: "lines", retries: 1, revision: 8 } });
  const read = await call("GET", "/v1/workflows/text/steps/lines");
  expect(read).toMatchObject({ status: 200, headers: { etag: '"8"' } });
  const payload = { map: "count", reduce: "sum" };
  const put = (headers: Record<string, string>, query = "") =>
    call("PUT", `/v1/workflows/text/steps/lines${query}`, { payload, headers });
  expect(await put({ "if-match": '"7"' })).toMatchObject({
    status: 412,
    body: { code: "REVISION_CHANGED" },
  });
  expect(await put({}, "?revision=7")).toMatchObject({ status: 412 });
  expect(await put({ "if-match": '"8"' })).toMatchObject({ status: 200, body: { revision: 9 } });
  expect(await put({ "if-match": "*" })).toMatchObject({ status: 200 });
  expect((await call("DELETE", "/v1/workflows/text/steps/lines")).body).toEqual({ name: "lines" });
});

test("a body is read as the same part of a workflow file", async () => {
  await call("PUT", STEP, { payload: { map: "m", reduce: "r", timeout: "90s" } });
  expect(cluster.calls.at(-1)?.input).toMatchObject({
    entity: "step",
    action: "update",
    value: { timeoutMs: 90_000, partitions: 1, onFailure: "fail" },
  });
  const wrong = [
    ["POST", "/v1/workflows/text/steps", { map: "m", reduce: "r" }, "API_INPUT_INVALID"],
    ["POST", "/v1/workflows/text/steps", { name: "a-b", map: "m" }, "API_INPUT_INVALID"],
    ["PUT", STEP, { map: "m" }, "WORKFLOW_INVALID"],
    ["PUT", STEP, { map: "m", reduce: "r", retires: 1 }, "WORKFLOW_KEY_UNKNOWN"],
    ["PUT", STEP, { map: "m", reduce: "m" }, "WORKFLOW_HANDLERS_SAME"],
    ["PUT", STEP, { map: 7, reduce: "r" }, "WORKFLOW_INVALID"],
    ["POST", "/v1/workflows/text/jobs", { name: "j" }, "WORKFLOW_INVALID"],
    ["POST", "/v1/workflows", {}, "API_INPUT_INVALID"],
    ["POST", "/v1/workflows", { workflow: "my-flow" }, "API_INPUT_INVALID"],
  ] as const;
  cluster.calls.length = 0;
  for (const [method, url, payload, code] of wrong) {
    const answer = await call(method, url, { payload });
    expect([url, answer.status, answer.body]).toMatchObject([url, 400, { code }]);
  }
  expect(cluster.calls).toEqual([]);
});

test.each(["x", "-1", "1.5", `"7`.repeat(9)])("If-Match: %s is refused", async (match) => {
  const headers = { "if-match": match };
  const answer = await call("DELETE", STEP, { headers });
  expect(answer).toMatchObject({ status: 400, body: { code: "API_INPUT_INVALID" } });
});

test("an empty workflow is made once", async () => {
  const make = () => call("POST", "/v1/workflows", { payload: { workflow: "fresh" } });
  expect(await make()).toMatchObject({ status: 201, body: { workflow: "fresh", steps: {} } });
  expect(await make()).toMatchObject({ status: 409, body: { code: "WORKFLOW_EXISTS" } });
  const limited = await call("POST", "/v1/workflows", {
    payload: { workflow: "fresh2" },
    token: TOKENS.limited,
  });
  expect(limited.body).toMatchObject({ code: "API_WORKFLOW_REFUSED" });
});

test("an apply may name the revision that it was made for", async () => {
  await call("PUT", "/v1/workflows/text?revision=5", { payload: { steps: STEPS } });
  expect(cluster.calls.at(-1)?.input).toMatchObject({ revision: 5 });
});

test("lists and handlers are there for those who may read", async () => {
  const token = TOKENS.read;
  const list = (path: string) => call("GET", `/v1/workflows/text/${path}`, { token });
  expect((await list("steps")).body).toMatchObject({ steps: [{ name: "words" }] });
  expect((await list("jobs")).body).toMatchObject({ jobs: [{ name: "wordcount" }] });
  expect((await list("handlers")).body).toEqual({ handlers: [] });
  expect(await list("handlers/none")).toMatchObject({ status: 404 });
  expect(await list("steps/none")).toMatchObject({ status: 404, body: { code: "STEP_UNKNOWN" } });
  const refused = await call("DELETE", STEP, { token: TOKENS.submit });
  expect(refused.body).toMatchObject({ code: "API_ROLE_INSUFFICIENT" });
});
