import { expect, test } from "vitest";
import type { AttemptView, OutputView } from "../api/attempt-view.ts";
import { RemoteError } from "../api/transport.ts";
import { LogFollower, type LogItem, WATCHED_MAX } from "./log-follower.ts";

const RUNNING: AttemptView = {
  ...{ invocation: "i1", step: "words", phase: "map", part: null, state: "running" },
  ...{
    node: "n1",
    nodeName: "node-1",
    grantedAt: "2026-01-01T00:00:01Z",
    startedAt: "2026-01-01T00:00:01Z",
    endedAt: null,
  },
  ...{ exit: null, limits: null, error: null, printed: null, live: "5-0-n1" },
};
const ENDED = {
  ...RUNNING,
  live: null,
  startedAt: "2026-01-01T00:00:02Z",
  endedAt: "2026-01-01T00:00:09Z",
};
const FAILURE = { code: "HANDLER_FAILED", message: "no", traceback: "", stderr: "" };

/** A cluster with one attempt, whose node has so much of its output, and what a follower tells of it. */
class World {
  attempts: readonly AttemptView[] = [RUNNING];
  forgotten = 0;
  state: OutputView["state"] = "running";
  stdout = "";
  keptFrom = 0;
  reads = 0;
  failure: Error | undefined;
  readonly items: LogItem[] = [];
  readonly follower = new LogFollower({
    client: {
      attempts: () =>
        Promise.resolve({
          attempts: this.attempts,
          truncated: false,
          forgotten: this.forgotten,
        }),
      output: async (_id, { stdout, stderr }) => {
        this.reads += 1;
        if (this.failure !== undefined) throw this.failure;
        const from = Math.max(stdout, this.keptFrom);
        const has = this.state === "running" || this.state === "ended";
        const text = has ? this.stdout.slice(from) : "";
        const part = text === "" ? stdout : from;
        return {
          state: this.state,
          stdout: { from: part, to: part + text.length, text },
          stderr: { from: stderr, to: stderr, text: "" },
        };
      },
    },
    request: "r1",
    show: (item) => this.items.push(item),
  });

  /** What was told since the last time, shortly. */
  told(): readonly string[] {
    return this.items.splice(0).map((item) => {
      if (item.kind === "note") return `note: ${item.text}`;
      if (item.kind === "output") {
        return item.leftOut > 0 ? `${item.leftOut} missing, ${item.text}` : item.text;
      }
      return `${item.attempt.state}${item.followed ? ", followed" : ""}`;
    });
  }

  async next(change: Partial<Pick<World, "attempts" | "state" | "stdout">>): Promise<void> {
    Object.assign(this, change);
    if ("attempts" in change) await this.follower.look();
    else await this.follower.read();
  }
}

test("what a running attempt prints is told as it comes, and at its end only what was not", async () => {
  const world = new World();
  await world.follower.look();
  await world.next({ stdout: "one\n" });
  await world.next({ stdout: "one\n" });
  await world.next({ stdout: "one\ntwo\n" });
  expect(world.told()).toEqual(["one\n", "two\n"]);
  world.stdout = "one\ntwo\nthree\n";
  world.state = "ended";
  const printed = { stdout: "three\n", stderr: "" };
  await world.next({ attempts: [{ ...ENDED, state: "done", printed }] });
  await world.follower.look();
  expect(world.told()).toEqual(["three\n", "done, followed"]);
  expect(world.follower.isWatching).toBe(false);
});

test("what its node does not keep any more is said to be missing", async () => {
  const world = new World();
  await world.follower.look();
  world.keptFrom = 4;
  await world.next({ stdout: "one\ntwo\n" });
  expect(world.told()).toEqual(["4 missing, two\n"]);
});

test("where its node has nothing of it any more, what is stored goes on where the parts ended", async () => {
  const world = new World();
  await world.follower.look();
  await world.next({ stdout: "one\n" });
  await world.next({ state: "gone" });
  const error = { ...FAILURE, stdout: "one\ntwo\n" };
  await world.next({ attempts: [{ ...ENDED, state: "failed", error }] });
  expect(world.told()).toEqual(["one\n", "two\n", "failed, followed"]);
});

