import { TOKEN_WORKFLOWS_MAX } from "../../api/limits.ts";
import { type Command, type CommandRun, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

const ROLES = ["read", "submit", "admin"] as const;

/** `jobx token create NAME --role ROLE` */
export const TOKEN_CREATE: Command = {
  name: "token create",
  summary: "Make a token; its text is printed now and never again.",
  usage: "NAME",
  positionals: { min: 1, max: 1 },
  options: {
    role: {
      kind: "text",
      value: "ROLE",
      help: "read, submit or admin; each includes the ones before it. Default read.",
    },
    workflows: {
      kind: "text",
      value: "NAMES",
      help: "Only for these workflows, separated by commas; default all, and the cluster.",
    },
  },
  examples: [
    "jobx token create dashboard",
    "jobx token create nightly --role submit --workflows text,images",
  ],
  async run(run) {
    const input = { name: positional(run, 0), role: roleOf(run), workflows: workflowsOf(run) };
    const token = await (await run.connect()).createToken(input);
    run.io.out(run.json ? toJson(token) : `${token.token}\n`);
    return EXIT.ok;
  },
};

function roleOf(run: CommandRun): (typeof ROLES)[number] {
  const text = run.text("role") ?? "read";
  const role = ROLES.find((one) => one === text);
  if (role !== undefined) return role;
  throw usage(`--role: expected ${ROLES.join(", ")}, found ${text}`);
}

function workflowsOf(run: CommandRun): readonly string[] | null {
  const text = run.text("workflows");
  if (text === undefined) return null;
  const names = text.split(",").map((name) => name.trim());
  if (names.length <= TOKEN_WORKFLOWS_MAX && names.every((name) => name !== "")) return names;
  throw usage(`--workflows: expected 1 to ${TOKEN_WORKFLOWS_MAX} names, separated by commas`);
}

function usage(message: string): Error {
  return cliError({ code: "CLI_USAGE", command: "token create" }, message);
}
