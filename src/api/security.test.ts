/** What every route of the API keeps to, whichever it is: docs/security.md promises it. */
import { describe, expect, test } from "vitest";
import { app, call } from "../../test/lib/api-kit.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { documentOf } from "../../test/lib/openapi-kit.ts";

const METHODS = ["GET", "PUT", "POST", "DELETE"] as const;

interface Route {
  readonly method: (typeof METHODS)[number];
  readonly url: string;
}

/** All routes, with something in the place of each parameter. */
async function routes(): Promise<readonly Route[]> {
  const { body } = await call("GET", "/openapi.json", { token: "" });
  return Object.entries(documentOf(body).paths).flatMap(([path, operations]) =>
    METHODS.filter((method) => Object.hasOwn(operations, method.toLowerCase())).map((method) => ({
      method,
      url: path.replaceAll(/\{\w+\}/gu, "x"),
    })),
  );
}

/** Status and code of a call with these headers. */
async function ask({ method, url }: Route, headers: Record<string, string>): Promise<unknown> {
  const { statusCode, headers: answered, body } = await app.inject({ method, url, headers });
  expect(Object.keys(answered).filter((name) => name.startsWith("access-control"))).toEqual([]);
  const json: unknown = JSON.parse(body);
  const code = typeof json === "object" && json !== null && "code" in json ? json.code : undefined;
  return [method, url, statusCode, code];
}

const bearer = (token: string) => ({ host: "localhost", authorization: `Bearer ${token}` });

describe("every route", () => {
  test("refuses a name that is not this node's, whatever token comes with it", async () => {
    const all = await routes();
    expect(all.length).toBeGreaterThan(40);
    expect(all.map(({ url }) => url)).toEqual(
      expect.arrayContaining(["/metrics", "/healthz", "/readyz", "/v1/requests/x/events"]),
    );
    for (const one of all) {
      const headers = { ...bearer(TOKENS.admin), host: "evil.example" };
      const { method, url } = one;
      expect(await ask(one, headers)).toEqual([method, url, 403, "API_HOST_REFUSED"]);
    }
  });

  test("refuses a page from elsewhere, whatever token comes with it, and allows no other origin", async () => {
    for (const one of await routes()) {
      const { method, url } = one;
      for (const origin of ["https://evil.example", "null", "http://localhost:1"]) {
        const headers = { ...bearer(TOKENS.admin), origin };
        expect(await ask(one, headers)).toEqual([method, url, 403, "API_ORIGIN_REFUSED"]);
      }
    }
  });

  test("that is no GET refuses a token that may only read", async () => {
    for (const one of (await routes()).filter(({ method }) => method !== "GET")) {
      const { method, url } = one;
      const answer = await ask(one, bearer(TOKENS.read));
      expect(answer).toEqual([method, url, 403, "API_ROLE_INSUFFICIENT"]);
    }
  });

  test("but those for files refuses the token of a handler", async () => {
    const others = (await routes()).filter(({ url }) => !url.includes("/fs/"));
    const guarded = others.filter(({ url }) => url.startsWith("/v1/") || url === "/metrics");
    expect(guarded.length).toBeGreaterThan(20);
    for (const one of guarded) {
      const answer = await ask(one, bearer(TOKENS.handler));
      expect(answer).toEqual([one.method, one.url, 403, "API_ROLE_INSUFFICIENT"]);
    }
  });

  test("about the keys of sealed volumes refuses all but admins, also the token of a handler", async () => {
    const secret = (await routes()).filter(({ url }) => url.includes("/fs/key/"));
    expect(secret.map(({ url }) => url).sort()).toEqual([
      "/v1/workflows/x/fs/key/export",
      "/v1/workflows/x/fs/key/restore",
    ]);
    for (const one of secret) {
      for (const token of [TOKENS.read, TOKENS.submit, TOKENS.handler]) {
        expect(await ask(one, bearer(token))).toMatchObject({ 2: 403 });
      }
      expect(await ask(one, bearer(TOKENS.admin))).not.toMatchObject({ 2: 403 });
    }
  });

  test("about secrets refuses all but admins, also the token of a handler", async () => {
    const secret = (await routes()).filter(({ url }) => url.includes("/secrets"));
    expect(secret.map(({ method }) => method).sort()).toEqual(["DELETE", "GET", "PUT"]);
    for (const one of secret) {
      for (const token of [TOKENS.read, TOKENS.submit, TOKENS.handler]) {
        expect(await ask(one, bearer(token))).toMatchObject({ 2: 403 });
      }
      expect(await ask(one, bearer(TOKENS.admin))).not.toMatchObject({ 2: 403 });
    }
  });

  test("about tokens and tickets refuses all but admins of the whole cluster", async () => {
    const secret = (await routes()).filter(({ url }) => /^\/v1\/(?:tokens|tickets)/u.test(url));
    expect(secret.length).toBeGreaterThan(5);
    for (const one of secret) {
      for (const token of [TOKENS.read, TOKENS.submit, TOKENS.limited]) {
        expect(await ask(one, bearer(token))).toMatchObject({ 2: 403 });
      }
    }
  });
});
