/** The API of real nodes: its document, its tokens, what is followed and what goes. Each test ends with all nodes up. */

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, expect, test } from "vitest";
import { attemptsOf, ended, Gate, useCluster } from "../lib/e2e-cluster.ts";
import { eventually } from "../lib/e2e-eventually.ts";
import { callHttp, type HttpCall } from "../lib/e2e-http.ts";
import { numberOf } from "../lib/e2e-nodes.ts";
import { rowsOfKinds } from "../lib/e2e-rows.ts";
import { type Corpus, expectCounted, submitCount, writeCorpus } from "../lib/e2e-words.ts";
import { documentOf, schemaOf, specOf } from "../lib/openapi-kit.ts";

const REVOKED_MS_MAX = 10_000;

const END_MS_MAX = 90_000;
/** Rows of requests, by the first letter of their keys. */
const REQUEST_ROWS = ["r", "i", "b", "c", "f", "t", "x"] as const;
/** Four, so that one of them has no replica of the workflow. */
const NODES = [1, 2, 3, 4];

const cluster = useCluster(NODES.length);
let corpus: Corpus;

beforeAll(async () => {
  corpus = await writeCorpus(cluster, { documents: 2, linesEach: 3 });
  await cluster.apply(1, "words");
});

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

test("the answers of every node are what its own document says", async () => {
  const id = await submitCount(cluster.client(1), corpus);
  await cluster.client(1).request(id, { waitMs: 30_000, withResult: true });
  for (const number of NODES) {
    const { json } = await callHttp(cluster.api(number), { path: "/openapi.json" });
    const validator = new Validator();
    expect(await validator.validate(specOf(json))).toMatchObject({
      valid: true,
    });
    const document = documentOf(json);
    const check = async (path: string, call: HttpCall): Promise<number> => {
      const headers = { ...bearer(cluster.token), ...call.headers };
      const answer = await callHttp(cluster.api(number), { ...call, headers });
      const { method = "GET" } = call;
      const schema = schemaOf(document, { method, path, status: answer.status });
      const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
      validate(answer.json);
      expect([call.path, answer.status, validate.errors]).toEqual([call.path, answer.status, null]);
      return answer.status;
    };
    expect(await check("/readyz", { path: "/readyz" })).toBe(200);
    expect(await check("/v1/nodes", { path: "/v1/nodes" })).toBe(200);
    expect(await check("/v1/tokens", { path: "/v1/tokens" })).toBe(200);
    expect(await check("/v1/workflows", { path: "/v1/workflows" })).toBe(200);
    const workflow = "/v1/workflows/{workflow}";
    expect(await check(workflow, { path: "/v1/workflows/words" })).toBe(200);
    expect(await check(workflow, { path: "/v1/workflows/nobody" })).toBe(404);
    const list = `${workflow}/requests`;
    expect(await check(list, { path: "/v1/workflows/words/requests" })).toBe(200);
    const request = "/v1/requests/{request}";
    expect(await check(request, { path: `/v1/requests/${id}?result=true` })).toBe(200);
    expect(await check(`${request}/attempts`, { path: `/v1/requests/${id}/attempts` })).toBe(200);
    const invocations = `/v1/requests/${id}/invocations`;
    expect(await check(`${request}/invocations`, { path: invocations })).toBe(200);
    for (const [unit, status] of [
      ["r", 200],
      ["r.0.0", 200],
      ["r~0", 200],
      ["r.77", 404],
      ["r.x", 400],
    ] as const) {
      const path = `${invocations}/${id}.${unit}?input=true&output=true`;
      expect(await check(`${request}/invocations/{invocation}`, { path })).toBe(status);
    }
    const submit = {
      method: "POST",
      path: "/v1/workflows/words/jobs/nothing/requests",
      headers: { "content-type": "application/json" },
      body: `{"arguments":{}}`,
    };
    expect(await check(`${workflow}/jobs/{job}/requests`, submit)).toBe(404);
  }
});

