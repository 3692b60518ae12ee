/** A result of some twenty megabytes: whoever asks gets it whole, and the node goes on answering. */
import { beforeAll, expect, test } from "vitest";
import { useCluster } from "../lib/e2e-cluster.ts";
import { callHttp } from "../lib/e2e-http.ts";

const LEAVES = 17;
const VALUES_PER_LEAF = 1200;
const BYTES_MIN = 20_000_000;
const READERS = 3;

const cluster = useCluster(3);
let how: string;

beforeAll(async () => {
  await cluster.apply(1, "large");
  how = JSON.stringify({ leaves: LEAVES, gatedFrom: LEAVES, gate: "" });
});

/** What the handlers `fill` and `keep` come to, without them. */
function expectedPairs(): readonly unknown[] {
  const pairs: unknown[] = [];
  for (let leaf = 0; leaf < LEAVES; leaf++) {
    for (let i = 0; i < VALUES_PER_LEAF; i++) {
      pairs.push([[leaf, i], `${leaf}/${i} `.padEnd(1024, `${leaf * i}`)]);
    }
  }
  return pairs;
}

/** Waits for `work` and asks a node whether it lives, again and again; how often it said so. */
async function askedMeanwhile<Done>(
  number: number,
  work: Promise<Done>,
): Promise<{ readonly done: Done; readonly answers: number }> {
  let isOver = false;
  let answers = 0;
  const over = work.finally(() => {
    isOver = true;
  });
  const ask = async (): Promise<void> => {
    while (!isOver) {
      expect(await callHttp(cluster.api(number), { path: "/healthz" })).toMatchObject({
        status: 200,
      });
      answers += 1;
    }
  };
  const [done] = await Promise.all([over, ask()]);
  return { done, answers };
}

test("submit --wait --json and request show --json print all of a large result", async () => {
  const want = expectedPairs();
  const words = ["submit", "large", "return_all", `how:=${how}`, "--wait", "--json"];
  const { done: submitted, answers } = await askedMeanwhile(1, cluster.jobx(1, ...words));
  expect(submitted).toMatchObject({ code: 0 });
  expect(answers).toBeGreaterThan(0);
  expect(submitted.stdout.length).toBeGreaterThan(BYTES_MIN);
  const view: unknown = JSON.parse(submitted.stdout);
  expect(view).toMatchObject({
    workflow: "large",
    job: "return_all",
    state: "succeeded",
    error: null,
  });
  expect(view).toHaveProperty("result", { pairs: want });
  const [newest] = (await cluster.client(1).requests("large", { limit: 1 })).requests;
  const id = newest?.request ?? "";

  // Several at once, at a node that has to bring here what it does not have of it.
  const shows = Array.from({ length: READERS }, () =>
    cluster.jobx(2, "request", "show", id, "--json"),
  );
  const shown = await askedMeanwhile(2, Promise.all(shows));
  expect(shown.answers).toBeGreaterThan(0);
  for (const { code, stdout } of shown.done) {
    expect(code).toBe(0);
    const whole: unknown = JSON.parse(stdout);
    expect(whole).toMatchObject({
      request: id,
      state: "succeeded",
      steps: { leaves: { done: LEAVES } },
    });
    expect(whole).toHaveProperty("attempts");
    expect(whole).toHaveProperty("result", { pairs: want });
  }
  const first = await cluster.jobx(3, "request", "show", id);
  expect(first.code).toBe(0);
  expect(first.stdout).toContain("(and more pairs;");

  // The answer about the request does not carry it, and says who does.
  const headers = { authorization: `Bearer ${cluster.token}` };
  const path = `/v1/requests/${id}`;
  const inside = await callHttp(cluster.api(1), { path: `${path}?result=true`, headers });
  expect(inside).toMatchObject({
    status: 413,
    code: "RESULT_TOO_LARGE",
    json: { details: { path: `${path}/result` } },
  });
  const streamed = await callHttp(cluster.api(1), { path: `${path}/result`, headers });
  expect(streamed).toMatchObject({ status: 200 });
  expect(streamed.json).toEqual({ pairs: want });
});
