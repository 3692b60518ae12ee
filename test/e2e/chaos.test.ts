/** The short form of `npm run chaos`: faults from a fixed seed, then restarts and a stall, all under load. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CLIENTS_DEFAULT } from "../chaos/arguments.ts";
import { runChaos } from "../chaos/chaos.ts";
import { reportText } from "../chaos/report-text.ts";

/** Draws a short pause, which is over at the next fault however busy the machine is, then a kill. */
const SEED = 58;
const STORM_MS = 18_000;
const LOG_LINES = 40;

/** The ends of the logs in a run's folder, for whoever reads a failure. */
function logsIn(folder: string): string {
  const nodes = readdirSync(folder).filter((name) => name.startsWith("node-"));
  const texts = nodes.map((name) => {
    const lines = readFileSync(join(folder, name, "log"), "utf8")
      .trimEnd()
      .split("\n");
    return [`---- ${name}`, ...lines.slice(-LOG_LINES)].join("\n");
  });
  return texts.join("\n");
}

test("nodes that are killed, paused and restarted under load lose nothing, do nothing twice and agree", async () => {
  const said: string[] = [];
  const report = await runChaos(
    {
      seed: SEED,
      stormMs: STORM_MS,
      nodes: 3,
      faults: ["kill", "pause", "roll", "stall", "restart"],
      rounds: 1,
      clients: CLIENTS_DEFAULT,
    },
    (text) => said.push(text),
  );
  if (report.failures.length > 0) {
    console.error([...said, reportText(report), logsIn(report.folder)].join("\n"));
    rmSync(report.folder, { recursive: true, force: true });
  }
  expect(report.failures).toEqual([]);
  // It was what it is called: nothing of this may silently not have happened.
  expect(report.storm.kills).toBeGreaterThan(0);
  expect(report.storm.pauses).toBeGreaterThan(0);
  expect(report.leaderChanges).toBeGreaterThan(0);
  expect(report.statesCompared).toBeGreaterThan(0);
  expect(report.roll?.submissions).toBeGreaterThan(0);
  expect(report.stalls).toHaveLength(1);
  expect(report.restarts).toHaveLength(1);
  expect(report.ended).toBe(report.submissions);
});
