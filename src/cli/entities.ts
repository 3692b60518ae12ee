/** What the commands for steps and jobs share: making or replacing one. */
import type { CommandOption, CommandRun } from "./command.ts";
import { cliError } from "./errors.ts";

/** Options of commands that can change what is there. */
export const REPLACE_OPTIONS = {
  replace: { kind: "flag", help: "Change the one that is there." },
  revision: {
    kind: "text",
    value: "N",
    help: "Only if it is at this revision, as show tells it; implies --replace.",
  },
} as const satisfies Readonly<Record<string, CommandOption>>;

/** Option of commands that delete, or change where a request stands. */
export const REVISION_OPTION = {
  revision: { kind: "text", value: "N", help: "Only if it is at this revision." },
} as const satisfies Readonly<Record<string, CommandOption>>;

/**
 * Makes the entity, or replaces it when the options say so.
 * @throws {JobxError} `CLI_USAGE` for a revision that is none.
 */
export async function writeEntity<View>(
  run: CommandRun,
  at: { readonly workflow: string; readonly plural: "steps" | "jobs"; readonly name: string },
  written: Readonly<Record<string, unknown>>,
): Promise<View> {
  const body = Object.fromEntries(
    Object.entries(written).filter(([, value]) => value !== undefined),
  );
  const revision = revisionOption(run);
  const client = await run.connect();
  if (revision === undefined && !run.flag("replace")) return client.createEntity<View>(at, body);
  return client.updateEntity<View>({ ...at, revision }, body);
}

/** The value of `--revision`. @throws {JobxError} `CLI_USAGE`. */
export function revisionOption(run: CommandRun): number | undefined {
  const text = run.text("revision");
  if (text === undefined) return undefined;
  if (/^[0-9]{1,15}$/u.test(text)) return Number(text);
  throw cliError(
    { code: "CLI_USAGE", command: "" },
    `--revision: expected a whole number, found ${text}`,
  );
}
