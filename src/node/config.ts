/** What a node is told at its start: flags first, then `JOBX_*` variables, then defaults. */
import { availableParallelism, homedir, hostname } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { JobxError } from "../std/errors.ts";

export type ConfigErrorDetails = { readonly code: "CONFIG_INVALID"; readonly option: string };

export class ConfigError extends JobxError<ConfigErrorDetails> {}

/** Severities of the log. */
const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** Slots beyond this are a mistake, not a machine. */
const SLOTS_MAX = 4096;

export interface NodeConfig {
  /** Data directory; made at the first start. */
  readonly data: string;
  /** Shown beside the node's id. */
  readonly name: string;
  /** Multiaddrs to listen on; none for a node that only dials. */
  readonly listen: readonly string[];
  /** Multiaddrs to tell others instead. */
  readonly advertise: readonly string[];
  readonly api: { readonly host: string; readonly port: number };
  /** Further names that the API answers to. */
  readonly apiNames: readonly string[];
  /** Joins the cluster of this ticket at the first start; ignored afterwards. */
  readonly joinTicket: string | undefined;
  /** Units that run at once. */
  readonly slots: number;
  readonly capabilities: readonly string[];
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** How long a stop waits for units that run. */
  readonly drainMs: number;
  /** Of finished requests, in workflows that say nothing about it. */
  readonly retention: { readonly ageMs: number; readonly bytes: number };
  /** Workflows that programs on this machine may submit to without a token, in the old form. */
  readonly legacyWorkflows: readonly string[];
}

/** A flag with its variable and its words for the help text. */
interface Option {
  readonly variable: string;
  readonly value: string;
  readonly help: string;
}

const OPTIONS = {
  data: { variable: "JOBX_DATA", value: "DIR", help: "data directory (~/.jobx)" },
  name: { variable: "JOBX_NAME", value: "NAME", help: "name of this node (the host's)" },
  listen: {
    variable: "JOBX_LISTEN",
    value: "ADDRS",
    help: "multiaddrs to listen on, comma-separated; '' for none (/ip4/0.0.0.0/tcp/7071)",
  },
  advertise: { variable: "JOBX_ADVERTISE", value: "ADDRS", help: "multiaddrs to tell others" },
  api: { variable: "JOBX_API_ADDR", value: "HOST:PORT", help: "HTTP API (127.0.0.1:7070)" },
  "api-names": { variable: "JOBX_API_NAMES", value: "NAMES", help: "further names of the API" },
  join: { variable: "JOBX_JOIN", value: "TICKET", help: "join the cluster of this ticket" },
  slots: { variable: "JOBX_SLOTS", value: "N", help: "units that run at once (cores)" },
  capabilities: { variable: "JOBX_CAPABILITIES", value: "LABELS", help: "what this node offers" },
  "log-level": {
    variable: "JOBX_LOG_LEVEL",
    value: "LEVEL",
    help: `${LOG_LEVELS.join(", ")} (info)`,
  },
  "drain-timeout": {
    variable: "JOBX_DRAIN_TIMEOUT",
    value: "SECONDS",
    help: "how long SIGTERM waits for running units (30)",
  },
  "retention-age": {
    variable: "JOBX_RETENTION_AGE",
    value: "SECONDS",
    help: "finished requests are kept so long (a week)",
  },
  "retention-bytes": {
    variable: "JOBX_RETENTION_BYTES",
    value: "BYTES",
    help: "and so much of them for each workflow (1 GiB)",
  },
  "legacy-http": {
    variable: "JOBX_LEGACY_HTTP",
    value: "NAMES",
    help: "workflows open to POST /job/WORKFLOW/JOB from this machine without a token (none)",
  },
} as const satisfies Record<string, Option>;

/** What the command line asks for. */
export type Asked =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "run"; readonly config: NodeConfig };

