/** `jobx-node`: reads its configuration, runs a node, and stops it on a signal. */
import { readFile } from "node:fs/promises";
import { errorText, isJobxError, JobxError } from "../std/errors.ts";
import { readConfig } from "./config/config.ts";
import { settingsJson, settingsText } from "./config/print.ts";
import { createLog } from "./log.ts";
import { startNode } from "./node.ts";

async function main(): Promise<void> {
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
      const node = await startNode(config, { version, log });
      if (node.isRemoved) throw removed();
      const now = new AbortController();
      let stopping = false;
      const stop = (): void => {
        if (stopping) {
          now.abort();
          return;
        }
        stopping = true;
        node.stop(now.signal).then(
          () => process.exit(0),
          (error: unknown) => {
            log.error("the node did not stop well", { reason: errorText(error) });
            process.exit(1);
          },
        );
      };
      void node.whenRemoved().then(() => {
        process.stderr.write(`jobx-node: ${errorText(removed())}\n`);
        now.abort();
        if (!stopping) stop();
      });
      process.on("SIGTERM", stop);
      process.on("SIGINT", stop);
    }
  }
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

main().catch((error: unknown) => {
  process.stderr.write(`jobx-node: ${errorText(error)}\n`);
  if (!isJobxError(error) && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
