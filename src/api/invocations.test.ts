import { beforeEach, describe, expect, test } from "vitest";
import { applyText, call, cluster, SUBMIT } from "../../test/lib/api-kit.ts";
import { invocationNamed } from "../../test/lib/fake-invocations.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";

const ID = "text-7-1";
const WAYS = ["/v1/requests/r1/invocations", "/v1/workflows/text/requests/r1/invocations"] as const;

beforeEach(async () => {
  await applyText();
  await call("POST", SUBMIT, { payload: { arguments: {} } });
  cluster.invocations.views.push(
    invocationNamed(`${ID}.r`, { children: 2, state: "done" }),
    invocationNamed(`${ID}.r.0`, { parent: `${ID}.r`, state: "failed", errorCode: "X" }),
    invocationNamed(`${ID}.r~0`, { parent: `${ID}.r`, phase: "reduce", part: 0 }),
  );
  cluster.calls.length = 0;
});

describe.each(WAYS)("%s", (path) => {
  test("is a page, and says where the next one begins", async () => {
    const first = await call("GET", `${path}?limit=2`);
    expect(first.body).toMatchObject({
      invocations: [{ invocation: `${ID}.r`, children: 2 }, { errorCode: "X" }],
      next: `${ID}.r.0`,
    });
    const second = await call("GET", `${path}?limit=2&after=${ID}.r.0`);
    expect(second.body).toMatchObject({ invocations: [{ part: 0 }], next: null });
    expect(JSON.stringify(second.body)).not.toContain("traceback");
  });

  test("passes on what it is asked for", async () => {
    const query = `step=lines&state=running,waiting&parent=${ID}.r&after=${ID}.r.1&stale=true`;
    const answer = await call("GET", `${path}?${query}`);
    expect([answer.status, answer.headers["jobx-age-ms"]]).toEqual([200, "1250"]);
    expect(cluster.calls).toMatchObject([
      {
        method: "invocations",
        stale: true,
        input: {
          ...{ id: "r1", limit: 50, step: "lines", states: ["waiting", "running"] },
          ...{ parent: `${ID}.r`, after: `${ID}.r.1` },
        },
      },
    ]);
  });

  test.each([
    ["limit=0"],
    ["limit=1001"],
    ["state=queued"],
    ["state=done,"],
    ["after=r.0"],
    [`after=${ID}`],
    [`parent=${ID}.r.01`],
    [`parent=${ID}.r.-1`],
    ["before=x"],
  ])("refuses %s", async (query) => {
    const { status, body } = await call("GET", `${path}?${query}`);
    expect([status, body]).toMatchObject([400, { code: "API_INPUT_INVALID" }]);
    expect(cluster.calls).toEqual([]);
  });

  test("shows one, with its pairs where they are asked for", async () => {
    const { body } = await call("GET", `${path}/${ID}.r.0`);
    expect(body).toMatchObject({ invocation: `${ID}.r.0`, state: "failed", input: null });
    await call("GET", `${path}/${ID}.r~0?input=true&output=1`);
    expect(cluster.calls.map(({ input }) => input)).toMatchObject([
      { withInput: false, withOutput: false },
      { invocation: `${ID}.r~0`, withInput: true, withOutput: true },
    ]);
  });

  test("knows what is no id from what is the id of nothing", async () => {
    for (const id of ["r.0", `${ID}.r.01`, `${ID}.r.0~`, `${ID}.r.x`, `${ID}`, "..%2f.."]) {
      const { status, body } = await call("GET", `${path}/${id}`);
      expect([id, status, body]).toMatchObject([id, 400, { code: "API_INPUT_INVALID" }]);
    }
    const { status, body } = await call("GET", `${path}/${ID}.r.9`);
    expect([status, body]).toMatchObject([404, { code: "INVOCATION_UNKNOWN" }]);
  });

  test("is for tokens of its workflow", async () => {
    const { status } = await call("GET", path, { token: "" });
    expect(status).toBe(401);
    expect((await call("GET", path, { token: TOKENS.read })).status).toBe(200);
  });
});

test("a token for one workflow reads the invocations of its requests only", async () => {
  const [short] = WAYS;
  expect((await call("GET", short, { token: TOKENS.limited })).status).toBe(200);
  const r1 = cluster.views.get("r1");
  if (r1 !== undefined) cluster.views.set("r1", { ...r1, workflow: "other" });
  for (const path of [short, `${short}/${ID}.r`]) {
    const { status, body } = await call("GET", path, { token: TOKENS.limited });
    expect([status, body]).toMatchObject([403, { code: "API_WORKFLOW_REFUSED" }]);
  }
});

test("under another workflow a request is unknown, so that no token for that reads it", async () => {
  const { status, body } = await call("GET", "/v1/workflows/other/requests/r1/invocations");
  expect([status, body]).toMatchObject([404, { code: "REQUEST_UNKNOWN" }]);
  const one = await call("GET", `/v1/workflows/other/requests/r1/invocations/${ID}.r`);
  expect(one.status).toBe(404);
  expect(cluster.calls).toEqual([]);
});
