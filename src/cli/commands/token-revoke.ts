import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx token revoke ID` */
export const TOKEN_REVOKE: Command = {
  name: "token revoke",
  summary: "Revoke a token: it is good for nothing from now on.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx token revoke 0123456789abcdef"],
  async run(run) {
    const answer = await (await run.connect()).revokeToken(positional(run, 0));
    run.io.out(run.json ? toJson(answer) : `${answer.id} is revoked\n`);
    return EXIT.ok;
  },
};
