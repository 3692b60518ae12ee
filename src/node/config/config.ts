/** What a node is told at its start: a flag, else its variable, else the file, else the default. */

import { availableParallelism, homedir, hostname, totalmem } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Machine } from "../../handlers/limits/report.ts";
import { RETENTION_MS_MAX } from "../../workflow/definition.ts";
import { parseDuration } from "../../workflow/duration.ts";
import { MEMORY_BYTES_MAX } from "../../workflow/handler-metadata.ts";
import { CAPABILITY_RULE, isCapability } from "../../workflow/names.ts";
import { parseSize, SIZE_RULE } from "../../workflow/size.ts";
import { suggest } from "../../workflow/suggest.ts";
import { type ContainerConfig, containerConfig } from "./containers.ts";
import { ConfigError } from "./errors.ts";
import { type Given, readConfigFile, unknownKey } from "./file.ts";
import {
  DRAIN_SECONDS_DEFAULT,
  DURABILITIES,
  HEAL_RATE_DEFAULT,
  helpText,
  isOption,
  LOG_LEVELS,
  OPTIONS,
  type OptionName,
  optionNames,
  RETENTION_BYTES_DEFAULT,
  RETENTION_SECONDS_DEFAULT,
  TICKET_FILE_MARK,
} from "./options.ts";

/** Slots beyond this are a mistake, not a machine. */
const SLOTS_MAX = 4096;

/** More labels than anybody reads; what a node says of itself has to fit the message that it joins with. */
const CAPABILITIES_MAX = 256;

/** Longer than anybody is between storing blocks and telling of them, or stands still meanwhile. */
const GRACE_SECONDS_DEFAULT = 3600;
const GRACE_SECONDS_MAX = 30 * 24 * 3600;

/** A drain longer than a day is a mistake. */
const DRAIN_SECONDS_MAX = 86_400;

/** A slower one would not end: a block may have as much. */
const HEAL_RATE_MIN = 1024 * 1024;

/** Handlers get this part of the machine's memory together; the node and the system need some. */
const MEMORY_RATIO = 0.75;

/** An attempt gets at least so much, however many slots there are: an empty worker takes 60 MiB. */
const MEMORY_MEBIBYTES_MIN = 256;

/** Looked for in the data directory when no file is named. */
export const CONFIG_FILE_NAME = "jobx-node.yaml";

/** Names the file; not an option itself, since a file cannot name another. */
const FILE_VARIABLE = "JOBX_CONFIG";

/** Variables of our other programs: no mistyped options of this one. */
const OTHER_VARIABLES = ["JOBX_TOKEN", "JOBX_API"];

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
  /** Joins the cluster of this ticket, or of that in `@FILE`, at the first start; ignored afterwards. */
  readonly joinTicket: string | undefined;
  /** Units that run at once. */
  readonly slots: number;
  readonly capabilities: readonly string[];
  /** What can be limited here; undefined while nobody has looked. */
  readonly machine?: Machine;
  /** What containers are run with. */
  readonly containers: ContainerConfig;
  /** Memory of an attempt whose handlers do not say, bytes; undefined for no limit. */
  readonly handlerMemoryBytes: number | undefined;
  /** Of requests over lists: folders of this machine that they may name, and disk for what is fetched. */
  readonly objects: { readonly folders: readonly string[]; readonly cacheBytes: number };
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** How long a stop waits for units that run. */
  readonly drainMs: number;
  /** With `none` nothing waits for the disk, and a power cut loses acknowledged data. */
  readonly durability: (typeof DURABILITIES)[number];
  /** Of finished requests, in workflows that say nothing about it. */
  readonly retention: { readonly ageMs: number; readonly bytes: number };
  /** R25: blocks that nothing refers to are kept so long. */
  readonly blockGraceMs: number;
  /** Where the volumes of all workflows are mounted. */
  readonly mount: string | undefined;
  /** What blocks with too few copies are copied with, by this node's order. */
  readonly healBytesPerSecond: number;
  /** Workflows that programs on this machine may submit to without a token, in the old form. */
  readonly legacyWorkflows: readonly string[];
}

/** The text of every option and where it comes from. */
export type Settings = Readonly<Record<OptionName, Given>>;

/** What the command line asks for. */
export type Asked =
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" }
  | { readonly kind: "print"; readonly settings: Settings; readonly json: boolean }
  | {
      readonly kind: "run";
      readonly config: NodeConfig;
      /** What is allowed and unwise, in sentences for the log. */
      readonly warnings: readonly string[];
    };

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads flags, environment and file.
 * @throws {ConfigError} any of its codes, with the option, what is expected and who gave it.
 */