test("a token made at one node is good at all, and once revoked at another good at none", async () => {
  const made = await cluster.jobx(2, "token", "create", "ci", "--role", "read");
  const token = made.stdout.trim();
  expect(token).toMatch(/^jobx_/);
  const statuses = async (): Promise<readonly number[]> => {
    const call = { path: "/v1/workflows", headers: bearer(token) };
    const answers = await Promise.all(NODES.map((at) => callHttp(cluster.api(at), call)));
    return answers.map(({ status }) => status);
  };
  const all = (status: number) => async (): Promise<boolean> =>
    (await statuses()).every((one) => one === status);
  expect(await statuses()).toEqual(NODES.map(() => 200));
  // Nobody waits for the news to get around, and no refusal is final that should not be.
  for (let at = 0; at < 10; at++) {
    const input = { name: `at once ${at}`, role: "read", workflows: null } as const;
    const { token: fresh, id } = await cluster.client(1).createToken(input);
    const call = { path: "/v1/workflows", headers: bearer(fresh) };
    const answers = await Promise.all([2, 3].map((node) => callHttp(cluster.api(node), call)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const seen = await cluster.client(2 + (at % 2)).tokens();
    expect(seen.map((one) => one.id)).toContain(id);
    await cluster.client(3 - (at % 2)).revokeToken(id);
    expect((await cluster.client(1).tokens()).map((one) => one.id)).not.toContain(id);
  }
  const listed = await cluster.client(1).tokens();
  const id = listed.find(({ name }) => name === "ci")?.id ?? "";
  expect((await cluster.jobx(3, "token", "revoke", id)).code).toBe(0);
  await eventually("no node takes the token", REVOKED_MS_MAX, all(401));
  // The only other one is the first admin's, and without it nobody could make another.
  const first = (await cluster.client(2).tokens())[0]?.id ?? "";
  const last = await cluster.jobx(2, "token", "revoke", first);
  expect([last.code, last.stderr]).toEqual([4, expect.stringContaining("TOKEN_LAST_ADMIN")]);
});

test("large arguments of a submission that is refused are not stored anywhere", async () => {
  const blocks = async (): Promise<number> => {
    const names = await Promise.all(
      NODES.map((number) =>
        readdir(join(cluster.home(number), "data/blocks"), { recursive: true }),
      ),
    );
    return names.flat().filter((name) => /[0-9a-f]{64}$/.test(name)).length;
  };
  const before = await blocks();
  const refused = await callHttp(cluster.api(2), {
    ...{ method: "POST", path: "/v1/workflows/words/jobs/nobody/requests" },
    ...{ headers: { ...bearer(cluster.token), "content-type": "application/json" } },
    body: JSON.stringify({ arguments: { text: "x".repeat(200_000) } }),
  });
  expect(refused).toMatchObject({ status: 404, json: { code: "JOB_UNKNOWN" } });
  expect(await blocks()).toBe(before);
});

test("a token for one workflow submits there and sees no other", async () => {
  const limited = await cluster.client(1).createToken({
    name: "words only",
    role: "submit",
    workflows: ["words"],
  });
  const headers = { ...bearer(limited.token), "content-type": "application/json" };
  const path = "/v1/workflows/words/jobs/count/requests";
  const call = { method: "POST", path, headers, body: `{"arguments":{}}` };
  await eventually("node-3 knows the token", REVOKED_MS_MAX, async () => {
    return (await callHttp(cluster.api(3), call)).status === 202;
  });
  const elsewhere = { ...call, path: path.replace("words", "other") };
  expect(await callHttp(cluster.api(3), elsewhere)).toMatchObject({
    status: 403,
    code: "API_WORKFLOW_REFUSED",
  });
  expect(await callHttp(cluster.api(3), { ...call, path: "/v1/tickets" })).toMatchObject({
    status: 403,
  });
});

test("a request is followed from every node, also from one without a replica", async () => {
  const { replicas, scheduler } = await cluster.client(1).workflow("words");
  const homes = new Set(replicas.map(({ name }) => name));
  const without = NODES.filter((number) => !homes.has(`node-${number}`));
  expect(without).toHaveLength(1);
  expect(scheduler).not.toBeNull();
  const follow = (number: number) =>
    cluster.jobx(number, "submit", "words", "count", "--follow", "--args", argsFile);
  const argsFile = join(cluster.folder, "args.json");
  await writeFile(
    argsFile,
    JSON.stringify({ how: { folder: corpus.folder, pauseMs: 100, gatedFrom: 0, gate: null } }),
  );
  for (const { code, stderr } of await Promise.all(NODES.map(follow))) {
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^running .*folder 0\/1/mu)]);
    const lines = stderr.trimEnd().split("\n");
    expect(lines.at(-1)).toBe("succeeded  folder 1/1  files 2/2  lines 6/6");
    expect(lines.length).toBeGreaterThan(3);
  }
});

test("following goes on when the scheduler's node dies, and sees the end", async () => {
  const gate = await Gate.make(cluster);
  const large = await writeCorpus(cluster, { documents: 2, linesEach: 12 });
  const before = await cluster.scheduler("words", 1);
  const others = NODES.filter((number) => number !== before.number);
  const args = join(cluster.folder, "gated.json");
  const how = { folder: large.folder, pauseMs: 5, gatedFrom: 0, gate: gate.path };
  await writeFile(args, JSON.stringify({ how }));
  // The scheduler's own node is asked first: it is the one that will be gone.
  const asked = [before.number, ...others];
  const client = cluster.client(...others);
  // Requests of other tests may still run.
  const { requests: earlier } = await client.requests("words", { limit: 100 });
  const known = new Set(earlier.map(({ request }) => request));
  const following = cluster.jobx(asked, "submit", "words", "count", "--follow", "--args", args);
  const id = await eventually("the request runs", END_MS_MAX, async () => {
    const { requests } = await client.requests("words", { limit: 100, state: "running" });
    return requests.find(({ request }) => !known.has(request))?.request;
  });
  await eventually("lines wait for the gate", END_MS_MAX, async () => {
    const attempts = await attemptsOf(client, id);
    return attempts.some(({ step, state }) => step === "lines" && state === "running");
  });
  await cluster.kill(before.number);
  await cluster.scheduler("words", others[0] ?? 0);
  await gate.open();
  const { code, stdout, stderr } = await following;
  expect([code, stderr]).toEqual([0, expect.stringContaining("succeeded  folder 1/1")]);
  expect(stdout).toContain(`request    ${id}`);
  await expectCounted(client, await ended(client, id, END_MS_MAX), large);
  await cluster.start(before.number);
});

