import { beforeEach, expect, test } from "vitest";
import { JobxClient } from "./client.ts";

interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
}

/** What the next calls meet: an answer, or an error of the network. */
type Step =
  | { readonly status: number; readonly body: unknown; readonly retryAfter?: string }
  | { readonly errno: string };

let sent: Sent[];
let steps: Step[];
let nowMs: number;
let slept: number[];

beforeEach(() => {
  sent = [];
  steps = [];
  nowMs = 0;
  slept = [];
});

function makeClient(
  urls: readonly string[] = ["http://a:1", "http://b:2"],
  endMs?: number,
): JobxClient {
  return new JobxClient(
    {
      fetch: (url, init) => {
        const body = typeof init?.body === "string" ? init.body : "";
        sent.push({
          url: url instanceof URL ? url.href : "",
          method: init?.method ?? "",
          headers: new Headers(init?.headers),
          body,
        });
        nowMs += 10;
        const step = steps.shift() ?? { errno: "ECONNREFUSED" };
        if ("status" in step) {
          const { status, body: answer, retryAfter } = step;
          const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
          return Promise.resolve(new Response(JSON.stringify(answer), { status, headers }));
        }
        const cause = Object.assign(new Error("no"), { code: step.errno });
        return Promise.reject(new TypeError("fetch failed", { cause }));
      },
      clock: { nowMs: () => nowMs },
      sleep: (ms) => {
        slept.push(ms);
        nowMs += ms;
        return Promise.resolve();
      },
      randomKey: () => "random-key",
    },
    { urls, token: "secret", deadlineMs: 10_000, endMs },
  );
}

const failure = (status: number, name: string) => ({
  status,
  body: { code: name, message: `it is ${name}`, details: { why: "so" } },
});
const SUBMISSION = {
  workflow: "w",
  job: "j",
  arguments: [["k", 1]],
  idempotencyKey: undefined,
} as const;
const ACCEPTED = {
  status: 202,
  body: { request: "r1", workflow: "w", job: "j", duplicate: false },
};

test("a node that is gone is left for the next one, which is kept", async () => {
  steps = [
    { errno: "ECONNREFUSED" },
    { status: 200, body: { nodes: [] } },
    { status: 200, body: { nodes: [] } },
  ];
  const client = makeClient();
  expect(await client.nodes()).toEqual([]);
  await client.nodes();
  expect(sent.map(({ url }) => url)).toEqual([
    "http://a:1/v1/nodes",
    "http://b:2/v1/nodes",
    "http://b:2/v1/nodes",
  ]);
  expect(slept).toEqual([]);
  expect(client.url).toBe("http://b:2");
  expect(sent[0]?.headers.get("authorization")).toBe("Bearer secret");
});

test("a submission is repeated with the same key whatever happened to it", async () => {
  steps = [
    { errno: "ECONNRESET" },
    failure(504, "COMMAND_OUTCOME_UNKNOWN"),
    failure(503, "NO_MAJORITY"),
    ACCEPTED,
  ];
  expect(await makeClient().submit(SUBMISSION)).toEqual(ACCEPTED.body);
  expect(sent.map(({ headers }) => headers.get("idempotency-key"))).toEqual(
    Array(4).fill("random-key"),
  );
  expect(new Set(sent.map(({ body }) => body))).toEqual(new Set(['{"arguments":[["k",1]]}']));
});

test("the caller's key is sent instead of a random one", async () => {
  steps = [ACCEPTED];
  await makeClient().submit({ ...SUBMISSION, idempotencyKey: "mine" });
  expect(sent[0]?.headers.get("idempotency-key")).toBe("mine");
});

test("a ticket is not made twice: an outcome that is not known is not repeated", async () => {
  for (const step of [
    { errno: "ECONNRESET" },
    failure(504, "COMMAND_OUTCOME_UNKNOWN"),
    failure(503, "NO_MAJORITY"),
  ]) {
    sent = [];
    steps = [step];
    await expect(makeClient().createTicket({})).rejects.toThrow();
    expect(sent).toHaveLength(1);
  }
});

