/**
 * How a handler wants to be run: what it may use of a machine, what it is shut into, which words its
 * program and its node speak. Read from its metadata; kept with the handler and told to whoever starts
 * its workers. Pure.
 */
import { BUNDLE_PATH_LENGTH_MAX, isBundlePath } from "./bundle.ts";
import { parseDuration } from "./duration.ts";
import { isSecretName, SECRET_NAME_RULE } from "./names.ts";
import { parseSize, SIZE_RULE } from "./size.ts";

/** How an executable is spoken to: a record a line on its standard streams, or frames as all workers. */
export type HandlerProtocol = "lines" | "frames";

/** How records are written in lines: key, separator, value; or a JSON array of both. */
export type LineCodec = "tsv" | "ndjson";

/** What a handler is shut into. */
export type HandlerSandbox = "none" | "strict";

/** Whether a handler reaches what its machine does. */
export type HandlerNetwork = "none" | "host";

/** What a handler says about its running. What is undefined was not said. */
export interface HandlerRuntime {
  /** Thousandths of a processor, 1 to `CPU_MILLIS_MAX`. */
  readonly cpuMillis: number | undefined;
  /** What one attempt may write to its disk, bytes, 1 to `DISK_BYTES_MAX`. */
  readonly diskBytes: number | undefined;
  /** Longest time without any sign of the handler, milliseconds. */
  readonly silenceMs: number | undefined;
  /** Processes and threads of one attempt, 1 to `PIDS_MAX`. */
  readonly pids: number | undefined;
  /** True: only a node that enforces what is said here may run it. */
  readonly isEnforced: boolean;
  readonly sandbox: HandlerSandbox | undefined;
  readonly network: HandlerNetwork | undefined;
  /** An OCI image by its name. */
  readonly image: string | undefined;
  /** Variables by their names, besides those that every worker gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Of executables; lines unless said. */
  readonly protocol: HandlerProtocol | undefined;
  /** In line mode; tsv unless said. */
  readonly codec: LineCodec | undefined;
  /** Between key and value in line mode; a tabulator unless said. */
  readonly separator: string | undefined;
  /** Equal inputs give equal outputs, and nothing else comes of it. */
  readonly isPure: boolean;
  /** Of a bundle: its main file by its path. */
  readonly main: string | undefined;
  /** Names of the secrets of its workflow that it is given, in order; undefined for none. */
  readonly secrets?: readonly string[] | undefined;
  /** Of mappers: sealed values in what it is given are opened for it; undefined where not. */
  readonly unseals?: boolean | undefined;
}

/** Most processors that metadata may ask for, thousandths: beyond any machine meant here. */
export const CPU_MILLIS_MAX = 1_024_000;

/** Most disk that metadata may ask for, bytes: 1 PiB. */
export const DISK_BYTES_MAX = 2 ** 50;

/** Longest silence that metadata may allow, milliseconds: a week, as the longest timeout. */
export const SILENCE_MS_MAX = 7 * 24 * 3_600_000;

/** Most processes that metadata may ask for: the kernel's own bound. */
export const PIDS_MAX = 4_194_304;

/** Variables of one handler. */
export const ENVIRONMENT_MAX = 64;

/** Characters of a variable's name, and of its value: metadata is short as a whole. */
export const ENVIRONMENT_NAME_LENGTH_MAX = 128;
export const ENVIRONMENT_VALUE_LENGTH_MAX = 8 * 1024;

/** Characters of an image's name: 255 for its repository, and a tag or digest. */
export const IMAGE_LENGTH_MAX = 512;

/** Characters between key and value of a line. */
export const SEPARATOR_LENGTH_MAX = 16;

/** Secrets that one handler may be given. */
export const HANDLER_SECRETS_MAX = 32;

/** Keys of metadata that are read here. */
export const RUNTIME_KEYS = [
  ...["cpus", "disk", "silence", "pids", "require", "sandbox", "network", "image"],
  ...["environment", "protocol", "codec", "separator", "pure", "main", "secrets", "unseal"],
] as const satisfies readonly string[];

/** Of these, what only an executable may say. */
const EXECUTABLE_KEYS = ["protocol", "codec", "separator"] as const;

/** The error of a key, with why its value is refused. */
type Refuse = (key: string, reason: string) => Error;

type Fields = ReadonlyMap<string, unknown>;

/**
 * What metadata says about running; undefined when that is nothing. `isExecutable`: the handler is a
 * program of its own. Throws what `refuse` makes for a value that is not allowed.
 */