export function readConfig(args: readonly string[], environment: Environment): Asked {
  const { options, config: file, help, version, print, json } = parseFlags(args);
  if (help) return { kind: "help", text: helpText() };
  if (version) return { kind: "version" };
  checkVariables(environment);
  const settings = resolveSettings(options, file, environment);
  const config = parseSettings(settings, environment);
  if (print) return { kind: "print", settings, json };
  return { kind: "run", config, warnings: warningsOf(settings) };
}

function warningsOf({ join: { text, source } }: Settings): readonly string[] {
  if (source !== "--join" || text === "" || text.startsWith(TICKET_FILE_MARK)) return [];
  return [
    "the ticket of --join is shown to everybody on this machine who lists its processes; give it in a file (--join @FILE) or in JOBX_JOIN",
  ];
}

interface Flags {
  readonly options: ReadonlyMap<OptionName, string>;
  readonly config: string | undefined;
  readonly help: boolean;
  readonly version: boolean;
  readonly print: boolean;
  readonly json: boolean;
}

function parseFlags(args: readonly string[]): Flags {
  const words: Record<string, { type: "string" | "boolean"; short?: string }> = {
    config: { type: "string" },
    help: { type: "boolean", short: "h" },
    version: { type: "boolean" },
    "print-config": { type: "boolean" },
    json: { type: "boolean" },
  };
  for (const name of optionNames()) words[name] = { type: "string" };
  let values: Readonly<Record<string, unknown>>;
  try {
    values = parseArgs({ args: [...args], options: words, strict: true }).values;
  } catch (error) {
    throw flagError(error, Object.keys(words));
  }
  const options = new Map<OptionName, string>();
  for (const [name, value] of Object.entries(values)) {
    if (isOption(name) && typeof value === "string") options.set(name, value);
  }
  const { config } = values;
  return {
    options,
    config: typeof config === "string" ? config : undefined,
    help: values["help"] === true,
    version: values["version"] === true,
    print: values["print-config"] === true,
    json: values["json"] === true,
  };
}

function flagError(error: unknown, known: readonly string[]): ConfigError {
  const message = error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error);
  const name = /^Unknown option '--(?<name>[^']+)'/u.exec(message)?.groups?.["name"];
  if (name !== undefined) return unknownKey(name, `--${name}`, known);
  // The parser repeats values, and a value may be a secret.
  const option = /'(?:-\w, )?--(?<name>[a-z-]+)/u.exec(message)?.groups?.["name"];
  if (option === undefined) {
    return invalid("flags", "flags", "flags only; a word without a flag means nothing here");
  }
  return invalid(option, `--${option}`, OPTIONS_WITH_VALUE.has(option) ? "a value" : "no value");
}

const OPTIONS_WITH_VALUE: ReadonlySet<string> = new Set([...optionNames(), "config"]);

/** A mistyped variable would be ignored for ever; those that look like ours are refused. */
function checkVariables(environment: Environment): void {
  const known = [...optionNames().map((name) => OPTIONS[name].variable), FILE_VARIABLE];
  for (const variable of Object.keys(environment)) {
    if (!variable.startsWith("JOBX_")) continue;
    if ([...known, ...OTHER_VARIABLES].includes(variable)) continue;
    if (suggest(variable, known) !== null) throw unknownKey(variable, variable, known);
  }
}

function resolveSettings(
  options: ReadonlyMap<OptionName, string>,
  fileFlag: string | undefined,
  environment: Environment,
): Settings {
  const above = (name: OptionName): Given | undefined => {
    const flag = options.get(name);
    if (flag !== undefined) return { text: flag, source: `--${name}` };
    const { variable } = OPTIONS[name];
    const set = environment[variable];
    return set === undefined ? undefined : { text: set, source: variable };
  };
  const named = fileFlag ?? environment[FILE_VARIABLE];
  const data = above("data");
  const inData = join(data?.text ?? defaults().data, CONFIG_FILE_NAME);
  const path = named === undefined || named === "" ? inData : named;
  const file = readConfigFile(path, path === inData ? "may be absent" : "must exist");
  const inFile = file?.get("data");
  if (inFile !== undefined && path === inData) {
    throw invalid(
      "data",
      inFile.source,
      "another place: this file was found by the data directory",
    );
  }
  const standard = defaults();
  const value = (name: OptionName): Given =>
    above(name) ?? file?.get(name) ?? { text: standard[name], source: "default" };
  const chosen = value("data");
  // What a file says is meant from where the file is.
  const from = chosen === inFile ? dirname(path) : ".";
  return {
    data: { ...chosen, text: chosen.text === "" ? "" : resolve(from, chosen.text) },
    name: value("name"),
    listen: value("listen"),
    advertise: value("advertise"),
    api: value("api"),
    "api-names": value("api-names"),
    join: ticketFrom(value("join"), file?.get("join"), path),
    slots: value("slots"),
    capabilities: value("capabilities"),
    "container-engine": value("container-engine"),
    "container-logins": value("container-logins"),
    "container-paths": value("container-paths"),
    "handler-memory": sharedMemory(value("handler-memory"), value("slots")),
    "input-folders": value("input-folders"),
    "object-cache": value("object-cache"),
    "log-level": value("log-level"),
    "drain-timeout": value("drain-timeout"),
    durability: value("durability"),
    "retention-age": value("retention-age"),
    "retention-bytes": value("retention-bytes"),
    "block-grace": value("block-grace"),
    mount: value("mount"),
    "heal-rate": value("heal-rate"),
    "legacy-http": value("legacy-http"),
  };
}

