/** From a control message's fields to its type: total, strict about kinds and types of fields. */
import {
  type FromWorker,
  type HandlerForm,
  type LineForm,
  type Secrets,
  type ToWorker,
  type VolumeAccess,
  WORKER_CODECS,
  type WorkerLogLevel,
} from "./worker-protocol.ts";
import { malformed } from "./worker-protocol-errors.ts";

type Fields = Readonly<Record<string, unknown>>;

const LOG_LEVELS = ["debug", "info", "warn", "error"] as const satisfies readonly WorkerLogLevel[];
const LINE_CODECS = ["tsv", "ndjson"] as const satisfies readonly LineForm["codec"][];
const FORMS = ["plain", "body"] as const satisfies readonly HandlerForm[];

/**
 * What a worker said.
 * @throws {JobxError} `WORKER_FRAME_MALFORMED` for an unknown kind, or fields of a wrong type.
 */
export function parseFromWorker(fields: Fields): FromWorker {
  const kind = fields["kind"];
  switch (kind) {
    case "hello": {
      const codec = WORKER_CODECS.find((name) => name === fields["codec"]);
      if (codec === undefined) throw malformed("an unknown codec");
      return { kind, version: integer(fields, "version"), codec };
    }
    case "direction": {
      const step = fields["step"];
      return { kind, step: step === null ? null : text(fields, "step") };
    }
    case "session-set":
      return { kind, key: present(fields, "key"), value: present(fields, "value") };
    case "log": {
      const level = LOG_LEVELS.find((name) => name === fields["level"]);
      if (level === undefined) throw malformed("an unknown log level");
      return { kind, level, text: text(fields, "text") };
    }
    case "done":
      return { kind, call: integer(fields, "call"), logged: integer(fields, "logged") };
    case "failed":
      return {
        kind,
        call: integer(fields, "call"),
        code: text(fields, "code"),
        message: text(fields, "message"),
        traceback: text(fields, "traceback"),
      };
    case "checked": {
      const form = FORMS.find((name) => name === fields["form"]);
      if (form === undefined) throw malformed("an unknown form");
      return { kind, call: integer(fields, "call"), form, source: text(fields, "source") };
    }
    case "refused":
      return {
        kind,
        call: integer(fields, "call"),
        line: integer(fields, "line"),
        reason: text(fields, "reason"),
      };
    default:
      throw malformed("an unknown kind of message from a worker");
  }
}

/**
 * What a node said, for workers that are written in TypeScript.
 * @throws {JobxError} `WORKER_FRAME_MALFORMED` for an unknown kind, or fields of a wrong type.
 */
export function parseToWorker(fields: Fields): ToWorker {
  const kind = fields["kind"];
  switch (kind) {
    case "hello":
      return {
        kind,
        versions: list(fields, "versions").filter((item) => typeof item === "number"),
        codecs: list(fields, "codecs").filter((item) => typeof item === "string"),
      };
    case "start":
      return parseStart(fields);
    case "input-end":
      return { kind };
    case "cancel":
      return { kind, call: integer(fields, "call") };
    case "check":
      return {
        kind,
        call: integer(fields, "call"),
        file: text(fields, "file"),
        type: text(fields, "type"),
        source: text(fields, "source"),
        isBundle: fields["isBundle"] === true,
      };
    default:
      throw malformed("an unknown kind of message from a node");
  }
}

function parseStart(fields: Fields): ToWorker {
  const handler = object(fields, "handler");
  const names = object(fields, "names");
  return {
    kind: "start",
    call: integer(fields, "call"),
    handler: {
      name: text(handler, "name"),
      version: text(handler, "version"),
      type: text(handler, "type"),
      argumentType: handler["argumentType"] === null ? null : text(handler, "argumentType"),
      main: handler["main"] === undefined ? undefined : text(handler, "main"),
      lines: parseLines(handler),
      unseals: handler["unseals"] === true ? true : undefined,
    },
    source: fields["source"] === null ? null : text(fields, "source"),
    directory: fields["directory"] === null ? null : text(fields, "directory"),
    logs: fields["logs"] === "told" ? "told" : "printed",
    session: list(fields, "session").map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2) throw malformed("a session has pairs");
      const parts: readonly unknown[] = pair;
      return [parts[0], parts[1]];
    }),
    names: {
      request: text(names, "request"),
      invocation: text(names, "invocation"),
      step: text(names, "step"),
      object: names["object"] === undefined ? undefined : text(names, "object"),
      fromOwnStep: names["fromOwnStep"] === true ? true : undefined,
    },
    volume: parseVolume(fields),
    secrets: parseSecrets(fields),
  };
}

function parseLines(handler: Fields): LineForm | undefined {
  if (handler["lines"] === undefined) return undefined;
  const lines = object(handler, "lines");
  const codec = LINE_CODECS.find((name) => name === lines["codec"]);
  if (codec === undefined) throw malformed("an unknown codec of lines");
  return { codec, separator: text(lines, "separator") };
}

function parseVolume(fields: Fields): VolumeAccess | undefined {
  if (fields["volume"] === undefined) return undefined;
  const volume = object(fields, "volume");
  return {
    url: text(volume, "url"),
    workflow: text(volume, "workflow"),
    token: text(volume, "token"),
    mount: volume["mount"] === undefined ? undefined : text(volume, "mount"),
  };
}

function parseSecrets(fields: Fields): Secrets | undefined {
  if (fields["secrets"] === undefined) return undefined;
  const secrets = object(fields, "secrets");
  return Object.fromEntries(Object.keys(secrets).map((name) => [name, text(secrets, name)]));
}

function text(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string") throw malformed(`${name} is no text`);
  return value;
}

function integer(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw malformed(`${name} is no count`);
  }
  return value;
}

function present(fields: Fields, name: string): unknown {
  if (!Object.hasOwn(fields, name)) throw malformed(`${name} is missing`);
  return fields[name];
}

function list(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw malformed(`${name} is no list`);
  return value;
}

function object(fields: Fields, name: string): Fields {
  const value = fields[name];
  if (typeof value !== "object" || value === null) throw malformed(`${name} is no object`);
  return Object.fromEntries(Object.entries(value));
}
