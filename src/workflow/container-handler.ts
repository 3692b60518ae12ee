/**
 * What runs as a container: an image with a command, so many times. Written as a file `NAME.container.yaml`
 * among the handlers, or as a step that names an image. Pure; the YAML parser is handed in.
 */
import { parseDuration } from "./duration.ts";
import {
  type HandlerMetadata,
  HandlerMetadataError,
  MEMORY_BYTES_MAX,
  RETRIES_MAX,
  type TextParser,
  TIMEOUT_MS_MAX,
} from "./handler-metadata.ts";
import { type HandlerRuntime, readRuntime } from "./handler-runtime.ts";
import { parseSize, SIZE_RULE } from "./size.ts";

/** What a node offers that can run containers. */
export const CONTAINER_CAPABILITY = "docker";

/** A directory or file of the machine that a container sees. */
export interface ContainerPath {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** An image with what it is run with. */
export interface ContainerDefinition {
  readonly image: string;
  /** The image's own when undefined. */
  readonly command: readonly string[] | undefined;
  /** How often, unless the request says so; 1 to `CONTAINER_COUNT_MAX`. */
  readonly count: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly network: "none" | "host";
  readonly memoryBytes: number | undefined;
  readonly cpuMillis: number | undefined;
  readonly pids: number | undefined;
  /** Of the machine; its owner must allow them. */
  readonly paths: readonly ContainerPath[];
  /** Whether the workspace of the request is shown to it. */
  readonly workspace: boolean;
}

/** A file that was read: what runs, or what only gathers the results of such. */
export type ContainerHandler =
  | { readonly kind: "run"; readonly definition: ContainerDefinition }
  | { readonly kind: "gather" };

/** Units of one step: each is one pair of a dataset. */
export const CONTAINER_COUNT_MAX = 1_000_000;

/** Words of a command, and characters of all of them together. */
export const COMMAND_WORDS_MAX = 256;
export const COMMAND_LENGTH_MAX = 64 * 1024;

/** Paths of the machine that one container may see. */
export const CONTAINER_PATHS_MAX = 16;

/** Of these a step may say its own. */
export const CONTAINER_KEYS = [
  ...["image", "command", "count", "environment", "network", "memory", "cpus", "pids"],
  ...["paths", "workspace"],
] as const satisfies readonly string[];

const FILE_KEYS: readonly string[] = [
  ...CONTAINER_KEYS,
  ...["gather", "retries", "timeout", "description"],
];

/** The error of a key, with why its value is refused. */
type Refuse = (key: string, reason: string) => Error;

type Fields = ReadonlyMap<string, unknown>;

/** What of the fields says which container is run. Throws what `refuse` makes for what is not allowed. */
export function readContainer(fields: Fields, refuse: Refuse): ContainerDefinition {
  const ofRuntime = ["image", "environment", "network", "cpus", "pids"];
  const some = new Map([...fields].filter(([key]) => ofRuntime.includes(key)));
  const runtime: HandlerRuntime | undefined = readRuntime(some, {
    isExecutable: false,
    isBundle: false,
    refuse,
  });
  const image = runtime?.image;
  if (image === undefined) throw refuse("image", "image is missing");
  return {
    image,
    command: command(fields.get("command"), refuse),
    count: whole(fields.get("count"), { key: "count", max: CONTAINER_COUNT_MAX, refuse }) ?? 1,
    environment: runtime?.environment ?? {},
    network: runtime?.network ?? "none",
    memoryBytes: memory(fields.get("memory"), refuse),
    cpuMillis: runtime?.cpuMillis,
    pids: runtime?.pids,
    paths: paths(fields.get("paths"), refuse),
    workspace: workspace(fields.get("workspace"), refuse),
  };
}

/**
 * Reads a file, also in the form of `containerSource`.
 * @throws {JobxError} `HANDLER_METADATA_INVALID` with file, line and reason.
 */
export function readContainerHandler(
  source: string,
  options: { readonly file: string; readonly parseYaml: TextParser },
): { readonly handler: ContainerHandler; readonly metadata: HandlerMetadata } {
  const { file } = options;
  const at = (line: number, reason: string): HandlerMetadataError =>
    new HandlerMetadataError(
      { code: "HANDLER_METADATA_INVALID", file, line, reason },
      `${file}:${line}: ${reason}`,
    );
  const parsed = options.parseYaml(source);
  if (parsed.kind === "malformed") throw at(parsed.line, `not YAML: ${parsed.reason}`);
  const { value } = parsed;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw at(1, "a container is described by a mapping");
  }
  const fields: Fields = new Map<string, unknown>(Object.entries(value));
  const refuse: Refuse = (key, reason) => at(lineOf(source, key), reason);
  for (const key of fields.keys()) {
    if (!FILE_KEYS.includes(key)) throw refuse(key, `unknown key: ${key}`);
  }
  const gather = fields.get("gather") === true;
  const handler: ContainerHandler = gather
    ? { kind: "gather" }
    : { kind: "run", definition: readContainer(fields, refuse) };
  const description = fields.get("description") ?? "";
  if (typeof description !== "string") throw refuse("description", "description is text");
  return {
    handler,
    metadata: {
      type: gather ? "reducer" : "mapper",
      argumentType: null,
      requiredCapability: gather ? "none" : CONTAINER_CAPABILITY,
      retries: whole(fields.get("retries"), { key: "retries", min: 0, max: RETRIES_MAX, refuse }),
      timeoutMs: timeout(fields.get("timeout"), refuse),
      // Limits are the container's, not those of the worker that looks after it.
      memoryBytes: undefined,
      runtime: undefined,
      description,
    },
  };
}

