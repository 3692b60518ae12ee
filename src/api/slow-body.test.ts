import { connect } from "node:net";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FakeCluster } from "../../test/lib/fake-cluster.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { silentLog } from "../std/log.ts";
import { buildApi, listenApi } from "./server.ts";

let app: FastifyInstance;
let port = 0;

beforeAll(async () => {
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  app = await buildApi({ cluster: new FakeCluster(), log: silentLog, rules, receiveMsMax: 100 });
  ({ port } = await listenApi(app, { host: "127.0.0.1", port: 0 }));
});

afterAll(async () => {
  await app.close();
});

/** Sends a call whose body comes in two parts, the second after a while; resolves with the answer. */
function sendSlowly(method: string, path: string, body: string): Promise<string> {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    `authorization: Bearer ${TOKENS.admin}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
    "connection: close",
  ];
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`${lines.join("\r\n")}\r\n\r\n${body.slice(0, 1)}`);
    });
    const later = setTimeout(() => socket.write(body.slice(1)), 500);
    socket.on("data", (data) => {
      answer += data.toString();
    });
    socket.on("close", () => {
      clearTimeout(later);
      resolve(answer);
    });
    socket.on("error", reject);
  });
}

test("a body that does not come in time ends its call with a code", async () => {
  const answer = await sendSlowly("POST", "/v1/workflows", '{"workflow":"slow"}');
  expect(answer).toMatch(/^HTTP\/1\.1 408 /u);
  expect(answer).toContain("API_REQUEST_TOO_SLOW");
});

test("content of a file may take longer", async () => {
  const answer = await sendSlowly("PUT", "/v1/workflows/text/fs/file?path=/slow", "content");
  expect(answer).toMatch(/^HTTP\/1\.1 200 /u);
  expect(answer).toContain('"bytes":7');
});
