/** Paths of volumes as people write them: `WORKFLOW:/path`. */
import type { CommandRun } from "./command.ts";
import { cliError } from "./errors.ts";

export interface SharedPath {
  readonly workflow: string;
  readonly path: string;
}

/** Where something is read from: the volume, or one of its snapshots by name or CID. */
export interface ReadablePath extends SharedPath {
  readonly snapshot?: string;
}

/** Also `WORKFLOW@SNAPSHOT:/path`. @throws {JobxError} `CLI_USAGE`. */
export function readablePath(text: string, command: string): ReadablePath {
  const {
    workflow,
    snapshot,
    path = "",
  } = /^(?<workflow>[^:/@]+)@(?<snapshot>[^:/@]+):(?<path>.*)$/su.exec(text)?.groups ?? {};
  if (workflow === undefined || snapshot === undefined) return sharedPath(text, command);
  return { workflow, snapshot, path: path === "" ? "/" : path };
}

/** @throws {JobxError} `CLI_USAGE` for what names no workflow. */
export function sharedPath(text: string, command: string): SharedPath {
  const { workflow, path = "" } = /^(?<workflow>[^:/@]+):(?<path>.*)$/su.exec(text)?.groups ?? {};
  if (workflow !== undefined) return { workflow, path: path === "" ? "/" : path };
  throw cliError(
    { code: "CLI_USAGE", command },
    `expected a path in a workflow, such as text:/in/f, found '${text}'`,
  );
}

/** Said by those commands that read one file. */
export const VERSION_OPTION = {
  version: { kind: "text", value: "N", help: "What it was before, by a number of fs history." },
} as const;

/** The number that `--version` says, if it does. @throws {JobxError} `CLI_USAGE`. */
export function versionOf(run: CommandRun, command: string): number | undefined {
  const text = run.text("version");
  if (text === undefined) return undefined;
  if (/^[0-9]{1,15}$/u.test(text)) return Number(text);
  const message = `--version: expected a number of fs history, found '${text}'`;
  throw cliError({ code: "CLI_USAGE", command }, message);
}

/** The same path or, where it ends with a slash, that name in it. */
export function pathFor({ workflow, path }: SharedPath, name: string): SharedPath {
  return { workflow, path: path.endsWith("/") ? `${path}${name}` : path };
}

/** The last name of a path. */
export function lastName(path: string): string {
  return path.split("/").findLast((name) => name !== "") ?? "";
}
