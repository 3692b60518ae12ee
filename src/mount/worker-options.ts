/** What a mount's process is told when it is started: one JSON text as its argument. */
import { MountError } from "./errors.ts";

export interface WorkerOptions {
  /** Where the volume is mounted; at several places it is shared by their clients. */
  readonly directories: readonly string[];
  readonly volume: {
    readonly kind: "local";
    readonly directory: string;
    readonly bytesMax: number;
  };
  readonly stagingDirectory: string;
  readonly readOnly: boolean;
  readonly entryMs: number;
  readonly attributesMs: number;
  /** A server that gives no sign of life for so long is ended, milliseconds. */
  readonly hangMs: number;
  /** How long an unmount waits for what is open, milliseconds. */
  readonly unmountMs: number;
}

/** @throws {MountError} `MOUNT_REFUSED` when the text is not as `JSON.stringify` makes it of options */
export function parseWorkerOptions(text: string): WorkerOptions {
  const value: unknown = JSON.parse(text);
  const volume = field(value, "volume");
  const directories = field(value, "directories");
  if (!Array.isArray(directories)) throw wrong("directories");
  if (field(volume, "kind") !== "local") throw wrong("volume");
  return {
    directories: directories.map((directory: unknown) => {
      if (typeof directory !== "string") throw wrong("directories");
      return directory;
    }),
    volume: {
      kind: "local",
      directory: textOf(volume, "directory"),
      bytesMax: numberOf(volume, "bytesMax"),
    },
    stagingDirectory: textOf(value, "stagingDirectory"),
    readOnly: field(value, "readOnly") === true,
    entryMs: numberOf(value, "entryMs"),
    attributesMs: numberOf(value, "attributesMs"),
    hangMs: numberOf(value, "hangMs"),
    unmountMs: numberOf(value, "unmountMs"),
  };
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

function numberOf(value: unknown, name: string): number {
  const number = field(value, name);
  if (typeof number !== "number" || !Number.isFinite(number)) throw wrong(name);
  return number;
}

function wrong(name: string): MountError {
  const reason = `a mount's process was started with a wrong ${name}`;
  return new MountError({ code: "MOUNT_REFUSED", reason }, reason);
}
