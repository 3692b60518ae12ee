import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { app, applyText, call, cluster, STEPS, SUBMIT } from "../../test/lib/api-kit.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { documentOf, schemaOf, specOf } from "../../test/lib/openapi-kit.ts";

const METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH"] as const;

/** Fastify's own list: a tree of path parts, with the methods behind the last part. */
function routesOf(tree: string): readonly string[] {
  const routes: string[] = [];
  const parts: string[] = [];
  for (const line of tree.split("\n")) {
    const match = /^(?<indent>[│├└─\s]*)(?<path>\S+)(?: \((?<methods>[A-Z, ]+)\))?$/u.exec(line);
    const { indent = "", path: part = "", methods = "" } = match?.groups ?? {};
    parts.length = Math.max(0, indent.length / 4 - 1);
    parts.push(part);
    for (const method of methods.split(", ")) {
      // Where two routes name one place differently, the tree has both names.
      const path = parts.join("").replaceAll(/:\w+(?:\|:\w+)*/gu, ":");
      if (method !== "" && method !== "HEAD") routes.push(`${method} ${path}`);
    }
  }
  return routes;
}

const document = async () => documentOf((await call("GET", "/openapi.json", { token: "" })).body);

describe("the document", () => {
  test("is valid OpenAPI 3.1", async () => {
    const validator = new Validator();
    const answer = await call("GET", "/openapi.json", { token: "" });
    const result = await validator.validate(specOf(answer.body));
    expect(result.errors ?? []).toEqual([]);
    expect([result.valid, validator.version]).toEqual([true, "3.1"]);
  });

  test("has every route of the server and no other", async () => {
    const added = routesOf(app.printRoutes({ commonPrefix: false }));
    expect(added.length).toBeGreaterThan(15);
    const told = Object.entries((await document()).paths).flatMap(([path, operations]) =>
      Object.keys(operations).map(
        (method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/gu, ":")}`,
      ),
    );
    expect(told.sort()).toEqual([...added].sort());
  });

  test("says of every route under /v1 that it wants a token, and that is so", async () => {
    for (const [path, operations] of Object.entries((await document()).paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        if (!path.startsWith("/v1/")) continue;
        expect([path, method, operation.security]).toEqual([path, method, [{ token: [] }]]);
        const answer = await app.inject({
          method: METHODS.find((one) => one.toLowerCase() === method) ?? "GET",
          url: path.replaceAll(/\{\w+\}/gu, "x"),
          headers: { host: "localhost" },
        });
        expect([path, answer.statusCode, answer.headers["www-authenticate"]]).toEqual([
          path,
          401,
          "Bearer",
        ]);
      }
    }
  });
});

describe("answers are what the document says", () => {
  const check = async (
    method: "GET" | "PUT" | "POST" | "DELETE",
    at: { readonly path: string; readonly url: string; readonly payload?: object },
  ): Promise<unknown> => {
    const payload = at.payload === undefined ? {} : { payload: at.payload };
    const answer = await call(method, at.url, payload);
    const schema = schemaOf(await document(), { method, path: at.path, status: answer.status });
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
    validate(answer.body);
    expect([at.url, answer.status, validate.errors]).toEqual([at.url, answer.status, null]);
    return answer.body;
  };

  test("for each area, with failures", async () => {
    await applyText();
    await check("GET", { path: "/healthz", url: "/healthz" });
    await check("GET", { path: "/readyz", url: "/readyz" });
    await check("GET", { path: "/v1/nodes", url: "/v1/nodes" });
    await check("POST", { path: "/v1/tickets", url: "/v1/tickets" });
    await check("POST", { path: "/v1/tickets", url: "/v1/tickets", payload: { uses: 0 } });
    await check("GET", { path: "/v1/workflows", url: "/v1/workflows" });
    await check("PUT", {
      path: "/v1/workflows/{workflow}",
      url: "/v1/workflows/text",
      payload: { steps: STEPS },
    });
    const show = "/v1/workflows/{workflow}";
    await check("GET", { path: show, url: "/v1/workflows/text" });
    await check("GET", { path: show, url: "/v1/workflows/none" });
    const submit = "/v1/workflows/{workflow}/jobs/{job}/requests";
    await check("POST", { path: submit, url: SUBMIT, payload: { arguments: { a: 1 } } });
    await check("POST", { path: submit, url: `${SUBMIT}?wait=1`, payload: { arguments: {} } });
    await check("POST", { path: submit, url: SUBMIT, payload: { arguments: {}, wait: 1 } });
    await check("POST", { path: submit, url: SUBMIT, payload: { arguments: 7 } });
    cluster.fail("r1", {});
    cluster.succeed("r2", [["a", 1]]);
    await check("GET", { path: "/v1/requests/{request}", url: "/v1/requests/r1" });
    await check("GET", { path: "/v1/requests/{request}", url: "/v1/requests/r2?result=true" });
    await check("GET", { path: "/v1/requests/{request}", url: "/v1/requests/none" });
    await check("POST", { path: "/v1/requests/{request}/cancel", url: "/v1/requests/r2/cancel" });
    await check("GET", {
      path: "/v1/workflows/{workflow}/requests",
      url: "/v1/workflows/text/requests",
    });
    const request = "/v1/requests/{request}";
    await check("GET", { path: `${request}/result`, url: "/v1/requests/r2/result" });
    await check("POST", { path: `${request}/retry`, url: "/v1/requests/r1/retry" });
    await check("GET", { path: `${request}/attempts`, url: "/v1/requests/r1/attempts" });
    await check("GET", { path: `${request}/why`, url: "/v1/requests/r1/why" });
    await check("GET", {
      path: "/v1/workflows/{workflow}/requests/{request}",
      url: "/v1/workflows/text/requests/r1",
    });
    await check("DELETE", { path: request, url: "/v1/requests/r1" });
    const entities = "/v1/workflows/{workflow}";
    for (const plural of ["steps", "jobs", "handlers"]) {
      const url = `/v1/workflows/text/${plural}`;
      await check("GET", { path: `${entities}/${plural}`, url });
    }
    const step = { map: "m", reduce: "r" };
    await check("POST", {
      path: `${entities}/steps`,
      url: "/v1/workflows/text/steps",
      payload: { name: "lines", ...step },
    });
    const one = { path: `${entities}/steps/{name}`, url: "/v1/workflows/text/steps/lines" };
    await check("GET", one);
    await check("PUT", { ...one, payload: step });
    await check("DELETE", one);
    await check("GET", {
      path: `${entities}/jobs/{name}`,
      url: "/v1/workflows/text/jobs/wordcount",
    });
    await check("POST", {
      path: "/v1/workflows",
      url: "/v1/workflows",
      payload: { workflow: "fresh" },
    });
    await check("DELETE", { path: show, url: "/v1/workflows/text" });
    await check("POST", { path: "/v1/tokens", url: "/v1/tokens", payload: { role: "read" } });
    await check("GET", { path: "/v1/tokens", url: "/v1/tokens" });
  });

  test("the check notices a field that is not described", async () => {
    const schema = schemaOf(await document(), { method: "GET", path: "/healthz", status: 200 });
    const validate = new Ajv2020({ strict: false }).compile(schema);
    expect(validate({ status: "ok" })).toBe(true);
    expect(validate({ status: "ok", more: 1 })).toBe(false);
    expect(validate({})).toBe(false);
  });
});

describe("tokens", () => {
  test("a token is told once, listed without its text, and revoked", async () => {
    const made = await call("POST", "/v1/tokens", {
      payload: { name: "ci", role: "submit", workflows: ["text"] },
    });
    expect(made).toMatchObject({ status: 201, body: { name: "ci", role: "submit" } });
    expect(JSON.stringify((await call("GET", "/v1/tokens")).body)).not.toContain("jobx_");
    const id = "0000000000000001";
    expect((await call("DELETE", `/v1/tokens/${id}`)).body).toEqual({ id });
    expect(await call("DELETE", `/v1/tokens/${id}`)).toMatchObject({
      status: 404,
      body: { code: "TOKEN_UNKNOWN" },
    });
  });

  test.each([
    [{}],
    [{ role: "root" }],
    [{ role: "read", workflows: [] }],
    [{ role: "read", workflows: ["a-b"] }],
    [{ role: "read", name: "n".repeat(129) }],
    [{ role: "read", more: 1 }],
  ])("%j makes no token", async (payload) => {
    const answer = await call("POST", "/v1/tokens", { payload });
    expect(answer).toMatchObject({ status: 400, body: { code: "API_INPUT_INVALID" } });
    expect(cluster.tokenViews).toEqual([]);
  });

  test("one that is limited to a workflow may do there what its role allows, and nothing else", async () => {
    const token = TOKENS.limited;
    await applyText();
    await call("PUT", "/v1/workflows/other", { payload: { steps: STEPS } });
    const submitted = await call("POST", SUBMIT, { token, payload: { arguments: {} } });
    expect(submitted.status).toBe(202);
    expect((await call("GET", "/v1/requests/r1", { token })).status).toBe(200);
    cluster.change("r1", { workflow: "other" });
    const refused = [
      ["GET", "/v1/requests/r1"],
      ["POST", "/v1/requests/r1/cancel"],
      ["GET", "/v1/workflows/other"],
      ["DELETE", "/v1/workflows/other"],
      ["PUT", "/v1/workflows/brand_new"],
      ["POST", "/v1/tickets"],
      ["GET", "/v1/tokens"],
      ["POST", "/v1/tokens"],
    ] as const;
    for (const [method, url] of refused) {
      const answer = await call(method, url, { token });
      expect([url, answer.status, answer.body]).toMatchObject([
        url,
        403,
        { code: "API_WORKFLOW_REFUSED" },
      ]);
    }
    const seen = await call("GET", "/v1/workflows", { token });
    expect(seen.body).toMatchObject({ workflows: [{ workflow: "text" }] });
    expect(await call("GET", "/v1/requests/unknown", { token })).toMatchObject({ status: 404 });
  });
});