/** The same always for the same: as it is stored, and read again by `readContainerHandler`. */
export function containerSource(handler: ContainerHandler): string {
  if (handler.kind === "gather") return JSON.stringify({ gather: true });
  const { memoryBytes, cpuMillis, command, paths, ...rest } = handler.definition;
  const cpus = cpuMillis === undefined ? undefined : cpuMillis / 1000;
  return JSON.stringify({
    ...rest,
    ...{ command, cpus, memory: memoryBytes },
    paths: paths.map(({ source, target, readOnly }) =>
      [source, target, readOnly ? "ro" : "rw"].join(":"),
    ),
  });
}

function lineOf(source: string, key: string): number {
  const pattern = new RegExp(`^\\s*["']?${key.replace(/[^A-Za-z0-9_]/g, "\\$&")}["']?\\s*:`);
  return Math.max(1, source.split("\n").findIndex((line) => pattern.test(line)) + 1);
}

function whole(
  value: unknown,
  how: {
    readonly key: string;
    readonly min?: number;
    readonly max: number;
    readonly refuse: Refuse;
  },
): number | undefined {
  if (value === undefined) return undefined;
  const { key, min = 1, max } = how;
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
    return value;
  }
  throw how.refuse(key, `${key} is a whole number from ${min} to ${max}`);
}

/** Words, or one text that is given to the image's `/bin/sh -c`. */
function command(value: unknown, refuse: Refuse): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const given: unknown = typeof value === "string" ? ["/bin/sh", "-c", value] : value;
  const wrong = (reason: string): Error => refuse("command", `command ${reason}`);
  if (!Array.isArray(given) || given.length < 1 || given.length > COMMAND_WORDS_MAX) {
    throw wrong(`is a text for the shell, or a list of 1 to ${COMMAND_WORDS_MAX} words`);
  }
  const words = given.map((word: unknown) => {
    const text = typeof word === "number" || typeof word === "boolean" ? String(word) : word;
    if (typeof text !== "string" || text.includes("\0")) throw wrong("has words that are text");
    return text;
  });
  if (words.join(" ").length > COMMAND_LENGTH_MAX) {
    throw wrong(`has at most ${COMMAND_LENGTH_MAX} characters`);
  }
  return words;
}

function memory(value: unknown, refuse: Refuse): number | undefined {
  if (value === undefined) return undefined;
  const bytes = typeof value === "string" ? parseSize(value) : value;
  const fits = typeof bytes === "number" && Number.isInteger(bytes);
  if (fits && bytes >= CONTAINER_MEMORY_BYTES_MIN && bytes <= MEMORY_BYTES_MAX) return bytes;
  throw refuse("memory", `memory is ${SIZE_RULE}, at least 6 MiB and at most 1024 GiB`);
}

/** Engines refuse less. */
const CONTAINER_MEMORY_BYTES_MIN = 6 * 2 ** 20;

function timeout(value: unknown, refuse: Refuse): number | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === "number" ? `${value}s` : value;
  const ms = typeof text === "string" ? parseDuration(text) : undefined;
  if (ms !== undefined && ms >= 1 && ms <= TIMEOUT_MS_MAX) return ms;
  throw refuse("timeout", "timeout is seconds, or a number with ms, s, m or h, at most a week");
}

/** `SOURCE:TARGET`, read only, or with `:rw`. */
function paths(value: unknown, refuse: Refuse): readonly ContainerPath[] {
  if (value === undefined) return [];
  const wrong = (reason: string): Error => refuse("paths", `paths ${reason}`);
  if (!Array.isArray(value) || value.length > CONTAINER_PATHS_MAX) {
    throw wrong(`is a list of at most ${CONTAINER_PATHS_MAX} texts SOURCE:TARGET[:ro|:rw]`);
  }
  return value.map((entry: unknown) => {
    const parts = typeof entry === "string" ? entry.split(":") : [];
    const [source = "", target = "", mode = "ro"] = parts;
    const isPlain = [source, target].every(isPlainPath) && parts.length <= 3;
    if (!isPlain || (mode !== "ro" && mode !== "rw")) {
      throw wrong("are absolute and without . and .., as in /data/in:/in:ro");
    }
    if (target === "/jobx" || target.startsWith("/jobx/")) throw wrong("may not be below /jobx");
    return { source, target, readOnly: mode === "ro" };
  });
}

function isPlainPath(path: string): boolean {
  const parts = path.split("/").slice(1);
  const isClean = parts.every((part) => part !== "" && part !== "." && part !== "..");
  return path.startsWith("/") && path !== "/" && isClean && !path.includes("\0");
}

function workspace(value: unknown, refuse: Refuse): boolean {
  if (value === undefined) return true;
  if (typeof value === "boolean") return value;
  throw refuse("workspace", "workspace is true or false");
}
