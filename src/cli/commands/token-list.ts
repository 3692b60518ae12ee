import { type Command, STALE_OPTION } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx token list` */
export const TOKEN_LIST: Command = {
  name: "token list",
  summary: "List the tokens of the cluster, without their texts.",
  usage: "",
  positionals: { min: 0, max: 0 },
  options: STALE_OPTION,
  examples: ["jobx token list"],
  async run(run) {
    const tokens = await (await run.connect({ stale: run.flag("stale") })).tokens();
    const rows = tokens.map(({ id, name, role, workflows, createdAt }) => [
      id,
      name,
      role,
      workflows === null ? "all" : workflows.join(","),
      createdAt,
    ]);
    const headings = ["ID", "NAME", "ROLE", "WORKFLOWS", "CREATED"];
    run.io.out(run.json ? toJson(tokens) : toTable(headings, rows, "no tokens"));
    return EXIT.ok;
  },
};
