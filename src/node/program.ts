/** `jobx-node`: reads its configuration, runs a node, and stops it on a signal. */
import { readFile } from "node:fs/promises";
import type { VersionRange } from "../scheduler/system/version-range.ts";
import { errorText, isJobxError, JobxError } from "../std/errors.ts";
import type { Log } from "../std/log.ts";
import { type NodeConfig, readConfig } from "./config/config.ts";
import { settingsJson, settingsText } from "./config/print.ts";
import { createLog } from "./log.ts";
import { onThisMachine } from "./machine.ts";
import { StopSignals } from "./stop-signals.ts";

/** What tests of upgrades run otherwise than people. */
export interface ProgramOptions {
  /** What the program says it supports (R10); all that it does without. */
  readonly versions?: VersionRange;
}

/** Runs the program of this process to its end. */
export function runProgram(options: ProgramOptions): void {
  main(options).catch((error: unknown) => {
    process.stderr.write(`jobx-node: ${errorText(error)}\n`);
    if (!isJobxError(error) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  });
}

async function main({ versions }: ProgramOptions): Promise<void> {
  const signals = new StopSignals(process);
  const version = await readVersion();
  const asked = readConfig(process.argv.slice(2), process.env);
  switch (asked.kind) {
    case "help":
      process.stdout.write(asked.text);
      return;
    case "version":
      process.stdout.write(`jobx-node ${version}\n`);
      return;
    case "print": {
      const { settings, json } = asked;
      process.stdout.write(json ? settingsJson(settings) : settingsText(settings));
      return;
    }
    case "run": {
      const { config, warnings } = asked;
      const log = createLog(config.logLevel, { name: config.name });
      for (const warning of warnings) log.warn(warning);
      process.on("unhandledRejection", (error) => {
        log.error("a promise was rejected and nobody looked", {
          reason: errorText(error),
          stack: error instanceof Error ? error.stack : undefined,
        });
      });
      await run(config, { version, log, signals, ...(versions && { versions }) });
      return;
    }
  }
}

/** Returns when the node has stopped as it was asked to. */
async function run(
  config: NodeConfig,
  about: {
    readonly version: string;
    readonly log: Log;
    readonly signals: StopSignals;
    readonly versions?: VersionRange;
  },
): Promise<void> {
  const { log, signals } = about;
  // Most of the program: signals are heard while it is loaded.
  const { startNode } = await import("./node.ts");
  const found = await onThisMachine(config, log);
  const starting = startNode(found, { ...about, stop: signals.stop });
  const node = await Promise.race([starting, signals.whenHurried()]).catch((error: unknown) => {
    if (!signals.stop.aborted || error !== signals.stop.reason) throw error;
    return undefined;
  });
  if (node === undefined) {
    log.info("stopped before it had started");
    process.exit(0);
  }
  if (node.isRemoved) throw removed();
  void node.whenRemoved().then(() => {
    process.stderr.write(`jobx-node: ${errorText(removed())}\n`);
    signals.stopNow();
  });
  let code = 0;
  void node.whenUnsupported().then((error) => {
    process.stderr.write(`jobx-node: ${errorText(error)}\n`);
    code = 1;
    signals.stopNow();
  });
  await signals.whenAsked();
  try {
    await node.stop(signals.now);
  } catch (error) {
    log.error("the node did not stop well", { reason: errorText(error) });
    process.exit(1);
  }
  process.exit(code);
}

function removed(): JobxError {
  return new JobxError(
    { code: "NODE_REMOVED" },
    "the cluster has removed this node; with an empty data directory it may join as a new one",
  );
}

async function readVersion(): Promise<string> {
  const text = await readFile(new URL("../../package.json", import.meta.url), "utf8");
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === "object" && parsed !== null && "version" in parsed) {
    return String(parsed.version);
  }
  return "unknown";
}
