/** What `--help` prints. */
import type { Command, CommandOption } from "./command.ts";
import { EXIT_HELP } from "./exit.ts";

/** Options of every command. */
export const COMMON_OPTIONS = {
  json: { kind: "flag", help: "Print JSON for programs." },
  api: { kind: "text", value: "URLS", help: "Nodes to talk to, instead of JOBX_API." },
  help: { kind: "flag", help: "Show this." },
} as const satisfies Readonly<Record<string, CommandOption>>;

const ENVIRONMENT = [
  "Environment:",
  "  JOBX_API    URLs of nodes, separated by commas; default what the local node wrote",
  "              into the file api in its data folder, else http://127.0.0.1:7070",
  "  JOBX_TOKEN  the token; towards this machine default the file admin-token in",
  "  JOBX_DATA   the data folder of the local node; default ~/.jobx",
].join("\n");

/** Help of the whole program. */
export function mainHelp(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    "Usage: jobx COMMAND [ARGUMENTS] [OPTIONS]",
    `Commands (jobx COMMAND --help tells more; jobx --version names this one):\n${lines.join("\n")}`,
    ENVIRONMENT,
    `${EXIT_HELP}\n`,
  ].join("\n\n");
}

/** Help of one command. */
export function commandHelp(command: Command): string {
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS }).map(
    ([name, option]) => ({
      form: optionForm(name, option),
      help: option.help,
    }),
  );
  const width = Math.max(...options.map(({ form }) => form.length));
  const lines = options.map(({ form, help }) => `  ${form.padEnd(width)}  ${help}`);
  return [
    `Usage: ${usageLine(command)}`,
    command.summary,
    `Options:\n${lines.join("\n")}`,
    `Examples:\n${command.examples.map((example) => `  ${example}`).join("\n")}`,
    ENVIRONMENT,
    `${EXIT_HELP}\n`,
  ].join("\n\n");
}

/** The form of a command in one line. */
export function usageLine(command: Command): string {
  return `jobx ${command.name} ${command.usage}`.trimEnd();
}

function optionForm(name: string, option: CommandOption): string {
  if (option.kind === "text") return `--${name} ${option.value}`;
  return option.short === undefined ? `--${name}` : `-${option.short}, --${name}`;
}
