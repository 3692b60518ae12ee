import { beforeEach, expect, test } from "vitest";
import { app, applyText, call, cluster, SUBMIT } from "../../test/lib/api-kit.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";

beforeEach(async () => {
  await applyText();
  await call("POST", SUBMIT, { payload: { arguments: {}, keep: "nightly" } });
});

test("a request is kept under a name that is one", async () => {
  expect(cluster.calls.find(({ method }) => method === "submit")?.input).toMatchObject({
    keep: "nightly",
  });
  expect((await call("GET", "/v1/requests/r1")).body).toMatchObject({ keptAs: "nightly" });
  const wrong = await call("POST", SUBMIT, { payload: { arguments: {}, keep: "a:b" } });
  expect(wrong).toMatchObject({ status: 400, body: { code: "API_INPUT_INVALID" } });
});

test("a list is filtered by state, job and time, and says where to go on", async () => {
  await call("POST", SUBMIT, { payload: { arguments: {} } });
  const list = (query: string) => call("GET", `/v1/workflows/text/requests?${query}`);
  expect((await list("limit=1")).body).toMatchObject({ next: "r2" });
  await list("state=failed,running&job=wordcount&since=2026-01-01&until=2026-01-02T03:04:05Z");
  expect(cluster.calls.at(-1)?.input).toMatchObject({
    states: ["running", "failed"],
    job: "wordcount",
    sinceMs: Date.UTC(2026, 0, 1),
    untilMs: Date.UTC(2026, 0, 2, 3, 4, 5),
  });
  for (const query of ["state=over", "state=", "since=yesterday", "until=1", "job=a-b", "more=1"]) {
    expect([query, (await list(query)).status]).toEqual([query, 400]);
  }
});

test("only what has ended is deleted, and by those who may submit", async () => {
  const remove = (token: string) => call("DELETE", "/v1/requests/r1", { token });
  expect((await remove(TOKENS.read)).status).toBe(403);
  expect(await remove(TOKENS.submit)).toMatchObject({
    status: 409,
    body: { code: "REQUEST_NOT_ENDED" },
  });
  cluster.succeed("r1", []);
  expect((await remove(TOKENS.submit)).body).toEqual({ request: "r1" });
  expect((await remove(TOKENS.submit)).status).toBe(404);
});

test("a retry is a new request that says whose it is", async () => {
  const headers = { "idempotency-key": "again" };
  const answer = await call("POST", "/v1/requests/r1/retry", { headers });
  expect(answer).toMatchObject({ status: 202, body: { request: "r2", job: "wordcount" } });
  expect(answer.headers["location"]).toBe("/v1/requests/r2");
  expect(cluster.calls.at(-1)?.input).toMatchObject({ idempotencyKey: "again", keep: undefined });
  expect((await call("GET", "/v1/requests/r2")).body).toMatchObject({ retryOf: "r1" });
  const kept = await call("POST", "/v1/requests/r1/retry", { payload: { keep: "second" } });
  expect(kept.status).toBe(202);
  expect((await call("POST", "/v1/requests/r1/retry", { payload: { kep: "x" } })).status).toBe(400);
});

test("a result is one JSON object, or a pair on each line", async () => {
  const result = (accept: string) => call("GET", "/v1/requests/r1/result", { headers: { accept } });
  expect(await result("*/*")).toMatchObject({ status: 409, body: { code: "RESULT_NOT_THERE" } });
  cluster.succeed("r1", [
    ["a", 1],
    ["b", 2],
  ]);
  expect((await result("*/*")).body).toEqual({
    pairs: [
      ["a", 1],
      ["b", 2],
    ],
  });
  expect((await result("application/x-ndjson")).body).toBe('["a",1]\n["b",2]\n');
  cluster.succeed("r1", []);
  expect((await result("*/*")).body).toEqual({ pairs: [] });
});

test("a result that breaks off is cut off, so that nobody takes it for whole", async () => {
  cluster.succeed("r1", [["a", 1]]);
  cluster.resultBreaks = true;
  const headers = { host: "localhost", authorization: `Bearer ${TOKENS.read}` };
  await expect(app.inject({ url: "/v1/requests/r1/result", headers })).rejects.toThrow();
});
