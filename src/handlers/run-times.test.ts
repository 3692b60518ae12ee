import { afterEach, expect, test } from "vitest";
import { HandlerKit, handlerOf } from "../../test/lib/handler-kit.ts";

/** Timers may fire a little early. */
const SLACK_MS = 5;
const SLEEP_MS = 200;

const mapper = handlerOf(
  "javascript",
  "mapper",
  `export async function* map(_, ctx) {
  yield ctx.mapTo("x");
  await new Promise((resolve) => setTimeout(resolve, ${SLEEP_MS}));
}`,
);

let kit: HandlerKit | undefined;
afterEach(() => kit?.close());

test("a unit that waits for a slot runs from when a worker takes it, not from when it came", async () => {
  const own = await HandlerKit.open({ slots: 1 });
  kit = own;
  const cameMs = performance.now();
  const ends = [0, 1].map(async () => {
    await own.map({ mapper }, []);
    const run = own.lastEnd?.run;
    if (run === undefined) throw new Error("a unit that ran says when");
    expect(run.tookMs).toBeGreaterThanOrEqual(SLEEP_MS - SLACK_MS);
    return { ...run, beganMs: performance.now() - run.agoMs - run.tookMs };
  });
  const [first, second] = await Promise.all(ends);
  if (first === undefined || second === undefined) throw new Error("both have ended");
  const began = Math.max(first.beganMs, second.beganMs);
  expect(began).toBeGreaterThanOrEqual(cameMs + SLEEP_MS - SLACK_MS);
});

test("a unit that no worker took has no time at which it ran", async () => {
  kit = await HandlerKit.open();
  kit.runner.beginNoMore();
  await kit.map({ mapper }, []);
  expect(kit.lastEnd).toMatchObject({ outcome: { kind: "released" }, run: undefined });
});
