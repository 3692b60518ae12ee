/** What is measured under load, while nothing else is wrong: rolling and quick restarts, and short stalls. */
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../lib/e2e-eventually.ts";
import type { Chance } from "../sim/chance.ts";
import type { ChaosNodes } from "./chaos-nodes.ts";
import type { Ledger } from "./ledger.ts";
import type { Load } from "./load.ts";
import type { Watch } from "./watch.ts";
import { WORKFLOWS } from "./work.ts";

/** As long as a stall may be that must cost nothing. */
const STALL_MS = 2_000;
/** After a stall: whoever takes the node for dead has done so by then. */
const AFTERMATH_MS = 5_000;
/** A measured step that takes longer is a failure by itself. */
const STEP_MS_MAX = 60_000;
/** A node that restarts takes part again within this time, and a roll delays nobody more. */
export const RESTART_MS_WANTED = 2_000;
export const DELAY_MS_WANTED = 3_000;

export interface RoundDeps {
  readonly nodes: ChaosNodes;
  readonly ledger: Ledger;
  readonly watch: Watch;
  readonly load: Load;
  readonly chance: Chance;
  readonly say: (text: string) => void;
}

/** A rolling restart of all nodes. */
export interface RollFigures {
  readonly tookMs: number;
  readonly submissions: number;
  /** Longest time from a submission to its acknowledgement. */
  readonly delayMsMax: number;
}

/** Stops and starts one node after the other, in the order of their numbers. */
export async function roll({ nodes, ledger, say }: RoundDeps): Promise<RollFigures> {
  const startMs = performance.now();
  const before = ledger.submissions.length;
  for (const number of nodes.numbers) {
    const fromMs = performance.now();
    await nodes.stop(number);
    const goneMs = performance.now();
    nodes.start(number);
    await nodes.ready(number);
    const [stop, start] = [goneMs - fromMs, performance.now() - goneMs];
    say(
      `node-${number} stopped in ${stop.toFixed(0)} ms, ready ${start.toFixed(0)} ms after its start`,
    );
  }
  const nowMs = performance.now();
  return {
    tookMs: nowMs - startMs,
    submissions: ledger.submissions.length - before,
    delayMsMax: ledger.delayMsMax(startMs, nowMs),
  };
}

/** From the start of a node's process, ms. */
export interface RestartFigures {
  readonly node: number;
  /** Its program is loaded and its API answers anything. */
  readonly answersMs: number;
  /** It says that it can serve. */
  readonly readyMs: number;
  /** It has connections with all other nodes, and they take it for up. */
  readonly connectedMs: number;
  /** It has acknowledged a submission that only it was asked for. */
  readonly acknowledgedMs: number;
  /** It has done a unit. */
  readonly workedMs: number;
}

/** Kills a node, starts it at once, and takes the time until it is what it was. */
export async function restart(deps: RoundDeps): Promise<RestartFigures> {
  const { nodes, chance, load, say } = deps;
  const number = chance.pick(nodes.numbers);
  const others = nodes.numbers.filter((other) => other !== number);
  await nodes.kill(number);
  const startMs = performance.now();
  nodes.start(number);
  const since = async (what: string, ask: () => Promise<boolean>): Promise<number> => {
    await eventually(`node-${number} ${what}`, STEP_MS_MAX, ask);
    return performance.now() - startMs;
  };
  const name = `node-${number}`;
  // A client that asked sooner would wait ever longer between its tries, and that is not the node's time.
  const answered = since("answers", async () => {
    return (await fetch(`${nodes.api(number)}/healthz`)).status > 0;
  });
  const acknowledged = answered.then(() =>
    since("acknowledges", async () => {
      await load.submitAt(number, chance);
      return true;
    }),
  );
  // More than all others together have slots for.
  const busy = acknowledged.then(() =>
    Promise.all(nodes.numbers.map(() => load.submitAt(number, chance))),
  );
  const [answersMs, readyMs, connectedMs, acknowledgedMs, workedMs] = await Promise.all([
    answered,
    since("is ready", async () => (await fetch(`${nodes.api(number)}/readyz`)).ok),
    since("is connected", async () => {
      const peers = await nodes.metric(number, "jobx_mesh_peers_up");
      if (peers !== others.length) return false;
      for (const other of others) {
        const up = (await nodes.client(other).nodes()).find((one) => one.name === name)?.state;
        if (up !== "up") return false;
      }
      return true;
    }),
    acknowledged,
    since("has done a unit", async () => {
      const done = await nodes.metric(number, 'jobx_executor_attempts_total{end="done"}');
      return (done ?? 0) > 0;
    }),
    busy,
  ]);
  const figures = { node: number, answersMs, readyMs, connectedMs, acknowledgedMs, workedMs };
  say(
    `node-${number} after its start: answers ${answersMs.toFixed(0)} ms, ready ${readyMs.toFixed(0)} ms, connected ${connectedMs.toFixed(0)} ms, ` +
      `acknowledged ${acknowledgedMs.toFixed(0)} ms, worked ${workedMs.toFixed(0)} ms`,
  );
  return figures;
}

/** A node that stood still for two seconds. */
export interface StallFigures {
  readonly node: number;
  /** Groups that it led. */
  readonly led: number;
  /** Leaderships that changed, as text: none should. */
  readonly lost: readonly string[];
}

/** Stops a node for two seconds, one that schedules a workflow if possible, and looks at who leads. */
export async function stall({ nodes, watch, chance, say }: RoundDeps): Promise<StallFigures> {
  const before = await watch.leadership();
  const number =
    watch.leaderOf(chance.pick([...WORKFLOWS, "system"])) ?? chance.pick(nodes.numbers);
  nodes.pause(number);
  await sleep(STALL_MS);
  nodes.resume(number);
  await sleep(AFTERMATH_MS);
  const after = await watch.leadership();
  const lost = Object.keys(before).flatMap((name) => {
    return before[name] === after[name] ? [] : [`${name}: ${before[name]}, then ${after[name]}`];
  });
  const led = Object.values(before).filter((who) => who.startsWith(`node-${number} `)).length;
  const what = lost.length === 0 ? "nobody else leads for it" : lost.join("; ");
  say(`node-${number}, which led ${led} groups, stood still for ${STALL_MS} ms: ${what}`);
  return { node: number, led, lost };
}