test("retention removes requests with all their rows from every replica, but not what is kept by name", async () => {
  const client = cluster.client(...NODES);
  const kept = await client.submit({
    workflow: "words",
    job: "count",
    arguments: [["how", { folder: corpus.folder, pauseMs: 0, gatedFrom: 0, gate: null }]],
    idempotencyKey: undefined,
    keep: "nightly",
  });
  await ended(client, kept.request, END_MS_MAX);
  const before = (await client.requests("words", { limit: 100 })).requests.length;
  expect(before).toBeGreaterThan(NODES.length);
  const how = { dryRun: false, force: false };
  await client.apply("words", { retention: { age: "240h", bytes: 0 } }, how);
  await eventually("only the kept request is left", END_MS_MAX, async () => {
    const { requests } = await client.requests("words", { limit: 100 });
    return requests.map(({ request }) => request).join() === kept.request;
  });
  // Found by its name, with its result; then it goes by somebody's wish.
  const result = await cluster.jobx(2, "request", "result", "words:nightly");
  expect(result.stdout.trimEnd().split("\n")).toHaveLength(corpus.counts.size);
  expect((await cluster.jobx(3, "request", "delete", "words:nightly")).code).toBe(0);
  const gone = await cluster.jobx(1, "request", "show", kept.request);
  expect([gone.code, gone.stderr]).toEqual([4, expect.stringContaining("REQUEST_UNKNOWN")]);
  const { replicas } = await client.workflow("words");
  const group = Number(kept.request.split("-")[1]);
  await eventually("no replica has rows of requests", END_MS_MAX, async () => {
    const counts: Readonly<Record<string, number>>[] = [];
    // One after the other, so that those that stay have a majority; and each comes back, whatever was read.
    for (const { name } of replicas) {
      const number = numberOf(name);
      await cluster.script("stop", String(number));
      try {
        counts.push(await rowsOfKinds(cluster.home(number), group));
      } finally {
        await cluster.start(number);
      }
    }
    expect(counts.every((rows) => (rows["m"] ?? 0) === 1)).toBe(true);
    return counts.every((rows) => REQUEST_ROWS.every((kind) => rows[kind] === undefined));
  });
  await client.apply("words", { retention: null }, how);
});

const NEEDY = `/** Needs what nobody has.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: licence_x
 */
export async function* map(args, ctx) {
  yield ctx.toReturn();
}
`;

test("why names the capability that nobody offers; what is used cannot go; a changed revision is refused", async () => {
  const client = cluster.client(...NODES);
  const reducer = await readFile(join(import.meta.dirname, "words/handlers/sum.py"), "utf8");
  const handlers = [
    { name: "needy", path: "needy.js", language: "javascript", source: NEEDY },
    { name: "sum", path: "sum.py", language: "python", source: reducer },
  ] as const;
  const definition = { handlers, steps: { only: { map: "needy", reduce: "sum" } } };
  const how = { dryRun: false, force: false };
  await client.apply("needy", { ...definition, jobs: { go: { step: "only" } } }, how);
  const { request } = await client.submit({
    workflow: "needy",
    job: "go",
    arguments: [],
    idempotencyKey: undefined,
  });
  const { stdout } = await cluster.jobx(4, "why", request);
  expect(stdout).toBe(
    "1 unit waits for the capability licence_x, which no node that takes work offers.\n",
  );
  const failure = async (...words: readonly string[]): Promise<string> => {
    const { code, stderr } = await cluster.jobx(2, ...words);
    expect(code).toBe(4);
    return /\((?<code>[A-Z_]+)\)\n$/u.exec(stderr)?.groups?.["code"] ?? stderr;
  };
  expect(await failure("step", "delete", "needy", "only")).toBe("STEP_IN_USE");
  expect(await failure("handler", "delete", "needy", "sum")).toBe("HANDLER_IN_USE");
  expect(await failure("job", "delete", "needy", "nothing")).toBe("JOB_UNKNOWN");
  expect(await failure("request", "delete", request)).toBe("REQUEST_NOT_ENDED");
  const step = await client.step("needy", "only");
  const change = ["step", "create", "needy", "only", "--map", "needy", "--reduce", "sum"];
  const at = ["--revision", String(step.revision)];
  expect((await cluster.jobx(3, ...change, "--retries", "7", ...at)).code).toBe(0);
  expect(await failure(...change, "--retries", "8", ...at)).toBe("REVISION_CHANGED");
  expect(await client.step("needy", "only")).toMatchObject({ retries: 7 });
  expect((await cluster.jobx(1, "request", "cancel", request)).code).toBe(0);
  const again = await cluster.jobx(1, "request", "retry", request);
  expect(await client.request(again.stdout.trim(), { waitMs: 0, withResult: false })).toMatchObject(
    { retryOf: request, state: "queued" },
  );
});
