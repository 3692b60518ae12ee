import { type Command, STALE_OPTION } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx cluster ticket list` */
export const CLUSTER_TICKET_LIST: Command = {
  name: "cluster ticket list",
  summary: "List the tickets that were made, without their secrets.",
  usage: "",
  positionals: { min: 0, max: 0 },
  options: STALE_OPTION,
  examples: ["jobx cluster ticket list"],
  async run(run) {
    const tickets = await (await run.connect({ stale: run.flag("stale") })).tickets();
    const rows = tickets.map(({ id, state, usesLeft, expiresAt, madeBy }) => [
      id,
      state,
      String(usesLeft),
      expiresAt,
      madeBy,
    ]);
    const headings = ["ID", "STATE", "USES LEFT", "EXPIRES", "MADE BY"];
    run.io.out(run.json ? toJson(tickets) : toTable(headings, rows, "no tickets"));
    return EXIT.ok;
  },
};
