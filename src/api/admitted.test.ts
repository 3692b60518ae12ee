/** Submissions behind a gate that refuses the workflow `text` when a test says so. */
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { applyText, cluster, SUBMIT } from "../../test/lib/api-kit.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { silentLog } from "../std/log.ts";
import { buildApi } from "./server.ts";
import type { Turn } from "./submission-gate.ts";

const ADMITTED: Turn = { kind: "admitted", waitMs: 0 };

let turn: Turn;
let asked: string[];
let app: FastifyInstance;

const gate = {
  ask: (workflow: string): Turn => {
    asked.push(workflow);
    return workflow === "text" ? turn : ADMITTED;
  },
};

beforeAll(async () => {
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  app = await buildApi({ cluster, log: silentLog, rules, legacyWorkflows: ["text"], gate });
});

afterAll(() => app.close());

beforeEach(async () => {
  turn = ADMITTED;
  asked = [];
  cluster.reset();
  await applyText();
});

async function post(url: string, options: { payload?: string; token?: string; ms?: number } = {}) {
  const { payload = '{"arguments":{}}', token = TOKENS.admin, ms } = options;
  const answer = await app.inject({
    method: "POST",
    url,
    payload,
    headers: {
      host: "localhost",
      "content-type": "application/json",
      ...(token === "" ? {} : { authorization: `Bearer ${token}` }),
      ...(ms === undefined ? {} : { "jobx-deadline-ms": String(ms) }),
    },
  });
  const body: unknown = JSON.parse(answer.body);
  return { status: answer.statusCode, body, later: answer.headers["retry-after"] };
}

const submitted = () => cluster.calls.filter(({ method }) => ["submit", "retry"].includes(method));

test.each([
  ["a submission", SUBMIT],
  ["one that waits", `${SUBMIT}?wait=1000`],
  ["one of the old form", "/job/text/wordcount"],
  ["a retry", "/v1/workflows/text/requests/r1/retry"],
  ["a retry by the id alone", "/v1/requests/r1/retry"],
])(
  "%s to the workflow that is held is refused with the time to come back, and nothing is submitted",
  async (_what, url) => {
    await post(SUBMIT);
    cluster.calls.length = 0;
    asked = [];
    turn = { kind: "refused", awayS: 7 };
    expect(await post(url, url.endsWith("/retry") ? { payload: "{}" } : {})).toMatchObject({
      status: 429,
      later: "7",
      body: { code: "API_OVERLOADED", details: { workflow: "text", retryAfterS: 7 } },
    });
    expect(asked).toEqual(["text"]);
    expect(submitted()).toEqual([]);
  },
);

test("another workflow is served meanwhile", async () => {
  turn = { kind: "refused", awayS: 7 };
  expect(await post(SUBMIT.replace("text", "other"))).toMatchObject({ status: 404 });
  expect(asked).toEqual(["other"]);
  expect(submitted()).toHaveLength(1);
});

test("nothing of the body is looked at before, and nobody without a token is asked for", async () => {
  turn = { kind: "refused", awayS: 1 };
  expect(await post(SUBMIT, { payload: "{" })).toMatchObject({ status: 429 });
  asked = [];
  expect(await post(SUBMIT, { token: "" })).toMatchObject({ status: 401 });
  expect(await post(SUBMIT, { token: TOKENS.read })).toMatchObject({ status: 403 });
  expect(asked).toEqual([]);
});

test("who has to wait for a turn is served after that", async () => {
  turn = { kind: "admitted", waitMs: 30 };
  expect(await post(SUBMIT)).toMatchObject({ status: 202 });
  expect(submitted()).toHaveLength(1);
});

test("who has less time than the turn takes is told at once", async () => {
  turn = { kind: "admitted", waitMs: 60_000 };
  expect(await post(SUBMIT, { ms: 60_000 })).toMatchObject({
    status: 429,
    later: "1",
    body: { code: "API_OVERLOADED" },
  });
  expect(submitted()).toEqual([]);
});

test("a node that stops lets nobody wait for a turn", async () => {
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  const own = await buildApi({ cluster, log: silentLog, rules, gate });
  turn = { kind: "admitted", waitMs: 60_000 };
  const headers = { host: "localhost", authorization: `Bearer ${TOKENS.admin}` };
  const payload = { arguments: {} };
  const late = { ...headers, "jobx-deadline-ms": "120000" };
  const waiting = own.inject({ method: "POST", url: SUBMIT, headers: late, payload });
  await expect.poll(() => asked.length, { timeout: 20_000 }).toBe(1);
  await own.close();
  const answer = await waiting;
  expect([answer.statusCode, answer.json()]).toMatchObject([503, { code: "API_STOPPING" }]);
  expect(submitted()).toEqual([]);
});
