import { beforeEach, describe, expect, test } from "vitest";
import { applyText, call, cluster, JSON_TYPE, logged, SUBMIT } from "../../test/lib/api-kit.ts";
import { clusterFailure } from "../../test/lib/fake-cluster.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { silentLog } from "../std/log.ts";
import type { InFlightBounds } from "./in-flight.ts";
import { buildApi } from "./server.ts";

describe("requests", () => {
  beforeEach(async () => {
    await applyText();
    await call("POST", SUBMIT, { payload: { arguments: {} } });
    cluster.calls.length = 0;
  });

  test("a result is sent only where it was asked for", async () => {
    cluster.succeed("r1", [["a", 1]]);
    expect((await call("GET", "/v1/requests/r1")).body).toMatchObject({
      state: "succeeded",
      result: null,
    });
    expect((await call("GET", "/v1/requests/r1?result=true")).body).toMatchObject({
      result: { pairs: [["a", 1]] },
    });
  });

  test("a wait longer than the bound, a wrong one and a list page of none are refused", async () => {
    for (const query of [
      "wait=60001",
      "wait=-1",
      "wait=1.5",
      "wait=1&wait=2",
      "result=maybe",
      "more=1",
    ]) {
      const answer = await call("GET", `/v1/requests/r1?${query}`);
      expect([query, answer.status]).toEqual([query, 400]);
    }
    expect((await call("GET", "/v1/workflows/text/requests?limit=0")).status).toBe(400);
    expect(cluster.calls).toEqual([]);
  });

  test("the caller's deadline is passed on, and a wait adds to it", async () => {
    const headers = { "jobx-deadline-ms": "2500" };
    cluster.succeed("r1", []);
    await call("GET", "/v1/requests/r1?wait=60000", { headers });
    const [told] = cluster.calls;
    expect(told).toMatchObject({ input: { waitMs: 60_000 } });
    // Looking at the token took some of it.
    expect(told?.deadlineMs).toBeLessThanOrEqual(62_500);
    expect(told?.deadlineMs).toBeGreaterThan(60_000);
    const wrong = await call("GET", "/v1/requests/r1", { headers: { "jobx-deadline-ms": "0" } });
    expect(wrong.body).toMatchObject({ code: "API_INPUT_INVALID" });
  });

  test("an answer from the node's own copy says how old that may be, and no other answer does", async () => {
    const paths = ["/v1/requests/r1", "/v1/requests/r1/attempts", "/v1/requests/r1/why"];
    for (const path of [...paths, "/v1/workflows/text/requests"]) {
      const stale = await call("GET", `${path}?stale=true`);
      expect([path, stale.status]).toEqual([path, 200]);
      expect(stale.headers["jobx-age-ms"]).toBe("1250");
      expect(cluster.calls.at(-1)?.stale).toBe(true);
      const fresh = await call("GET", path);
      expect(fresh.headers["jobx-age-ms"]).toBeUndefined();
      expect(cluster.calls.at(-1)?.stale).toBe(false);
    }
    for (const list of ["/v1/workflows", "/v1/tokens", "/v1/tickets"]) {
      const stale = await call("GET", `${list}?stale=true`);
      expect([list, stale.status, stale.headers["jobx-age-ms"]]).toEqual([list, 200, "unknown"]);
      expect(cluster.calls.at(-1)?.stale).toBe(true);
    }
    const missing = await call("GET", "/v1/requests/r9?stale=true");
    expect([missing.status, missing.headers["jobx-age-ms"]]).toEqual([404, undefined]);
  });

  test.each([
    ["stale", true],
    ["stale=", true],
    ["stale=1", true],
    ["stale=true", true],
    ["stale=0", false],
    ["stale=false", false],
  ])("?%s means what it says", async (query, stale) => {
    const answer = await call("GET", `/v1/requests/r1?${query}`);
    expect([answer.status, cluster.calls.at(-1)?.stale]).toEqual([200, stale]);
    expect(answer.headers["jobx-age-ms"]).toBe(stale ? "1250" : undefined);
  });

  test("cancel, resume, list and attempts answer", async () => {
    expect((await call("POST", "/v1/requests/r1/resume")).status).toBe(409);
    cluster.change("r1", { state: "paused" });
    expect(
      (await call("POST", "/v1/requests/r1/resume", { headers: JSON_TYPE, payload: "" })).body,
    ).toMatchObject({
      state: "running",
    });
    expect((await call("POST", "/v1/requests/r1/cancel")).body).toMatchObject({
      state: "cancelled",
    });
    expect((await call("GET", "/v1/workflows/text/requests?limit=5")).body).toMatchObject({
      requests: [{ request: "r1" }],
    });
    expect((await call("GET", "/v1/requests/r1/attempts?limit=5")).body).toEqual({
      attempts: [],
      truncated: false,
      forgotten: 0,
    });
    expect((await call("GET", "/v1/requests/nope")).body).toMatchObject({
      code: "REQUEST_UNKNOWN",
    });
  });

  test("what a running attempt has printed is answered after the places that the caller has", async () => {
    cluster.outputs.set("5-0-n", { state: "running", stdout: "one\ntwo\n", stderr: "bad\n" });
    const path = "/v1/requests/r1/attempts/5-0-n/output";
    expect((await call("GET", path)).body).toEqual({
      state: "running",
      stdout: { from: 0, to: 8, text: "one\ntwo\n" },
      stderr: { from: 0, to: 4, text: "bad\n" },
    });
    const next = await call("GET", `${path}?stdout=4&stderr=4`);
    expect(next.body).toMatchObject({ stdout: { text: "two\n" }, stderr: { text: "" } });
    expect((await call("GET", `${path}?stdout=-1`)).body).toMatchObject({
      code: "API_INPUT_INVALID",
    });
    const unknown = await call("GET", "/v1/requests/r1/attempts/6-0-n/output");
    expect([unknown.status, unknown.body]).toMatchObject([404, { code: "ATTEMPT_UNKNOWN" }]);
  });
});

