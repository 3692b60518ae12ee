import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import fastify from "fastify";
import { expect, test, vi } from "vitest";
import { FakeCluster } from "../../test/lib/fake-cluster.ts";
import { TOKENS } from "../../test/lib/fake-tokens.ts";
import { silentLog } from "../std/log.ts";
import { mayBeSilent } from "./long-call.ts";
import { PROCESSING_HEADER } from "./processing-header.ts";
import { buildApi, listenApi } from "./server.ts";

test("a snapshot may take longer than a connection may be silent otherwise", async () => {
  const cluster = new FakeCluster();
  const rules = { listenHost: "127.0.0.1", hostNames: [] };
  const app = await buildApi({ cluster, log: silentLog, rules, silenceMsMax: 300 });
  const { url } = await listenApi(app, { host: "127.0.0.1", port: 0 });
  const ask = (name: string, path: string, body: object): Promise<Response> =>
    fetch(`${url}/v1/workflows/text/fs/${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKENS.submit}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    }).catch((error: unknown) => {
      throw new Error(`${name} was cut off`, { cause: error });
    });
  const slow = async (): Promise<never> => {
    await sleep(1500);
    throw new Error("it took its time");
  };
  vi.spyOn(cluster.snapshots, "take").mockImplementation(slow);
  vi.spyOn(cluster.files, "rename").mockImplementation(slow);
  try {
    const taken = await ask("the snapshot", "snapshots", { path: "/", name: "kept" });
    expect(taken.status).toBe(500);
    await expect(ask("the move", "rename", { from: "/a", to: "/b" })).rejects.toThrow("cut off");
  } finally {
    await app.close();
  }
});

test("who asks for it is told while a call goes on, and others are not", async () => {
  const app = fastify();
  app.get("/", async (request, reply) => {
    mayBeSilent(request, reply, 20);
    await sleep(300);
    return reply.status(409).send({ code: "LATE" });
  });
  const { port } = new URL(await app.listen({ host: "127.0.0.1", port: 0 }));
  const ask = async (headers: Readonly<Record<string, string>>): Promise<readonly number[]> => {
    const told: number[] = [];
    const request = httpRequest({ host: "127.0.0.1", port, headers });
    request.on("information", ({ statusCode }) => told.push(statusCode));
    request.on("response", (answer) => {
      told.push(answer.statusCode ?? 0);
      answer.resume();
    });
    request.end();
    await once(request, "close");
    return told;
  };
  try {
    const told = await ask({ [PROCESSING_HEADER]: "yes" });
    expect(told.length).toBeGreaterThan(3);
    expect(new Set(told.slice(0, -1))).toEqual(new Set([102]));
    expect(told.at(-1)).toBe(409);
    expect(await ask({})).toEqual([409]);
  } finally {
    await app.close();
  }
});
