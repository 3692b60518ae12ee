import { beforeEach, expect, test } from "vitest";
import { app, applyText, call, cluster, JSON_TYPE, SUBMIT } from "../../test/lib/api-kit.ts";
import { documentOf } from "../../test/lib/openapi-kit.ts";

const REQUEST = "/v1/requests/r1";
const CHANGES = [
  ["POST", `${REQUEST}/cancel`, 100],
  ["POST", `${REQUEST}/resume`, 101],
  ["DELETE", REQUEST, 101],
  ["DELETE", "/v1/workflows/text/steps/words", 7],
  ["DELETE", "/v1/workflows/text/jobs/wordcount", 7],
  ["DELETE", "/v1/workflows/text/handlers/sum", 7],
] as const;

const INVALID = { code: "API_INPUT_INVALID" };

beforeEach(async () => {
  await applyText();
  await call("POST", SUBMIT, { payload: { arguments: {} } });
  cluster.calls.length = 0;
});

/** Makes the call possible. */
function prepare(url: string): void {
  if (url.endsWith("/resume")) cluster.change("r1", { state: "paused" });
  if (url === REQUEST) cluster.change("r1", { state: "failed", endedAt: "2026-01-01T00:00:09Z" });
}

test.each(CHANGES)("%s %s takes the revision in its body", async (method, url, revision) => {
  prepare(url);
  const late = await call(method, url, { payload: { revision: revision - 1 } });
  expect([late.status, late.body]).toMatchObject([412, { code: "REVISION_CHANGED" }]);
  const right = await call(method, `${url}?revision=${revision}`, {
    payload: { revision },
    headers: { "if-match": `"${revision}"` },
  });
  expect(right.status).toBe(200);
});

test.each(CHANGES)("%s %s refuses revisions that differ", async (method, url, revision) => {
  prepare(url);
  cluster.calls.length = 0;
  const payload = { revision };
  const other = String(revision + 1);
  const answers = [
    await call(method, `${url}?revision=${other}`, { payload }),
    await call(method, url, { payload, headers: { "if-match": `W/"${other}"` } }),
    await call(method, `${url}?revision=${other}`, { headers: { "if-match": `"${revision}"` } }),
  ];
  for (const { status, body } of answers) expect([status, body]).toMatchObject([400, INVALID]);
  expect(cluster.calls).toEqual([]);
});

test.each(CHANGES)("%s %s refuses whatever else its body says", async (method, url, revision) => {
  prepare(url);
  cluster.calls.length = 0;
  const wrong = [
    { nonsense: 1 },
    { revision, more: 1 },
    { revision: "1" },
    { revision: -1 },
    [],
    7,
  ];
  for (const value of wrong) {
    const payload = JSON.stringify(value);
    const { status, body } = await call(method, url, { payload, headers: JSON_TYPE });
    expect([payload, status, body]).toMatchObject([payload, 400, INVALID]);
  }
  expect(cluster.calls).toEqual([]);
});

test("If-Match: * leaves the revision to the query and the body", async () => {
  const headers = { "if-match": "*" };
  const late = await call("POST", `${REQUEST}/cancel?revision=99`, { headers });
  expect(late.status).toBe(412);
  const payload = { revision: 99 };
  expect((await call("POST", `${REQUEST}/cancel`, { headers, payload })).status).toBe(412);
});

/** Operations of the document that have no body. */
async function bodyless(): Promise<readonly { method: string; path: string }[]> {
  const { paths } = documentOf((await call("GET", "/openapi.json", { token: "" })).body);
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, operation]) =>
      "requestBody" in operation ? [] : [{ method: method.toUpperCase(), path }],
    ),
  );
}

test("every route that describes no body refuses one, and has done nothing", async () => {
  const names: Readonly<Record<string, string>> = {
    token: "0000000000000001",
    invocation: "text-2-1.r",
  };
  const all = await bodyless();
  expect(all.map(({ method, path }) => `${method} ${path}`)).toEqual(
    expect.arrayContaining(["GET /v1/nodes", "POST /v1/nodes/{node}/drain", "GET /healthz"]),
  );
  for (const { method, path } of all) {
    const url = path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => names[name] ?? "text");
    if (method !== "GET" && method !== "POST" && method !== "DELETE") throw new Error(method);
    const { status, body } = await call(method, url, { payload: { nonsense: 1 } });
    expect([method, url, status, body]).toMatchObject([method, url, 400, INVALID]);
  }
  expect(cluster.calls).toEqual([]);
});

test("a body that says nothing is none", async () => {
  for (const payload of ["", "null", "{}"]) {
    const drained = await call("POST", "/v1/nodes/n/drain", { payload, headers: JSON_TYPE });
    expect([payload, drained.status]).toEqual([payload, 200]);
    const cancelled = await call("POST", `${REQUEST}/cancel`, { payload, headers: JSON_TYPE });
    expect([payload, cancelled.status]).toEqual([payload, 200]);
  }
});

test("a body whose length nobody has said is one too, and where nothing is that is told instead", async () => {
  const chunked = { host: "localhost", "transfer-encoding": "chunked" };
  const answer = await app.inject({ method: "GET", url: "/healthz", headers: chunked });
  expect([answer.statusCode, answer.json()]).toMatchObject([400, INVALID]);
  const { status, body } = await call("POST", "/v1/nothing", { payload: { a: 1 } });
  expect([status, body]).toMatchObject([404, { code: "API_ROUTE_UNKNOWN" }]);
});