test("a ticket is asked for again when no node has seen the call", async () => {
  steps = [
    { errno: "ECONNREFUSED" },
    failure(503, "COMMAND_NOT_ACCEPTED"),
    { status: 201, body: { ticket: "t" } },
  ];
  expect(await makeClient().createTicket({})).toEqual({ ticket: "t" });
});

test("an error that will not go away is told at once, with code and details", async () => {
  steps = [failure(404, "WORKFLOW_UNKNOWN")];
  await expect(makeClient().workflow("w")).rejects.toMatchObject({
    code: "WORKFLOW_UNKNOWN",
    message: "it is WORKFLOW_UNKNOWN",
    details: { status: 404, remote: { why: "so" } },
  });
  expect(sent).toHaveLength(1);
});

test("when nobody answers, the client gives up at its deadline with growing pauses", async () => {
  await expect(makeClient().nodes()).rejects.toMatchObject({ code: "CLIENT_UNREACHABLE" });
  expect(nowMs).toBeGreaterThan(7000);
  expect(nowMs).toBeLessThanOrEqual(10_020);
  expect(slept.slice(0, 6)).toEqual([100, 200, 400, 800, 1600, 2000]);
});

const overloaded = (retryAfter: string) => ({ ...failure(429, "API_OVERLOADED"), retryAfter });

test("a submission that is held back is sent again when the first node wants it, and no earlier", async () => {
  steps = [overloaded("4"), overloaded("3"), overloaded("2"), ACCEPTED];
  expect(await makeClient().submit(SUBMISSION)).toEqual(ACCEPTED.body);
  expect(slept).toEqual([3000]);
  expect(sent.map(({ url }) => new URL(url).host)).toEqual(["a:1", "b:2", "a:1", "b:2"]);
});

test("a submission that is held back beyond the deadline fails at once", async () => {
  steps = [overloaded("2"), overloaded("30")];
  await expect(makeClient(["http://a:1"]).submit(SUBMISSION)).rejects.toMatchObject({
    code: "API_OVERLOADED",
  });
  expect(slept).toEqual([2000]);
});

test("after an election the cluster is asked again before the time that a node names", async () => {
  steps = [{ ...failure(503, "NO_MAJORITY"), retryAfter: "1" }, ACCEPTED];
  await makeClient(["http://a:1"]).submit(SUBMISSION);
  expect(slept).toEqual([100]);
});

test("a wait adds to the deadline and is told to the node apart from it", async () => {
  steps = [{ status: 200, body: { request: "r1" } }];
  await makeClient().request("r/1", { waitMs: 5000, withResult: true });
  expect(sent[0]?.url).toBe("http://a:1/v1/requests/r%2F1?wait=5000&result=true");
  expect(sent[0]?.headers.get("jobx-deadline-ms")).toBe("8000");
});

test("of a bound on everything so much is kept that a node's reason comes back in time", async () => {
  steps = [{ status: 200, body: { request: "r1" } }];
  await makeClient(["http://a:1"], 4000).request("r", { waitMs: 0, withResult: true });
  expect(sent[0]?.headers.get("jobx-deadline-ms")).toBe("3500");
  steps = [{ status: 200, body: { request: "r1" } }];
  nowMs = 3800;
  await makeClient(["http://a:1"], 4000).request("r", { waitMs: 0, withResult: true });
  expect(sent[1]?.headers.get("jobx-deadline-ms")).toBe("150");
});

test("what is no jobx node is told from one that refuses", async () => {
  steps = [{ status: 200, body: "a page" }];
  await expect(makeClient().nodes()).rejects.toMatchObject({ code: "CLIENT_ANSWER_INVALID" });
  steps = [{ status: 418, body: null }];
  await expect(makeClient().nodes()).rejects.toMatchObject({ code: "HTTP_418" });
});

test("a node that is not ready says so once", async () => {
  steps = [{ status: 503, body: { ready: false, reason: "joining", durability: "sync" } }];
  expect(await makeClient().ready()).toEqual({
    ready: false,
    reason: "joining",
    warnings: [],
    durability: "sync",
  });
  expect(sent).toHaveLength(1);
});