/** Reads flags and environment. @throws {ConfigError} `CONFIG_INVALID` naming the option. */
export function readConfig(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Asked {
  const values = parse(args);
  if (values["help"] === true) return { kind: "help", text: helpText() };
  if (values["version"] === true) return { kind: "version" };
  const get = (option: keyof typeof OPTIONS): string | undefined => {
    const given = values[option];
    return typeof given === "string" ? given : environment[OPTIONS[option].variable];
  };
  const level = get("log-level") ?? "info";
  const logLevel = LOG_LEVELS.find((known) => known === level);
  if (logLevel === undefined) throw invalid("log-level", `one of ${LOG_LEVELS.join(", ")}`);
  const config: NodeConfig = {
    data: get("data") ?? join(homedir(), ".jobx"),
    name: nodeName(get("name") ?? hostname()),
    listen: list(get("listen") ?? "/ip4/0.0.0.0/tcp/7071"),
    advertise: list(get("advertise") ?? ""),
    api: hostPort(get("api") ?? "127.0.0.1:7070"),
    apiNames: list(get("api-names") ?? ""),
    joinTicket: get("join"),
    slots: whole("slots", get("slots") ?? `${availableParallelism()}`, { min: 0, max: SLOTS_MAX }),
    capabilities: list(get("capabilities") ?? "").map((label) => label.toLowerCase()),
    logLevel,
    drainMs: 1000 * whole("drain-timeout", get("drain-timeout") ?? "30", { min: 0, max: 86_400 }),
    retention: {
      ageMs: 1000 * whole("retention-age", get("retention-age") ?? "604800", { min: 1, max: 1e9 }),
      bytes: whole("retention-bytes", get("retention-bytes") ?? `${2 ** 30}`, {
        min: 0,
        max: 2 ** 50,
      }),
    },
    legacyWorkflows: list(get("legacy-http") ?? ""),
  };
  if (config.legacyWorkflows.length > 0 && !isLoopback(config.api.host)) {
    throw invalid("legacy-http", "an API on loopback only (--api 127.0.0.1:PORT)");
  }
  return { kind: "run", config };
}

function parse(args: readonly string[]): Record<string, string | boolean | undefined> {
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {
    help: { type: "boolean", short: "h" },
    version: { type: "boolean" },
  };
  for (const name of Object.keys(OPTIONS)) options[name] = { type: "string" };
  try {
    const { values } = parseArgs({ args: [...args], options, strict: true });
    const flat: Record<string, string | boolean | undefined> = {};
    for (const [name, value] of Object.entries(values)) {
      if (typeof value === "string" || typeof value === "boolean") flat[name] = value;
    }
    return flat;
  } catch (error) {
    throw invalid("flags", error instanceof Error ? error.message : "flags that exist");
  }
}

function helpText(): string {
  const rows = Object.entries(OPTIONS).map(([name, { variable, value, help }]) => {
    const flag = `  --${name} ${value}`.padEnd(28);
    return `${flag}${help} [${variable}]`;
  });
  return [
    "Usage: jobx-node [--join TICKET] [options]",
    "",
    "Runs one node of a jobx cluster. Alone it is a complete cluster of one; with --join it joins",
    "another one at its first start and stays with it.",
    "",
    ...rows,
    "  -h, --help                this text",
    "  --version                 the version",
    "",
  ].join("\n");
}

function list(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function nodeName(text: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(text)) {
    throw invalid("name", "letters, digits, '_', '.', '-', at most 128");
  }
  return text;
}

function hostPort(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (match === null) throw invalid("api", "HOST:PORT");
  const port = whole("api", match[3] ?? "", { min: 0, max: 65_535 });
  return { host: match[1] ?? match[2] ?? "", port };
}

function whole(
  option: string,
  text: string,
  bounds: { readonly min: number; readonly max: number },
): number {
  const value = Number(text);
  if (!Number.isInteger(value) || text.trim() === "" || value < bounds.min || value > bounds.max) {
    throw invalid(option, `a whole number from ${bounds.min} to ${bounds.max}`);
  }
  return value;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d+){3}$/.test(host);
}

function invalid(option: string, expected: string): ConfigError {
  return new ConfigError({ code: "CONFIG_INVALID", option }, `--${option}: expected ${expected}`);
}
