import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { hiddenText } from "../hidden-text.ts";
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
    const value = await hiddenText(run, {
      command: "secret set",
      at: 2,
      bytesMax: INPUT_BYTES_MAX,
    });
    const view = await (await run.connect()).secrets.set({ ...at, value });
    run.io.out(run.json ? toJson(view) : `${view.name} is set: ${view.bytes} bytes\n`);
    return EXIT.ok;
  },
};