/** A ticket's file that a configuration file names is meant from where that one is. */
function ticketFrom(chosen: Given, inFile: Given | undefined, path: string): Given {
  if (chosen !== inFile || !chosen.text.startsWith(TICKET_FILE_MARK)) return chosen;
  const name = chosen.text.slice(TICKET_FILE_MARK.length);
  return { ...chosen, text: TICKET_FILE_MARK + resolve(dirname(path), name) };
}

function defaults(): Readonly<Record<OptionName, string>> {
  return {
    data: join(homedir(), ".jobx"),
    name: hostname(),
    listen: "/ip4/0.0.0.0/tcp/7071",
    advertise: "",
    api: "127.0.0.1:7070",
    "api-names": "",
    join: "",
    slots: `${availableParallelism()}`,
    capabilities: "",
    "container-engine": "",
    "container-logins": "",
    "container-paths": "",
    "handler-memory": "",
    "input-folders": "",
    "object-cache": "4GiB",
    "log-level": "info",
    "drain-timeout": `${DRAIN_SECONDS_DEFAULT}`,
    durability: "sync",
    "retention-age": `${RETENTION_SECONDS_DEFAULT}`,
    "retention-bytes": `${RETENTION_BYTES_DEFAULT}`,
    "block-grace": `${GRACE_SECONDS_DEFAULT}`,
    mount: "",
    "heal-rate": HEAL_RATE_DEFAULT,
    "legacy-http": "",
  };
}

function parseSettings(settings: Settings, environment: Environment): NodeConfig {
  const { text: ticket } = settings.join;
  return {
    data: directory(settings),
    name: nodeName(settings),
    listen: addresses("listen", settings),
    advertise: addresses("advertise", settings),
    api: hostPort(settings),
    apiNames: list(settings["api-names"].text),
    joinTicket: ticket === "" ? undefined : ticket,
    slots: whole("slots", settings.slots, { min: 0, max: SLOTS_MAX }),
    capabilities: capabilities(settings),
    containers: containerConfig(settings, environment),
    handlerMemoryBytes: handlerMemory(settings["handler-memory"]),
    objects: {
      folders: list(settings["input-folders"].text).map((folder) => resolve(folder)),
      cacheBytes: objectCache(settings["object-cache"]),
    },
    logLevel: oneOf("log-level", settings, LOG_LEVELS),
    drainMs: drainMs(settings["drain-timeout"]),
    durability: oneOf("durability", settings, DURABILITIES),
    retention: retention(settings),
    blockGraceMs: blockGraceMs(settings["block-grace"]),
    mount: settings.mount.text === "" ? undefined : resolve(settings.mount.text),
    healBytesPerSecond: healRate(settings["heal-rate"]),
    legacyWorkflows: legacyWorkflows(settings),
  };
}

/** The default depends on the slots; what nobody has given is told as what it comes to. */
function sharedMemory(given: Given, slots: Given): Given {
  if (given.source !== "default") return given;
  // A container may have less than the machine; without a limit of its own it is told 0 or too much.
  const machineBytes = Math.min(
    totalmem(),
    process.constrainedMemory() || Number.POSITIVE_INFINITY,
  );
  const shareBytes = (MEMORY_RATIO * machineBytes) / Math.max(1, Number(slots.text) || 1);
  const mebibytes = Math.max(MEMORY_MEBIBYTES_MIN, Math.floor(shareBytes / 2 ** 20));
  return { ...given, text: `${mebibytes}MiB` };
}

function handlerMemory({ text, source }: Given): number | undefined {
  if (text === "none") return undefined;
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= 1 && bytes <= MEMORY_BYTES_MAX) return bytes;
  throw invalid("handler-memory", source, `${SIZE_RULE}, or none`);
}