describe("what goes wrong", () => {
  test.each([
    ["COMMAND_NOT_ACCEPTED", 503],
    ["NO_MAJORITY", 503],
    ["COMMAND_OUTCOME_UNKNOWN", 504],
    ["COMMAND_QUEUE_FULL", 429],
  ])("%s is %d and says when to come back", async (code, status) => {
    cluster.failures.push(clusterFailure(code, { why: "a reason" }));
    const answer = await call("GET", "/v1/nodes");
    expect(answer).toMatchObject({ status, body: { code, details: { why: "a reason" } } });
    expect(answer.headers["retry-after"]).toBe("1");
  });

  test("an error that nobody expected is logged and not shown", async () => {
    cluster.failures.push(new TypeError("secret inside"));
    const answer = await call("GET", "/v1/nodes");
    expect(answer).toMatchObject({ status: 500, body: { code: "API_INTERNAL", details: {} } });
    expect(JSON.stringify(answer.body)).not.toContain("secret");
    expect(logged).toHaveLength(1);
  });

  test("an operating error without a status keeps its code and is logged", async () => {
    cluster.failures.push(clusterFailure("SOMETHING_NEW"));
    expect(await call("GET", "/v1/nodes")).toMatchObject({
      status: 500,
      body: { code: "SOMETHING_NEW" },
    });
    expect(logged).toHaveLength(1);
  });

  test.each(["/", "/v1", "/v1/none", "/v2/nodes", "/v1/nodes/"])("%s is not there", async (url) => {
    expect(await call("GET", url)).toMatchObject({
      status: 404,
      body: { code: "API_ROUTE_UNKNOWN" },
    });
  });

  test("a malformed URL is a coded error", async () => {
    expect(await call("GET", "/v1/workflows/%zz")).toMatchObject({
      status: 400,
      body: { code: "API_URL_INVALID" },
    });
  });

  const small = (bounds: InFlightBounds) => {
    const rules = { listenHost: "127.0.0.1", hostNames: [] };
    return buildApi({ cluster, log: silentLog, rules, bounds });
  };
  const headers = { host: "localhost", authorization: `Bearer ${TOKENS.admin}` };

  test("more calls than the bound are refused, places are given back, and probes are always answered", async () => {
    const own = await small({ callsMax: 1 });
    await applyText();
    await call("POST", SUBMIT, { payload: { arguments: {} } });
    const waiting = own.inject({ url: "/v1/requests/r1?wait=20000", headers });
    await expect.poll(() => cluster.waits).toBe(1);
    const refused = await own.inject({ url: "/v1/nodes", headers });
    expect([refused.statusCode, refused.json()]).toMatchObject([429, { code: "API_BUSY" }]);
    expect(refused.headers["retry-after"]).toBe("1");
    expect((await own.inject({ url: "/healthz", headers })).statusCode).toBe(200);
    expect((await own.inject({ url: "/readyz", headers })).statusCode).toBe(200);
    cluster.succeed("r1", []);
    expect((await waiting).statusCode).toBe(200);
    expect((await own.inject({ url: "/v1/nodes", headers })).statusCode).toBe(200);
    await own.close();
  });

  test("waits and streams leave places to short calls; who may not wait has submitted nothing", async () => {
    const own = await small({ callsMax: 3, waitsMax: 1 });
    await applyText();
    await call("POST", SUBMIT, { payload: { arguments: {} } });
    const waiting = own.inject({ url: "/v1/requests/r1?wait=20000", headers });
    await expect.poll(() => cluster.waits).toBe(1);
    cluster.calls.length = 0;
    const submit = { method: "POST", headers, payload: { arguments: {} } } as const;
    for (const asked of [
      { url: "/v1/requests/r1?wait=1", headers },
      { url: "/v1/requests/r1/events", headers },
      { url: "/v1/workflows/text/events", headers },
      { url: `${SUBMIT}?wait=1`, ...submit },
    ]) {
      const refused = await own.inject(asked);
      expect([asked.url, refused.statusCode, refused.json()]).toMatchObject([
        asked.url,
        429,
        { code: "API_WAITS_FULL", details: { waitsMax: 1 } },
      ]);
      expect(refused.headers["retry-after"]).toBe("1");
    }
    expect(cluster.calls).toEqual([]);
    expect((await own.inject({ url: SUBMIT, ...submit })).statusCode).toBe(202);
    cluster.succeed("r1", []);
    expect((await waiting).statusCode).toBe(200);
    expect((await own.inject({ url: "/v1/requests/r1?wait=1", headers })).statusCode).toBe(200);
    await own.close();
  });
});
