import { type Command, type CommandRun, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { localFile } from "../local-files.ts";
import { toJson } from "../output.ts";

/** More than any secret has: what is longer is refused before it is sent. */
const INPUT_BYTES_MAX = 64 * 1024;

/** `jobx secret set WORKFLOW NAME [--from-file FILE]` */
export const SECRET_SET: Command = {
  name: "secret set",
  summary: "Set a secret of a workflow, from a file or from the standard input.",
  usage: "WORKFLOW NAME [-]",
  positionals: { min: 2, max: 3 },
  options: {
    "from-file": {
      ...{ kind: "text", value: "FILE" },
      help: "Where the value is; else it is read from the standard input. One end of line at its end is left out.",
    },
  },
  examples: [
    "jobx secret set text api_key --from-file key.txt",
    "pass show api | jobx secret set text api_key",
  ],
  async run(run) {
    const at = { workflow: positional(run, 0), name: positional(run, 1) };
    const value = await valueFor(run);
    const view = await (await run.connect()).secrets.set({ ...at, value });
    run.io.out(run.json ? toJson(view) : `${view.name} is set: ${view.bytes} bytes\n`);
    return EXIT.ok;
  },
};

/** Never an argument, which others on the machine could see. @throws {JobxError} `CLI_USAGE`, `CLI_FILE_UNREADABLE`. */
async function valueFor(run: CommandRun): Promise<string> {
  const file = run.text("from-file");
  if (run.positionals.length > 2 && (positional(run, 2) !== "-" || file !== undefined)) {
    throw usage("the value comes from --from-file or the standard input, not from an argument");
  }
  const bytes =
    file === undefined ? await run.io.readInput(INPUT_BYTES_MAX) : await contentOf(file);
  if (bytes === undefined) throw usage(`a secret is shorter than ${INPUT_BYTES_MAX} bytes`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.replace(/\r?\n$/u, "");
  } catch {
    throw usage("a secret is text in UTF-8: encode what is not, as with base64");
  }
}

async function contentOf(file: string): Promise<Uint8Array | undefined> {
  const { bytes, content } = await localFile(file);
  if (bytes > INPUT_BYTES_MAX) return undefined;
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts);
}

function usage(message: string): Error {
  return cliError({ code: "CLI_USAGE", command: "secret set" }, message);
}
