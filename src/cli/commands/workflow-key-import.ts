import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { localFile } from "../local-files.ts";
import { toJson } from "../output.ts";

/** A key with the end of its line, whatever that is. */
const KEY_FILE_BYTES = 64;

/** `jobx workflow key import WORKFLOW FILE` */
export const WORKFLOW_KEY_IMPORT: Command = {
  name: "workflow key import",
  summary: "Give a key that was exported to all nodes that lack it.",
  usage: "WORKFLOW FILE",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: ["jobx workflow key import text text.key"],
  async run(run) {
    const [workflow, file] = [positional(run, 0), positional(run, 1)];
    const key = await textOf(file);
    const { nodes } = await (await run.connect()).volumes.restoreKey(workflow, key);
    run.io.out(run.json ? toJson({ workflow, nodes }) : `given to ${nodes} nodes\n`);
    return EXIT.ok;
  },
};

/** A file and not an argument, which others could see. @throws {JobxError} `CLI_FILE_UNREADABLE`, `CLI_USAGE`. */
async function textOf(path: string): Promise<string> {
  const { bytes, content } = await localFile(path);
  const parts: Uint8Array[] = [];
  for await (const part of content) if (bytes <= KEY_FILE_BYTES) parts.push(part);
  const text = Buffer.concat(parts).toString("utf8").trim();
  if (/^[A-Za-z0-9_-]{43}$/u.test(text)) return text;
  const message = `${path} has no key as \`jobx workflow key export\` prints it`;
  throw cliError({ code: "CLI_USAGE", command: "workflow key import" }, message);
}
