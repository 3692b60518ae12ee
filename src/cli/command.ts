/** A command as data: what help shows and the parser needs, and the function that runs. */
import type { JobxClient } from "../api/client.ts";
import type { Addresses, Patience } from "./connect.ts";
import { cliError } from "./errors.ts";
import type { Io } from "./io.ts";

/** An option of a command. */
export type CommandOption =
  | { readonly kind: "flag"; readonly help: string; readonly short?: string }
  | { readonly kind: "text"; readonly value: string; readonly help: string };

/** The option of commands that may read a node's own copy. */
export const STALE_OPTION = {
  stale: {
    kind: "flag",
    help: "From the copy of the node that answers, also without a majority; says how old it is.",
  },
} as const satisfies Readonly<Record<string, CommandOption>>;

/** What a command is run with. */
export interface CommandRun {
  readonly positionals: readonly string[];
  /** Value of a text option; undefined when it was not given. */
  readonly text: (name: string) => string | undefined;
  readonly flag: (name: string) => boolean;
  readonly json: boolean;
  readonly io: Io;
  /** The cluster; made when it is needed, so that usage errors need none. */
  readonly connect: (patience?: Patience) => Promise<JobxClient>;
  /** The same nodes and token, for a process that has a client of its own. */
  readonly addresses: () => Promise<Addresses>;
}

/** One command; `name` is one to three words. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** The positional arguments, as help shows them. */
  readonly usage: string;
  readonly positionals: { readonly min: number; readonly max: number };
  readonly options: Readonly<Record<string, CommandOption>>;
  readonly examples: readonly string[];
  /** Resolves with the exit code. Rejects with `JobxError`. */
  readonly run: (run: CommandRun) => Promise<number>;
}

/** A positional argument that the parser has counted. */
export function positional(run: CommandRun, index: number): string {
  return run.positionals[index] ?? "";
}

/**
 * A text option that is a whole number within bounds.
 * @throws {JobxError} `CLI_USAGE`.
 */
export function countOption(
  run: CommandRun,
  bounds: {
    readonly name: string;
    readonly min: number;
    readonly max: number;
    readonly otherwise: number;
  },
): number {
  const text = run.text(bounds.name);
  if (text === undefined) return bounds.otherwise;
  const count = /^[0-9]{1,12}$/u.test(text) ? Number(text) : Number.NaN;
  if (count >= bounds.min && count <= bounds.max) return count;
  throw cliError(
    { code: "CLI_USAGE", command: "" },
    `--${bounds.name}: expected a whole number from ${bounds.min} to ${bounds.max}, found ${text}`,
  );
}
