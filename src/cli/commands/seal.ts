import { SEALED_VALUE_BYTES_MAX, sealValue } from "../../node/seal/sealed-value.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { hiddenText } from "../hidden-text.ts";

/** `jobx seal WORKFLOW [--from-file FILE]` */
export const SEAL: Command = {
  name: "seal",
  summary:
    "Seal a text for a workflow: it stands for it in arguments, and only its handlers see it.",
  usage: "WORKFLOW [-]",
  positionals: { min: 1, max: 2 },
  options: {
    "from-file": {
      ...{ kind: "text", value: "FILE" },
      help: "Where the text is; else it is read from the standard input. One end of line at its end is left out.",
    },
  },
  examples: ['jobx submit text/load "{\\"password\\": $(pass show db | jobx seal text)}"'],
  async run(run) {
    const value = await hiddenText(run, {
      command: "seal",
      at: 1,
      bytesMax: SEALED_VALUE_BYTES_MAX,
    });
    const { publicKey } = await (await run.connect()).secrets.publicKey(positional(run, 0));
    const $sealed = sealValue(Buffer.from(publicKey, "base64url"), value);
    run.io.out(`${JSON.stringify({ $sealed })}\n`);
    return EXIT.ok;
  },
};