function objectCache({ text, source }: Given): number {
  const bytes = parseSize(text);
  if (bytes !== undefined) return bytes;
  throw invalid("object-cache", source, SIZE_RULE);
}

function healRate({ text, source }: Given): number {
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes >= HEAL_RATE_MIN && bytes <= MEMORY_BYTES_MAX) return bytes;
  throw invalid("heal-rate", source, `${SIZE_RULE}, at least 1MiB`);
}

function retention(settings: Settings): NodeConfig["retention"] {
  const { text, source } = settings["retention-age"];
  const ageMs = /^\d{1,9}$/.test(text) ? 1000 * Number(text) : parseDuration(text);
  if (ageMs === undefined || ageMs < 1 || ageMs > RETENTION_MS_MAX) {
    throw invalid("retention-age", source, "seconds, or a duration such as 24h");
  }
  const bytes = settings["retention-bytes"];
  if (!/^\d{1,15}$/.test(bytes.text)) throw invalid("retention-bytes", bytes.source, "bytes");
  return { ageMs, bytes: Number(bytes.text) };
}

/** Without a token only this machine may call, so nobody else may reach the API at all. */
function legacyWorkflows(settings: Settings): readonly string[] {
  const names = list(settings["legacy-http"].text);
  const { host } = hostPort(settings);
  const isLoopback = host === "localhost" || host === "::1" || /^127(?:\.\d+){3}$/.test(host);
  if (names.length === 0 || isLoopback) return names;
  const { source } = settings["legacy-http"];
  throw invalid("legacy-http", source, "an API on loopback only (--api 127.0.0.1:PORT)");
}

/** The parts of a list as a command line has it. */
export function list(text: string): readonly string[] {
  return text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function directory({ data }: Settings): string {
  if (data.text === "") throw invalid("data", data.source, "a directory");
  return data.text;
}

function nodeName({ name }: Settings): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name.text)) {
    throw invalid("name", name.source, "letters, digits, '_', '.', '-', at most 128");
  }
  return name.text;
}

/** What no handler could name would be offered in vain. */
function capabilities(settings: Settings): readonly string[] {
  const { text, source } = settings.capabilities;
  const labels = list(text);
  if (!labels.every(isCapability)) {
    throw invalid("capabilities", source, `labels: each ${CAPABILITY_RULE}`);
  }
  const different = [...new Set(labels.map((label) => label.toLowerCase()))];
  if (different.length > CAPABILITIES_MAX) {
    throw invalid("capabilities", source, `at most ${CAPABILITIES_MAX} labels`);
  }
  return different;
}

function addresses(name: "listen" | "advertise", settings: Settings): readonly string[] {
  const parts = list(settings[name].text);
  if (parts.every((part) => part.startsWith("/"))) return parts;
  throw invalid(name, settings[name].source, "multiaddrs such as /ip4/192.0.2.1/tcp/7071");
}

function hostPort({ api }: Settings): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(api.text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw invalid("api", api.source, "HOST:PORT");
  return { host: match[1] ?? match[2] ?? "", port };
}

function oneOf<const Word extends string>(
  name: OptionName,
  settings: Settings,
  words: readonly Word[],
): Word {
  const { text, source } = settings[name];
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  const close = suggest(text, words);
  const hint = close === null ? "" : `; did you mean ${close}?`;
  throw invalid(name, source, `one of ${words.join(", ")}${hint}`);
}

function drainMs({ text, source }: Given): number {
  const ms = /^\d{1,9}$/.test(text) ? 1000 * Number(text) : parseDuration(text);
  if (ms !== undefined && ms <= 1000 * DRAIN_SECONDS_MAX) return ms;
  throw invalid(
    "drain-timeout",
    source,
    `seconds, or a duration such as 2m, up to ${DRAIN_SECONDS_MAX} s`,
  );
}

function blockGraceMs({ text, source }: Given): number {
  const ms = /^\d{1,9}$/.test(text) ? 1000 * Number(text) : parseDuration(text);
  if (ms !== undefined && ms >= 1000 && ms <= 1000 * GRACE_SECONDS_MAX) return ms;
  throw invalid("block-grace", source, "seconds, or a duration such as 2h, from 1 s to 30 days");
}

function whole(
  option: OptionName,
  { text, source }: Given,
  bounds: { readonly min: number; readonly max: number },
): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.min && value <= bounds.max) return value;
  throw invalid(option, source, `a whole number from ${bounds.min} to ${bounds.max}`);
}

/** Never repeats the value: it may be a secret that went to the wrong option. */
function invalid(option: string, source: string, expected: string): ConfigError {
  return new ConfigError(
    { code: "CONFIG_INVALID", option, source },
    `${source}: expected ${expected}`,
  );
}
