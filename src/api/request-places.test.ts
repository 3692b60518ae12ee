import { beforeEach, describe, expect, test } from "vitest";
import { app, applyText, call, cluster, SUBMIT } from "../../test/lib/api-kit.ts";
import { invocationNamed } from "../../test/lib/fake-invocations.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { documentOf } from "../../test/lib/openapi-kit.ts";

const SHORT = "/v1/requests/{request}";
const LONG = "/v1/workflows/{workflow}/requests/{request}";
const INVOCATION = "text-7-1.r";

/** What follows the place of a request, with what the fake answers when all goes well. */
const ROUTES = [
  ["DELETE", "", 200],
  ["GET", "", 200],
  ["GET", "/attempts", 200],
  ["GET", "/attempts/{attempt}/output", 200],
  ["GET", "/events", 200],
  ["GET", "/invocations", 200],
  ["GET", "/invocations/{invocation}", 200],
  ["GET", "/result", 200],
  ["GET", "/why", 200],
  ["POST", "/cancel", 200],
  ["POST", "/resume", 409],
  ["POST", "/retry", 202],
] as const;

const METHODS = { GET: "GET", POST: "POST", DELETE: "DELETE" } as const;

beforeEach(async () => {
  await applyText();
  await call("POST", SUBMIT, { payload: { arguments: {} } });
  cluster.succeed("r1", [["a", 1]]);
  cluster.outputs.set("live-1", { stdout: "text", stderr: "", state: "running" });
  cluster.invocations.views.push(invocationNamed(INVOCATION, {}));
  cluster.calls.length = 0;
});

/** The path of the request `r1`. */
function urlOf(path: string, workflow: string): string {
  const names = { workflow, request: "r1", attempt: "live-1", invocation: INVOCATION };
  return Object.entries(names).reduce(
    (url, [name, value]) => url.replace(`{${name}}`, value),
    path,
  );
}

test("the document has every route of a request in both places, and these are all", async () => {
  const { paths } = documentOf((await call("GET", "/openapi.json", { token: "" })).body);
  const under = (place: string): readonly string[] =>
    Object.entries(paths).flatMap(([path, operations]) =>
      path.startsWith(place)
        ? Object.keys(operations).map((one) => `${one.toUpperCase()} ${path.slice(place.length)}`)
        : [],
    );
  const all = ROUTES.map(([method, rest]) => `${method} ${rest}`);
  expect([...under(SHORT)].sort()).toEqual(all);
  expect([...under(LONG)].sort()).toEqual(all);
});

describe.each(ROUTES)("%s …%s", (method, rest, status) => {
  test("is the same in both places", async () => {
    const short = await call(METHODS[method], urlOf(SHORT + rest, "text"));
    const called = cluster.calls.map(({ method: name, input }) => ({ name, input }));
    cluster.calls.length = 0;
    if (method === "DELETE") {
      await call("POST", SUBMIT, { payload: { arguments: {} } });
      cluster.succeed("r1", [["a", 1]]);
      cluster.calls.length = 0;
    }
    const long = await call(METHODS[method], urlOf(LONG + rest, "text"));
    expect([short.status, long.status]).toEqual([status, status]);
    if (rest !== "/retry") expect(long.body).toEqual(short.body);
    expect(cluster.calls.map(({ method: name, input }) => ({ name, input }))).toEqual(called);
    expect(called).toHaveLength(1);
  });

  test("knows no request of another workflow", async () => {
    const { status: found, body } = await call(METHODS[method], urlOf(LONG + rest, "other"));
    expect([found, body]).toMatchObject([404, { code: "REQUEST_UNKNOWN" }]);
    expect(cluster.calls).toEqual([]);
  });

  test("is for tokens of the request's workflow, wherever it is named", async () => {
    cluster.change("r1", { workflow: "other" });
    for (const path of [SHORT, LONG]) {
      for (const workflow of ["text", "other"]) {
        const url = urlOf(path + rest, workflow);
        const { status: found, body } = await call(METHODS[method], url, { token: TOKENS.limited });
        expect([url, found, body]).toMatchObject([url, 403, { code: "API_WORKFLOW_REFUSED" }]);
      }
    }
    expect(cluster.calls).toEqual([]);
  });
});

test("a request that is followed under its workflow is followed alone", async () => {
  const headers = { host: "localhost", authorization: `Bearer ${TOKENS.read}` };
  const url = `${urlOf(LONG, "text")}/events?after=1`;
  const { statusCode } = await app.inject({ method: "GET", url, headers });
  expect(statusCode).toBe(200);
  expect(cluster.calls).toMatchObject([{ input: { of: { request: "r1" }, after: 1 } }]);
});

test("under a workflow a path is held against what is a name, as everywhere", async () => {
  const { status, body } = await call("GET", "/v1/workflows/a-b/requests/r1");
  expect([status, body]).toMatchObject([400, { code: "API_INPUT_INVALID" }]);
});
