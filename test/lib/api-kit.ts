/** The API over a fake cluster, asked without a port. One for each file of tests. */
import type { FastifyInstance, InjectOptions } from "fastify";
import { afterAll, beforeAll, beforeEach } from "vitest";
import { buildApi } from "../../src/api/server.ts";
import { silentLog } from "../../src/std/log.ts";
import { FakeCluster } from "./fake-cluster.ts";
import { TOKENS } from "./fake-tokens.ts";

/** What the API asks; forgets everything before each test. */
export const cluster = new FakeCluster();
/** Set before the first test. */
export let app: FastifyInstance;
/** Errors that the API logged in this test. */
export const logged: unknown[] = [];
const log = {
  ...silentLog,
  error: (message: string, fields?: unknown) => logged.push({ message, fields }),
};

beforeAll(async () => {
  app = await buildApi({
    cluster,
    log,
    rules: { listenHost: "127.0.0.1", hostNames: ["jobx.example"] },
  });
});

afterAll(async () => {
  await app.close();
});

beforeEach(() => {
  cluster.reset();
  logged.length = 0;
});

/** Sends one request, as the admin unless told otherwise. */
export async function call(
  method: "GET" | "PUT" | "POST" | "DELETE",
  url: string,
  options: Omit<InjectOptions, "method" | "url"> & { readonly token?: string } = {},
): Promise<{ status: number; body: unknown; headers: Record<string, unknown> }> {
  const { token = TOKENS.admin, headers = {}, ...rest } = options;
  const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };
  const response = await app.inject({
    method,
    url,
    headers: { host: "localhost:7070", ...authorization, ...headers },
    ...rest,
  });
  const json = String(response.headers["content-type"]).startsWith("application/json");
  const body: unknown = json ? JSON.parse(response.body) : response.body;
  return { status: response.statusCode, body, headers: response.headers };
}

export const JSON_TYPE = { "content-type": "application/json" };
export const STEPS = { words: { map: "count", reduce: "sum", timeout: "60s" } };
export const JOBS = { wordcount: { step: "words" } };
export const SUBMIT = "/v1/workflows/text/jobs/wordcount/requests";

/** Makes the workflow `text`. */
export async function applyText(): Promise<void> {
  await call("PUT", "/v1/workflows/text", { payload: { steps: STEPS, jobs: JOBS } });
  cluster.calls.length = 0;
}
