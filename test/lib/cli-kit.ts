/** The command line against the API over a fake cluster. One for each file of tests. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { buildApi, listenApi } from "../../src/api/server.ts";
import type { Io } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/run.ts";
import { systemTimers } from "../../src/node/system.ts";
import { silentLog } from "../../src/std/log.ts";
import { FakeCluster } from "./fake-cluster.ts";
import { TOKENS } from "./fake-tokens.ts";

/** Rules of a server on this machine. */
export const RULES = { listenHost: "127.0.0.1", hostNames: [] };

/** A folder for files; gone after the tests. */
export let folder: string;
/** What the API asks; forgets everything before each test. */
export let cluster: FakeCluster;
let app: FastifyInstance;
/** Where the API listens. */
export let url: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "jobx-cli-"));
  cluster = new FakeCluster();
  app = await buildApi({ cluster, log: silentLog, rules: RULES });
  ({ url } = await listenApi(app, { host: "127.0.0.1", port: 0 }));
});

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

beforeEach(() => {
  cluster.reset();
});

/** How a command line ended. */
export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** Runs one command line. */
export async function jobx(
  words: string | readonly string[],
  options: {
    readonly env?: Record<string, string>;
    readonly input?: string;
    readonly terminal?: boolean;
    /** Resolves when the command is to end. */
    readonly interrupted?: Promise<void>;
  } = {},
): Promise<Ran> {
  let out = "";
  let err = "";
  let sleptMs = 0;
  const io: Io = {
    env: { JOBX_API: url, JOBX_TOKEN: TOKENS.admin, ...options.env },
    homeFolder: join(folder, "home"),
    out: (text) => {
      out += text;
    },
    write: (text) => {
      out += text;
      return Promise.resolve();
    },
    err: (text) => {
      err += text;
    },
    terminal: options.terminal ?? false,
    version: () => Promise.resolve("0.0.0"),
    readInput: () => Promise.resolve(new TextEncoder().encode(options.input ?? "")),
    bytes: {
      input: async function* () {
        yield await Promise.resolve(new TextEncoder().encode(options.input ?? ""));
      },
      write: (bytes) => {
        out += new TextDecoder().decode(bytes);
        return Promise.resolve();
      },
    },
    client: {
      fetch,
      // Pauses between repetitions pass at once, for the clock as well.
      clock: { nowMs: () => performance.now() + sleptMs },
      sleep: (ms) => {
        sleptMs += ms;
        return Promise.resolve();
      },
      randomKey: () => "random-key",
    },
    timers: systemTimers,
    interrupted: () => options.interrupted ?? new Promise(() => {}),
  };
  const exit = await runCli(typeof words === "string" ? words.split(" ") : words, io);
  return { exit, out, err };
}

/** Writes a file and returns its path. */
export async function file(path: string, text: string): Promise<string> {
  const whole = join(folder, path);
  await mkdir(join(whole, ".."), { recursive: true });
  await writeFile(whole, text);
  return whole;
}

/** A workflow file with handlers beside it. */
export const YAML = `
workflow: text
description: Counts words.
handlers: ./handlers
steps:
  words: { map: count_words, combine: sum_pairs, reduce: sum, retries: 3, timeout: 60s, onFailure: fail }
jobs:
  wordcount: { step: words, description: Counts words. }
`;

/** Applies `YAML` with two handlers. */
export async function applied(): Promise<void> {
  const path = await file("flow/text.yaml", YAML);
  await file("flow/handlers/count/words.js", "// js");
  await file("flow/handlers/sum.py", "# py");
  await file("flow/handlers/_helper.py", "# no");
  await file("flow/handlers/node_modules/x/index.js", "// no");
  expect(await jobx(["apply", path])).toMatchObject({ exit: 0 });
}

/** With what the cluster was last called. */
export const called = (method: string): unknown =>
  cluster.calls.findLast((call) => call.method === method)?.input;