test("a node that does not answer is said once, and read again when it does", async () => {
  const world = new World();
  await world.follower.look();
  await world.next({ state: "unreachable" });
  const { reads } = world;
  await world.next({});
  expect(world.reads).toBe(reads);
  for (let round = 0; round < 10; round++) await world.next({});
  expect(world.told()).toEqual(["note: node-1 does not answer"]);
  world.state = "running";
  world.stdout = "back\n";
  for (let round = 0; round < 6; round++) await world.next({});
  expect(world.told()).toEqual(["back\n"]);
});

test("an attempt that is lost is said to be, and the next one is followed from its beginning", async () => {
  const world = new World();
  await world.follower.look();
  await world.next({ stdout: "one\n" });
  world.state = "unreachable";
  const second = { ...RUNNING, startedAt: "2026-01-01T00:00:20Z", live: "9-0-n2", node: "n2" };
  await world.next({ attempts: [{ ...ENDED, state: "lost" }, second] });
  expect(world.told()).toEqual([
    "one\n",
    "note: node-1 does not answer",
    "note: what it printed from here on is not known: it is not to be had from node-1",
    "lost, followed",
  ]);
  world.state = "running";
  await world.next({ stdout: "one\nagain\n" });
  expect(world.told()).toEqual(["one\nagain\n"]);
});

test("a grant that has not come to its node yet is read again until it has", async () => {
  const world = new World();
  await world.follower.look();
  await world.next({ state: "gone" });
  await world.next({ state: "running", stdout: "begun\n" });
  expect(world.told()).toEqual(["begun\n"]);
});

test("the list is looked at again when a node says that it is over, and now and then after that", async () => {
  const world = new World();
  await world.follower.look();
  expect(await world.follower.read()).toBe(false);
  world.state = "ended";
  const news: boolean[] = [];
  for (let round = 0; round < 11; round++) news.push(await world.follower.read());
  expect(news.map(Number).join("")).toBe("10000000001");
});

test("of two parts of one reduction that began together each is told", async () => {
  const world = new World();
  const printed = { stdout: "x", stderr: "" };
  const done = { ...ENDED, phase: "reduce", state: "done", printed } as const;
  await world.next({
    attempts: [
      { ...done, part: 0 },
      { ...done, part: 1 },
    ],
  });
  expect(world.told()).toEqual(["done", "done"]);
});

test("an attempt that printed nothing is not told", async () => {
  const world = new World();
  await world.follower.look();
  await world.next({ state: "ended" });
  await world.next({ attempts: [{ ...ENDED, state: "done" }] });
  expect(world.told()).toEqual([]);
});

test("of a cancelled request the last words are told, although nothing of them is stored", async () => {
  const world = new World();
  await world.follower.look();
  await world.next({ stdout: "one\n" });
  world.attempts = [];
  let pauses = 0;
  await world.follower.finish(async () => {
    pauses += 1;
    world.stdout = "one\nlast\n";
    if (pauses === 2) world.state = "ended";
  });
  expect(world.told()).toEqual([
    "one\n",
    "last\n",
    "note: it has ended, and nothing of it is stored",
  ]);
});

test("the end of a request is not waited for by an attempt that never ends", async () => {
  const world = new World();
  await world.follower.look();
  world.attempts = [];
  let pauses = 0;
  await world.follower.finish(async () => {
    pauses += 1;
  });
  expect(pauses).toBeLessThan(20);
});

test("a request that is deleted meanwhile stops no reading; other refusals do", async () => {
  const world = new World();
  await world.follower.look();
  const refusal = (status: number) =>
    new RemoteError({ code: "X", status, remote: {} }, "the cluster says no");
  world.failure = refusal(404);
  await world.follower.read();
  world.failure = refusal(503);
  await expect(world.follower.read()).rejects.toThrow("says no");
});

test("more attempts than are watched are told when they have ended, which is said once", async () => {
  const world = new World();
  const many = Array.from({ length: WATCHED_MAX + 2 }, (_, at) => ({
    ...RUNNING,
    invocation: `i${at}`,
  }));
  await world.next({ attempts: many });
  await world.follower.read();
  expect(world.reads).toBe(WATCHED_MAX);
  expect(world.told()).toEqual([expect.stringContaining(`more than ${WATCHED_MAX} attempts`)]);
});

test("that older bad ends are not kept any more is said once", async () => {
  const world = new World();
  world.forgotten = 3;
  await world.follower.look();
  world.forgotten = 4;
  await world.follower.look();
  const notes = world.items.flatMap((item) => (item.kind === "note" ? [item.text] : []));
  expect(notes).toEqual(["3 older attempts that did not end well are not kept any more"]);
});
