/** From the words of a command line to a command, and from its errors to an exit code. */
import { parseArgs } from "node:util";
import { isJobxError } from "../api/errors.ts";
import { RemoteError } from "../api/transport.ts";
import type { JobxError } from "../std/errors.ts";
import { suggest } from "../workflow/suggest.ts";
import type { Command, CommandOption, CommandRun } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { addresses, connect } from "./connect.ts";
import { cliError } from "./errors.ts";
import { EXIT } from "./exit.ts";
import { COMMON_OPTIONS, commandHelp, mainHelp, usageLine } from "./help.ts";
import type { Io } from "./io.ts";
import { printableLines, toJson } from "./output.ts";

/** Runs one command line, without the program's name; resolves with the exit code, never rejects. */
export async function runCli(words: readonly string[], io: Io): Promise<number> {
  const [first] = words;
  if (first === undefined) {
    io.err(mainHelp(COMMANDS));
    return EXIT.usage;
  }
  if (isHelp(first)) return help(words.slice(1), io);
  if (first === "--version" || first === "-V") {
    io.out(`jobx ${await io.version()}\n`);
    return EXIT.ok;
  }
  if (words.length === 2 && isHelp(words[1]) && familyOf(first).length > 0)
    return help([first], io);
  try {
    const { command, rest } = findCommand(words);
    return await runCommand(command, rest, io);
  } catch (error) {
    return report(error, { io, json: words.includes("--json") });
  }
}

function help(words: readonly string[], io: Io): number {
  const found = COMMANDS.find(({ name }) => name === words.join(" "));
  const family = familyOf(words.join(" "));
  const several = family.length > 0 ? family : COMMANDS;
  io.out(found === undefined ? mainHelp(several) : commandHelp(found));
  return EXIT.ok;
}

function isHelp(word: string | undefined): boolean {
  return word === "--help" || word === "-h" || word === "help";
}

/** Commands that begin with the same word; none where the word is a command of its own. */
function familyOf(first: string): readonly Command[] {
  if (COMMANDS.some(({ name }) => name === first)) return [];
  return COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
}

/** @throws {JobxError} `CLI_USAGE` for an unknown command, with a suggestion. */
function findCommand(words: readonly string[]): {
  readonly command: Command;
  readonly rest: readonly string[];
} {
  for (const length of [3, 2, 1]) {
    const name = words.slice(0, length).join(" ");
    const command = COMMANDS.find((candidate) => candidate.name === name);
    if (command !== undefined) return { command, rest: words.slice(length) };
  }
  const [first = "", second] = words;
  const family = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  const names = COMMANDS.map(({ name }) => name);
  const close = suggest(first, names) ?? suggest(`${first} ${second ?? ""}`, names) ?? undefined;
  const hint =
    family.length > 0 && close === undefined
      ? `known are ${family.map(({ name }) => name).join(", ")}`
      : close === undefined
        ? "jobx --help lists the commands"
        : `did you mean ${close}?`;
  const shown = words.slice(0, family.length > 0 ? 2 : 1).join(" ");
  throw cliError({ code: "CLI_USAGE", command: shown }, `unknown command ${shown}; ${hint}`);
}

async function runCommand(command: Command, words: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseWords(command, words);
  if (values["help"] === true) {
    io.out(commandHelp(command));
    return EXIT.ok;
  }
  const { min, max } = command.positionals;
  if (positionals.length < min || positionals.length > max) {
    const problem = positionals.length < min ? "something is missing" : "too many arguments";
    throw usage(command, problem);
  }
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const run: CommandRun = {
    positionals,
    text,
    flag: (name) => values[name] === true,
    json: values["json"] === true,
    io,
    addresses: () => addresses(io, text("api")),
    connect: (options) => connect(io, { api: text("api"), ...options }),
  };
  return command.run(run);
}

interface Parsed {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

/** @throws {JobxError} `CLI_USAGE`. */
function parseWords(command: Command, words: readonly string[]): Parsed {
  const options = Object.fromEntries(
    Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(([name, option]) => [
      name,
      toParserOption(option),
    ]),
  );
  try {
    const { values, positionals } = parseArgs({
      args: [...words],
      options: { ...options, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
      strict: true,
    });
    return { values, positionals };
  } catch (cause) {
    throw usage(command, unknownOption(cause, Object.keys(options)), cause);
  }
}

function toParserOption(option: CommandOption): {
  readonly type: "boolean" | "string";
  readonly short?: string;
} {
  if (option.kind === "text") return { type: "string" };
  const { short } = option;
  return short === undefined ? { type: "boolean" } : { type: "boolean", short };
}

/** The parser's message, shortened to what helps, with the option that was meant. */
function unknownOption(cause: unknown, known: readonly string[]): string {
  const message = cause instanceof Error ? (cause.message.split(". ")[0] ?? "") : String(cause);
  const name = /^Unknown option '--(?<name>[^']+)'/u.exec(message)?.groups?.["name"];
  const close = name === undefined ? null : suggest(name, known);
  return close === null ? message : `${message}; did you mean --${close}?`;
}

function usage(command: Command, problem: string, cause?: unknown): Error {
  return cliError(
    { code: "CLI_USAGE", command: command.name },
    `${problem}; usage: ${usageLine(command)}`,
    { cause },
  );
}

/** Says what went wrong: a sentence on the error output, with `--json` an object on the output as well. */
function report(
  thrown: unknown,
  { io, json }: { readonly io: Io; readonly json: boolean },
): number {
  const error = isJobxError(thrown)
    ? { ...describe(thrown), exit: exitOf(thrown) }
    : { code: "CLI_INTERNAL", message: messageOf(thrown), details: {}, exit: EXIT.refused };
  const { code, message, details, exit } = error;
  if (json) io.out(toJson({ error: { code, message, details } }));
  io.err(`jobx: ${printableLines(message)} (${code})\n`);
  return exit;
}

function describe(error: JobxError): {
  readonly code: string;
  readonly message: string;
  readonly details: unknown;
} {
  const { code, ...details } = error.details;
  const shown = error instanceof RemoteError ? error.details.remote : details;
  return { code, message: error.message, details: shown };
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

function exitOf(error: JobxError): number {
  if (error instanceof RemoteError) {
    const { status } = error.details;
    return status === 502 || status === 503 || status === 504 ? EXIT.unreachable : EXIT.refused;
  }
  return error.code.startsWith("CLIENT_") ? EXIT.unreachable : EXIT.usage;
}