export function readRuntime(
  fields: Fields,
  options: { readonly isExecutable: boolean; readonly isBundle: boolean; readonly refuse: Refuse },
): HandlerRuntime | undefined {
  const { refuse, isExecutable } = options;
  if (!options.isBundle && !RUNTIME_KEYS.some((key) => fields.has(key))) return undefined;
  const alien = EXECUTABLE_KEYS.find((key) => !isExecutable && fields.has(key));
  if (alien !== undefined) throw refuse(alien, `${alien} is for executables only`);
  const choice = <Word extends string>(key: string, words: readonly Word[]): Word | undefined => {
    const value = fields.get(key);
    if (value === undefined) return undefined;
    const known = words.find((word) => word === value);
    if (known === undefined) throw refuse(key, `${key} is one of ${words.join(", ")}`);
    return known;
  };
  const protocol = choice("protocol", ["lines", "frames"]);
  const inLines = ["codec", "separator"].find((key) => fields.has(key));
  if (protocol === "frames" && inLines !== undefined) {
    throw refuse(inLines, `${inLines} is for the protocol lines only`);
  }
  const named = secrets(fields.get("secrets"), refuse);
  if (isExecutable && protocol !== "frames" && named !== undefined) {
    throw refuse("secrets", "secrets are given to an executable with protocol: frames only");
  }
  const codec = choice("codec", ["tsv", "ndjson"]);
  if (codec === "ndjson" && fields.has("separator")) {
    throw refuse("separator", "separator is for the codec tsv only");
  }
  return {
    cpuMillis: cpuMillis(fields.get("cpus"), refuse),
    diskBytes: diskBytes(fields.get("disk"), refuse),
    silenceMs: silenceMs(fields.get("silence"), refuse),
    pids: pids(fields.get("pids"), refuse),
    isEnforced: choice("require", ["enforced"]) === "enforced",
    sandbox: choice("sandbox", ["none", "strict"]),
    network: choice("network", ["none", "host"]),
    image: image(fields.get("image"), refuse),
    environment: environment(fields.get("environment"), refuse),
    protocol,
    codec,
    separator: separator(fields.get("separator"), refuse),
    isPure: isPure(fields.get("pure"), refuse),
    main: main(fields.get("main"), options),
    secrets: named,
    unseals: unseals(fields, refuse),
  };
}

/** Processors, whole or in parts of a thousandth. */
function cpuMillis(value: unknown, refuse: Refuse): number | undefined {
  if (value === undefined) return undefined;
  const millis = typeof value === "number" ? Math.round(value * 1000) : 0;
  const isExact = typeof value === "number" && Math.abs(value * 1000 - millis) < 1e-6;
  if (isExact && millis >= 1 && millis <= CPU_MILLIS_MAX) return millis;
  throw refuse("cpus", `cpus is a number from 0.001 to ${CPU_MILLIS_MAX / 1000}, in thousandths`);
}

/** Bytes as a number, or a number with one of the units KiB, MiB, GiB. */
function diskBytes(value: unknown, refuse: Refuse): number | undefined {
  if (value === undefined) return undefined;
  const bytes = typeof value === "string" ? parseSize(value) : value;
  const fits = typeof bytes === "number" && Number.isInteger(bytes);
  if (fits && bytes >= 1 && bytes <= DISK_BYTES_MAX) return bytes;
  throw refuse("disk", `disk is ${SIZE_RULE}, at most 1 PiB`);
}

/** Seconds as a number, or a duration with a unit. */
function silenceMs(value: unknown, refuse: Refuse): number | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === "number" ? `${value}s` : value;
  const ms = typeof text === "string" ? parseDuration(text) : undefined;
  if (ms !== undefined && ms >= 1 && ms <= SILENCE_MS_MAX) return ms;
  throw refuse("silence", "silence is seconds, or a number with ms, s, m or h, at most a week");
}

function pids(value: unknown, refuse: Refuse): number | undefined {
  if (value === undefined) return undefined;
  const isCount = typeof value === "number" && Number.isInteger(value);
  if (isCount && value >= 1 && value <= PIDS_MAX) return value;
  throw refuse("pids", `pids is an integer from 1 to ${PIDS_MAX}`);
}

/** Host, path, tag and digest as in references of the OCI; what it names is looked at by an engine. */
const IMAGE =
  /^[a-zA-Z0-9][a-zA-Z0-9._-]*(?::[0-9]{1,5})?(?:\/[a-z0-9._-]+)*(?::[\w][\w.-]*)?(?:@sha256:[0-9a-f]{64})?$/u;

