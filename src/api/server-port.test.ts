import { once } from "node:events";
import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeCluster } from "../../test/lib/fake-cluster.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { silentLog } from "../std/log.ts";
import { buildApi, listenApi } from "./server.ts";

let cluster: FakeCluster;
let app: FastifyInstance;
const logged: unknown[] = [];
const log = {
  ...silentLog,
  error: (message: string, fields?: unknown) => logged.push({ message, fields }),
};

beforeEach(async () => {
  cluster = new FakeCluster();
  logged.length = 0;
  app = await buildApi({ cluster, log, rules: { listenHost: "127.0.0.1", hostNames: [] } });
  cluster.views.set("r1", {
    request: "r1",
    workflow: "text",
    job: "wordcount",
    state: "running",
    revision: 1,
    submittedAt: "2026-01-01T00:00:00Z",
    endedAt: null,
    result: null,
    error: null,
    steps: {},
    warnings: [],
    keptAs: null,
    retryOf: null,
  });
});

afterEach(async () => {
  await app.close();
});

/** Sends bytes and reads until the other side closes. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      text += String(chunk);
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
  });
}

describe("on a port", () => {
  test("bytes that are not HTTP and headers above the bound get coded errors", async () => {
    const { port } = await listenApi(app, { host: "127.0.0.1", port: 0 });
    expect(await raw(port, "\x16\x03\x01 hello\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 400 [\s\S]*API_HTTP_INVALID/,
    );
    const large = `GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: ${"y".repeat(20_000)}\r\n\r\n`;
    expect(await raw(port, large)).toMatch(/^HTTP\/1\.1 431 [\s\S]*API_HEADERS_TOO_LARGE/);
    const hostless = "GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n";
    expect(await raw(port, hostless)).toMatch(/^HTTP\/1\.1 400 [\s\S]*API_HTTP_INVALID/);
  });

  test("a host in the URL counts like the one in the header, and only one header may name one", async () => {
    const { port } = await listenApi(app, { host: "127.0.0.1", port: 0 });
    const get = (url: string, ...hosts: readonly string[]): Promise<string> => {
      const lines = [`GET ${url} HTTP/1.1`, ...hosts.map((host) => `Host: ${host}`)];
      return raw(port, `${[...lines, "connection: close"].join("\r\n")}\r\n\r\n`);
    };
    for (const [url, ...hosts] of [
      ["http://evil.example/healthz", "localhost"],
      ["HTTP://evil.example:7070/healthz", "localhost"],
      ["http://localhost@evil.example/healthz", "localhost"],
      ["http://localhost/healthz", "evil.example"],
    ] as const)
      expect([url, await get(url, ...hosts)]).toMatchObject([
        url,
        expect.stringMatching(/^HTTP\/1\.1 403 [\s\S]*API_HOST_REFUSED/),
      ]);
    for (const hosts of [
      ["localhost", "evil.example"],
      ["evil.example", "localhost"],
      ["localhost", "localhost"],
    ])
      expect(await get("/healthz", ...hosts)).toMatch(/^HTTP\/1\.1 400 [\s\S]*API_HTTP_INVALID/);
    expect(await get(`http://localhost:${port}/healthz`, "localhost")).toMatch(/^HTTP\/1\.1 200 /);
    expect(await get("/healthz", "localhost")).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("bodies that come at once are bounded together, counted before they are read, and given back", async () => {
    const bounds = { bodiesBytesMax: 100 };
    const rules = { listenHost: "127.0.0.1", hostNames: [] };
    const own = await buildApi({ cluster, log, rules, bounds });
    const { port, url } = await listenApi(own, { host: "127.0.0.1", port: 0 });
    const headers = {
      authorization: `Bearer ${TOKENS.admin}`,
      "content-type": "application/json",
    };
    const path = "/v1/workflows";
    const post = async (bytes: number): Promise<object> => {
      const body = JSON.stringify({ workflow: `w${bytes}` }).padEnd(bytes);
      const answer = await fetch(url + path, { method: "POST", headers, body });
      const told: unknown = await answer.json();
      return { status: answer.status, later: answer.headers.get("retry-after"), told };
    };
    const whole = JSON.stringify({ workflow: "y" }).padEnd(80);
    const lines = [`POST ${path} HTTP/1.1`, "host: localhost", "connection: close"];
    const socket = connect(port, "127.0.0.1", () => {
      const more = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      socket.write([...lines, ...more, "content-length: 80", "", whole.slice(0, 10)].join("\r\n"));
    });
    await expect
      .poll(() => post(30), { timeout: 20_000 })
      .toMatchObject({
        status: 429,
        later: "1",
        told: { code: "API_BODIES_FULL" },
      });
    expect(await post(20)).toMatchObject({ status: 201 });
    socket.write(whole.slice(10));
    socket.resume();
    await once(socket, "close");
    // A body that is larger than the bound comes alone, and comes.
    expect(await post(200)).toMatchObject({ status: 201 });
    await own.close();
  });

  test("a port that is taken is a coded error", async () => {
    const { port } = await listenApi(app, { host: "127.0.0.1", port: 0 });
    const other = await buildApi({
      cluster,
      log,
      rules: { listenHost: "127.0.0.1", hostNames: [] },
    });
    await expect(listenApi(other, { host: "127.0.0.1", port })).rejects.toMatchObject({
      code: "API_LISTEN_FAILED",
    });
    await other.close();
  });

  test("a caller that hangs up ends the wait that was made for it", async () => {
    const { url } = await listenApi(app, { host: "127.0.0.1", port: 0 });
    const abort = new AbortController();
    const waiting = fetch(`${url}/v1/requests/r1?wait=20000`, {
      headers: { authorization: `Bearer ${TOKENS.read}` },
      signal: abort.signal,
    });
    await expect.poll(() => cluster.waits).toBe(1);
    abort.abort();
    await expect(waiting).rejects.toThrow();
    await expect.poll(() => cluster.waits).toBe(0);
    expect(logged).toEqual([]);
  });

  test("closing ends waits with a coded error", async () => {
    const { url } = await listenApi(app, { host: "127.0.0.1", port: 0 });
    const waiting = fetch(`${url}/v1/requests/r1?wait=20000`, {
      headers: { authorization: `Bearer ${TOKENS.read}` },
    });
    await expect.poll(() => cluster.waits).toBe(1);
    await app.close();
    const answer = await waiting;
    expect([answer.status, await answer.json()]).toMatchObject([503, { code: "API_STOPPING" }]);
  });
});
