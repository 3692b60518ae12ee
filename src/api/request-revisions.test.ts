import { beforeEach, expect, test } from "vitest";
import { applyText, call, cluster, SUBMIT } from "../../test/lib/api-kit.ts";

const PATH = "/v1/requests/r1";
const CHANGES = [
  ["POST", `${PATH}/cancel`, "cancel"],
  ["POST", `${PATH}/resume`, "resume"],
  ["DELETE", PATH, "deleteRequest"],
] as const;

beforeEach(async () => {
  await applyText();
  await call("POST", SUBMIT, { payload: { arguments: {} } });
  cluster.calls.length = 0;
});

test("a request and its list show its revision, which is also its ETag", async () => {
  const one = await call("GET", PATH);
  expect(one.body).toMatchObject({ revision: 100 });
  expect(one.headers["etag"]).toBe('W/"100"');
  const { body } = await call("GET", "/v1/workflows/text/requests");
  expect(body).toMatchObject({ requests: [{ revision: 100 }] });
  const cancelled = await call("POST", `${PATH}/cancel`, { headers: { "if-match": '"100"' } });
  expect([cancelled.status, cancelled.headers["etag"]]).toEqual([200, 'W/"101"']);
});

test("progress leaves the revision and the ETag; an event has the revision that a change may expect", async () => {
  cluster.change("r1", { steps: { words: { total: 4, done: 3, failed: 0 } } });
  const { body, headers } = await call("GET", PATH);
  expect(body).toMatchObject({ revision: 100, steps: { words: { done: 3 } } });
  expect(headers["etag"]).toBe('W/"100"');
  expect(cluster.stream).toMatchObject([{ kind: "request", number: 1000, revision: 100 }]);
  expect((await call("POST", `${PATH}/cancel?revision=1000`)).status).toBe(412);
  expect((await call("POST", `${PATH}/cancel?revision=100`)).status).toBe(200);
});

test.each(CHANGES)(
  "%s %s is for the revision that the caller has seen",
  async (method, url, name) => {
    cluster.change("r1", {
      state: name === "resume" ? "paused" : "failed",
      endedAt: "2026-01-01T00:00:09Z",
    });
    const ways = [
      ["", { "if-match": '"100"' }],
      ["", { "if-match": 'W/"100"' }],
      ["", { "if-match": "100" }],
      ["?revision=100", {}],
    ] as const;
    for (const [query, headers] of ways) {
      const { status, body } = await call(method, url + query, { headers });
      expect([status, body]).toMatchObject([412, { code: "REVISION_CHANGED" }]);
    }
    const right = await call(method, url, { headers: { "if-match": 'W/"101"' } });
    expect(right.status).toBe(200);
    const told = cluster.calls.filter((one) => one.method === name).map(({ input }) => input);
    expect(told).toEqual([100, 100, 100, 100, 101].map((revision) => ({ id: "r1", revision })));
  },
);

test.each(CHANGES)("%s %s takes any revision where none is said", async (method, url, name) => {
  cluster.change("r1", {
    state: name === "resume" ? "paused" : "failed",
    endedAt: "2026-01-01T00:00:09Z",
  });
  const { status } = await call(method, url, { headers: { "if-match": "*" } });
  expect(status).toBe(200);
  expect(cluster.calls.at(-1)?.input).toEqual({ id: "r1", revision: undefined });
});

test.each(CHANGES)("%s %s refuses what is no revision", async (method, url) => {
  for (const match of ["W/1", 'w/"1"', "W/*", '"1', "abc", "-1", '"1", "2"']) {
    expect((await call(method, url, { headers: { "if-match": match } })).status).toBe(400);
  }
  expect((await call(method, `${url}?revision=x`)).status).toBe(400);
  expect(cluster.calls).toEqual([]);
});