function image(value: unknown, refuse: Refuse): string | undefined {
  if (value === undefined) return undefined;
  const fits = typeof value === "string" && value.length <= IMAGE_LENGTH_MAX && IMAGE.test(value);
  if (fits) return value;
  throw refuse(
    "image",
    "image is a reference such as debian:12 or registry:5000/tools/sort@sha256:…",
  );
}

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/u;
/** What every worker is given by its node. */
const VARIABLES_OF_NODES = ["HOME", "TMPDIR"];

/** Texts, and numbers and truths as the text that they are written as. */
function environment(value: unknown, refuse: Refuse): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  const wrong = (reason: string): Error => refuse("environment", `environment ${reason}`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong("is a mapping of names to values");
  }
  const entries = Object.entries(value);
  if (entries.length > ENVIRONMENT_MAX) throw wrong(`has at most ${ENVIRONMENT_MAX} names`);
  const texts = entries.map(([name, given]: readonly [string, unknown]) => {
    if (name.length > ENVIRONMENT_NAME_LENGTH_MAX || !VARIABLE.test(name)) {
      throw wrong("has names of letters, digits and _, at most 128, not beginning with a digit");
    }
    if (/^JOBX_/iu.test(name) || VARIABLES_OF_NODES.includes(name)) {
      throw wrong(`cannot set ${name}: nodes do`);
    }
    const isPlain = typeof given === "number" || typeof given === "boolean";
    const text = isPlain ? String(given) : given;
    if (typeof text !== "string" || text.length > ENVIRONMENT_VALUE_LENGTH_MAX) {
      throw wrong(`needs a text for ${name}`);
    }
    if (text.includes("\0")) throw wrong(`has a zero byte in the value of ${name}`);
    return [name, text] as const;
  });
  return Object.fromEntries(texts.sort(([left], [right]) => (left < right ? -1 : 1)));
}

function separator(value: unknown, refuse: Refuse): string | undefined {
  if (value === undefined) return undefined;
  const isText = typeof value === "string" && value.length >= 1;
  const fits = isText && value.length <= SEPARATOR_LENGTH_MAX;
  if (fits && /^[\t\x20!#-/:-@^_`{|}~]+$/u.test(value)) return value;
  const length = `1 to ${SEPARATOR_LENGTH_MAX} characters`;
  const what = "tabulators, blanks or signs of ASCII without quotes, brackets and backslashes";
  throw refuse("separator", `separator is ${length}: ${what}`);
}

function unseals(fields: Fields, refuse: Refuse): true | undefined {
  const value = fields.get("unseal");
  if (value === undefined || value === false) return undefined;
  if (value !== true) throw refuse("unseal", "unseal is true or false");
  if (fields.get("handler_type") === "mapper") return true;
  throw refuse("unseal", "unseal is for mappers: what a request was given goes to them");
}

/** Each once; no list is as good as an empty one. */
function secrets(value: unknown, refuse: Refuse): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const wrong = (reason: string): Error => refuse("secrets", `secrets ${reason}`);
  if (!Array.isArray(value)) throw wrong("is a list of names");
  const names: readonly unknown[] = value;
  const known = names.map((name) => {
    if (typeof name === "string" && isSecretName(name)) return name;
    throw wrong(`has names: ${SECRET_NAME_RULE}`);
  });
  const once = [...new Set(known)].sort();
  if (once.length > HANDLER_SECRETS_MAX) throw wrong(`has at most ${HANDLER_SECRETS_MAX} names`);
  return once.length === 0 ? undefined : once;
}

function isPure(value: unknown, refuse: Refuse): boolean {
  if (value === undefined) return false;
  if (typeof value === "boolean") return value;
  throw refuse("pure", "pure is true or false");
}

function main(
  value: unknown,
  { isBundle, refuse }: { readonly isBundle: boolean; readonly refuse: Refuse },
): string | undefined {
  if (value === undefined) {
    if (isBundle) throw refuse("main", "missing key: main, the file that is run");
    return undefined;
  }
  if (!isBundle) throw refuse("main", "main is for the handler.yaml of a bundle only");
  if (typeof value === "string" && isBundlePath(value)) return value;
  throw refuse(
    "main",
    `main is the path of a file beside it, at most ${BUNDLE_PATH_LENGTH_MAX} long`,
  );
}
