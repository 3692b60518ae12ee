/** Every option of `jobx-node`, once: flags, variables, the file's keys and the help text come from here. */

/** Severities of the log. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** Whether acknowledged data waits for the disk. */
export const DURABILITIES = ["sync", "none"] as const;

/** How long a stop waits for running units unless told otherwise, seconds. */
export const DRAIN_SECONDS_DEFAULT = 30;

/** A developer looks at last week's runs, and does not want a laptop filled by them. */
export const RETENTION_SECONDS_DEFAULT = 7 * 24 * 3600;
export const RETENTION_BYTES_DEFAULT = 2 ** 30;

/** A second: half a Gbit, so that healing leaves room on common networks. */
export const HEAL_RATE_DEFAULT = "64MiB";

/** Before the name of a file that holds a ticket: no ticket begins so. */
export const TICKET_FILE_MARK = "@";

/** One option. Its flag is `--` and its name; its key in the file is its name. */
export interface OptionSpec {
  readonly variable: string;
  /** What stands for the value in the help text. */
  readonly value: string;
  readonly help: string;
  /** Never printed. */
  readonly secret?: boolean;
  /** May be a list in the file; on a command line its parts are separated by commas. */
  readonly list?: boolean;
}

/** All options, in the order of the help text. */
export const OPTIONS = {
  data: { variable: "JOBX_DATA", value: "DIR", help: "data directory (~/.jobx)" },
  name: { variable: "JOBX_NAME", value: "NAME", help: "name of this node (the host's)" },
  listen: {
    variable: "JOBX_LISTEN",
    value: "ADDRS",
    help: "multiaddrs to listen on, comma-separated; '' for none (/ip4/0.0.0.0/tcp/7071)",
    list: true,
  },
  advertise: {
    variable: "JOBX_ADVERTISE",
    value: "ADDRS",
    help: "multiaddrs to tell others (those listened on)",
    list: true,
  },
  api: { variable: "JOBX_API_ADDR", value: "HOST:PORT", help: "HTTP API (127.0.0.1:7070)" },
  "api-names": {
    variable: "JOBX_API_NAMES",
    value: "NAMES",
    help: "further host names of the API (none)",
    list: true,
  },
  join: {
    variable: "JOBX_JOIN",
    value: "@FILE",
    help: "join the cluster of the ticket in that file at the first start; or TICKET itself",
    secret: true,
  },
  slots: { variable: "JOBX_SLOTS", value: "N", help: "units that run at once (cores)" },
  capabilities: {
    variable: "JOBX_CAPABILITIES",
    value: "LABELS",
    help: "what handlers may require of this node (none)",
    list: true,
  },
  "container-engine": {
    variable: "JOBX_CONTAINER_ENGINE",
    value: "ADDR",
    help: "unix:///PATH or tcp://HOST:PORT of Docker or podman, or none (DOCKER_HOST, usual sockets)",
  },
  "container-logins": {
    variable: "JOBX_CONTAINER_LOGINS",
    value: "FILE",
    help: "logins of registries, as in Docker's config.json (none)",
  },
  "container-paths": {
    variable: "JOBX_CONTAINER_PATHS",
    value: "DIRS",
    help: "what of this machine containers may be shown, with all below (none)",
    list: true,
  },
  "handler-memory": {
    variable: "JOBX_HANDLER_MEMORY",
    value: "SIZE",
    help: "what an attempt may use, or none (3/4 of the machine's, shared by the slots)",
  },
  "input-folders": {
    variable: "JOBX_INPUT_FOLDERS",
    value: "DIRS",
    help: "folders of this machine that requests may name as input (none)",
    list: true,
  },
  "object-cache": {
    variable: "JOBX_OBJECT_CACHE",
    value: "SIZE",
    help: "disk for objects that were fetched for requests (4GiB)",
  },
  "log-level": {
    variable: "JOBX_LOG_LEVEL",
    value: "LEVEL",
    help: `${LOG_LEVELS.join(", ")} (info)`,
  },
  "drain-timeout": {
    variable: "JOBX_DRAIN_TIMEOUT",
    value: "SECONDS",
    help: `how long SIGTERM waits for running units (${DRAIN_SECONDS_DEFAULT})`,
  },
  durability: {
    variable: "JOBX_DURABILITY",
    value: "HOW",
    help: "sync, or none: faster, and a power cut loses acknowledged data (sync)",
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
  "block-grace": {
    variable: "JOBX_BLOCK_GRACE",
    value: "SECONDS",
    help: "stored blocks that nothing refers to any more are kept so long (an hour)",
  },
  mount: {
    variable: "JOBX_MOUNT",
    value: "DIR",
    help: "show the volume of each workflow as DIR/WORKFLOW (none)",
  },
  "heal-rate": {
    variable: "JOBX_HEAL_RATE",
    value: "SIZE",
    help: "a second: what blocks with too few copies are copied with (64MiB)",
  },
  "legacy-http": {
    variable: "JOBX_LEGACY_HTTP",
    value: "NAMES",
    help: "workflows open to POST /job/WORKFLOW/JOB from this machine without a token (none)",
    list: true,
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;

export type OptionName = keyof typeof OPTIONS;

/** Names of all options. */
export function optionNames(): readonly OptionName[] {
  return Object.keys(OPTIONS).filter(isOption);
}

export function isOption(name: string): name is OptionName {
  return Object.hasOwn(OPTIONS, name);
}

/** The specification of an option with what it may have. */
export function optionSpec(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

/** The text of `--help`. */
export function helpText(): string {
  const rows = optionNames().map((name) => {
    const { value, help, variable } = OPTIONS[name];
    return `${`  --${name} ${value}`.padEnd(28)}${help} [${variable}]`;
  });
  return [
    "Usage: jobx-node [--join @FILE] [options]",
    "",
    "Runs one node of a jobx cluster. Alone it is a complete cluster of one; with --join it joins",
    "another one at its first start and stays with it.",
    "",
    ...rows,
    "  --config FILE             YAML with these options (jobx-node.yaml in the data directory) [JOBX_CONFIG]",
    "  --print-config            what is in force and where each value comes from; --json for programs",
    "  -h, --help                this text",
    "  --version                 the version",
    "",
    "A flag goes before its variable, a variable before the file, the file before the default.",
    "Everybody on a machine sees the flags of its processes: give a ticket in a file (@/dev/stdin",
    "reads it from the input) or in the variable.",
    "SIGTERM: hands over what it leads, lets running units finish, exits with 0. A second one: at once.",
    "",
  ].join("\n");
}
