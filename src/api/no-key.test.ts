import { beforeEach, expect, test } from "vitest";
import { applyText, call, cluster, SUBMIT } from "../../test/lib/api-kit.ts";
import { documentOf } from "../../test/lib/openapi-kit.ts";

const KEY = { "idempotency-key": "k-1" };

const RETRIES = ["/v1/requests/{request}", "/v1/workflows/{workflow}/requests/{request}"].map(
  (request) => `POST ${request}/retry`,
);
const TAKERS = ["POST /v1/workflows/{workflow}/jobs/{job}/requests", ...RETRIES];

beforeEach(async () => {
  await applyText();
});

/** Operations of the document, with the headers that each describes. */
async function operations() {
  const { paths } = documentOf((await call("GET", "/openapi.json", { token: "" })).body);
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...{ method: method.toUpperCase(), path },
      takesKey: JSON.stringify(operation).includes('"idempotency-key"'),
    })),
  );
}

test("the document describes the key where it is taken, and nowhere else", async () => {
  const takers = (await operations()).filter(({ takesKey }) => takesKey);
  expect(takers.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([...TAKERS].sort());
});

test("every route that does not describe a key refuses one, and has done nothing", async () => {
  const names: Readonly<Record<string, string>> = {
    token: "0000000000000001",
    invocation: "text-2-1.r",
  };
  const others = (await operations()).filter(({ takesKey }) => !takesKey);
  expect(others.map(({ method, path }) => `${method} ${path}`)).toEqual(
    expect.arrayContaining(["POST /v1/tokens", "PUT /v1/workflows/{workflow}", "GET /v1/nodes"]),
  );
  for (const { method, path } of others) {
    const url = path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => names[name] ?? "text");
    if (method !== "GET" && method !== "POST" && method !== "PUT" && method !== "DELETE") {
      throw new Error(method);
    }
    const { status, body } = await call(method, url, { headers: KEY });
    expect([method, url, status, body]).toMatchObject([
      ...[method, url, 400],
      { code: "API_INPUT_INVALID", details: { path: "headers.idempotency-key" } },
    ]);
  }
  expect(cluster.calls).toEqual([]);
});

test("with one key no two tokens are made", async () => {
  for (let time = 0; time < 2; time++) {
    await call("POST", "/v1/tokens", { payload: { role: "read" }, headers: KEY });
  }
  expect(cluster.tokenViews).toEqual([]);
});

test("submitting and retrying take it", async () => {
  const submitted = await call("POST", SUBMIT, { payload: { arguments: {} }, headers: KEY });
  expect(submitted.status).toBe(202);
  expect((await call("POST", "/v1/requests/r1/retry", { headers: KEY })).status).toBe(202);
});

test("who may not call learns that first, and where nothing is that is told instead", async () => {
  expect((await call("POST", "/v1/tokens", { token: "", headers: KEY })).status).toBe(401);
  expect((await call("POST", "/v1/nothing", { headers: KEY })).status).toBe(404);
});
