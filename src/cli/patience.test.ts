/** What the command line does while nobody answers. */

import { createServer, type Server } from "node:net";
import { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FakeTimers } from "../../test/lib/fake-timers.ts";
import { systemTimers } from "../node/system.ts";
import type { Timers } from "../std/clock.ts";
import { runCli } from "./run.ts";

let server: Server;
let url: string;

/** Takes connections and says nothing: a stopped process, a wall that swallows. */
beforeAll(async () => {
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
});

afterAll(() => server.close());

interface Ran {
  readonly exit: number;
  readonly err: string;
  readonly tookMs: number;
}

async function jobx(
  words: readonly string[],
  options: { readonly timers?: Timers; readonly onFetch?: () => void } = {},
): Promise<Ran> {
  const startMs = performance.now();
  let err = "";
  const exit = await runCli(words, {
    env: { JOBX_API: url, JOBX_TOKEN: "t" },
    interrupted: () => new Promise(() => {}),
    homeFolder: "/nonexistent",
    out: () => undefined,
    err: (text) => {
      err += text;
    },
    write: () => Promise.resolve(),
    terminal: false,
    version: () => Promise.resolve("0.0.0"),
    readInput: () => Promise.resolve(undefined),
    bytes: { input: () => Readable.from([]), write: () => Promise.resolve() },
    client: {
      fetch: (input, init) => {
        options.onFetch?.();
        return fetch(input, init);
      },
      clock: { nowMs: () => performance.now() },
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      randomKey: () => "random-key",
    },
    timers: options.timers ?? systemTimers,
  });
  return { exit, err, tookMs: performance.now() - startMs };
}

test("submit --wait ends soon after its --timeout though nobody answers", async () => {
  const { exit, err, tookMs } = await jobx(["submit", "w", "j", "--wait", "--timeout", "100ms"]);
  expect(exit).toBe(3);
  expect(err).toContain("CLIENT_UNREACHABLE");
  // One call alone has eight seconds of patience without the bound.
  expect(tookMs).toBeLessThan(6000);
});

test("what cannot be asked at all is told at once, not tried again", async () => {
  let calls = 0;
  const onFetch = (): void => {
    calls++;
  };
  // The fetch standard blocks this port.
  const { exit, err } = await jobx(["node", "list", "--api", "http://127.0.0.1:6000"], { onFetch });
  expect([exit, calls]).toEqual([3, 1]);
  expect(err).toContain("bad port");
});

test("a command that waits for more than some seconds says for whom", async () => {
  const timers = new FakeTimers();
  const running = jobx(["submit", "w", "j", "--wait", "--timeout", "1ms"], {
    timers,
    onFetch: () => void timers.advance(4000),
  });
  expect((await running).err).toContain(`still trying after 3 s: ${url} does not answer`);
});
