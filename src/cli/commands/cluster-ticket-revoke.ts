import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx cluster ticket revoke ID` */
export const CLUSTER_TICKET_REVOKE: Command = {
  name: "cluster ticket revoke",
  summary: "Let nobody join with a ticket any more; who has joined stays.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx cluster ticket revoke 0123456789abcdef"],
  async run(run) {
    const ticket = positional(run, 0);
    const answer = await (await run.connect()).revokeTicket(ticket);
    run.io.out(run.json ? toJson(answer) : `${ticket} is revoked\n`);
    return EXIT.ok;
  },
};
