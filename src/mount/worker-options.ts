/** What a mount's process is told when it is started: one JSON text as its argument. */
import { MountError } from "./errors.ts";

/** A volume on this machine's disk. */
interface LocalOptions {
  readonly kind: "local";
  readonly directory: string;
  readonly bytesMax: number;
}

/** A workflow's volume at the nodes of a cluster. The token is in the environment, which others do not see. */
export interface RemoteOptions {
  readonly kind: "remote";
  readonly urls: readonly string[];
  readonly workflow: string;
  /** The folder's inode. */
  readonly root: number;
}

/** Where a mount's process finds the token. */
export const TOKEN_VARIABLE = "JOBX_TOKEN";

export interface WorkerOptions {
  /** Where the volume is mounted; at several places it is shared by their clients. */
  readonly directories: readonly string[];
  readonly volume: LocalOptions | RemoteOptions;
  /** For what is being written; undefined: where the node is that is on this machine, else with temporary files. */
  readonly stagingDirectory: string | undefined;
  readonly readOnly: boolean;
  readonly entryMs: number;
  readonly attributesMs: number;
  /** A server that gives no sign of life for so long is ended, milliseconds. */
  readonly hangMs: number;
  /** How long an unmount waits for what is open, milliseconds. */
  readonly unmountMs: number;
  /** Ends, and unmounts at once, when its standard input is closed: its starter holds that, and is gone then. */
  readonly endsWithStarter: boolean;
}

/** @throws {MountError} `MOUNT_REFUSED` when the text is not as `JSON.stringify` makes it of options */
export function parseWorkerOptions(text: string): WorkerOptions {
  const value: unknown = JSON.parse(text);
  const volume = field(value, "volume");
  return {
    directories: textsOf(value, "directories"),
    volume: volumeOf(volume),
    stagingDirectory:
      field(value, "stagingDirectory") === undefined
        ? undefined
        : textOf(value, "stagingDirectory"),
    readOnly: field(value, "readOnly") === true,
    entryMs: numberOf(value, "entryMs"),
    attributesMs: numberOf(value, "attributesMs"),
    hangMs: numberOf(value, "hangMs"),
    unmountMs: numberOf(value, "unmountMs"),
    endsWithStarter: field(value, "endsWithStarter") === true,
  };
}

function volumeOf(volume: unknown): WorkerOptions["volume"] {
  switch (field(volume, "kind")) {
    case "local": {
      const bytesMax = numberOf(volume, "bytesMax");
      return { kind: "local", directory: textOf(volume, "directory"), bytesMax };
    }
    case "remote": {
      const place = { workflow: textOf(volume, "workflow"), root: numberOf(volume, "root") };
      return { kind: "remote", urls: textsOf(volume, "urls"), ...place };
    }
    default:
      throw wrong("volume");
  }
}

/** What the process says on its standard output, in one line, when it serves or cannot. */
export type WorkerWord =
  | { readonly kind: "serving"; readonly minors: readonly number[] }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

/** Undefined for a line that is no such word. */
export function parseWorkerWord(line: string): WorkerWord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const minors: unknown = Reflect.get(value, "minors");
  if (Reflect.get(value, "kind") === "serving" && Array.isArray(minors)) {
    return { kind: "serving", minors: minors.map(Number) };
  }
  if (Reflect.get(value, "kind") !== "failed") return undefined;
  return {
    kind: "failed",
    code: String(Reflect.get(value, "code")),
    message: String(Reflect.get(value, "message")),
  };
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) throw wrong(name);
  return Reflect.get(value, name);
}

function textOf(value: unknown, name: string): string {
  const text = field(value, name);
  if (typeof text !== "string") throw wrong(name);
  return text;
}

function textsOf(value: unknown, name: string): readonly string[] {
  const texts = field(value, name);
  if (!Array.isArray(texts)) throw wrong(name);
  return texts.map((text: unknown) => {
    if (typeof text !== "string") throw wrong(name);
    return text;
  });
}

function numberOf(value: unknown, name: string): number {
  const number = field(value, name);
  if (typeof number !== "number" || !Number.isFinite(number)) throw wrong(name);
  return number;
}

function wrong(name: string): MountError {
  const reason = `a mount's process was started with a wrong ${name}`;
  return new MountError({ code: "MOUNT_REFUSED", reason }, reason);
}
