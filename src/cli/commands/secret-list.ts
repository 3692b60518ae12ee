import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx secret list WORKFLOW` */
export const SECRET_LIST: Command = {
  name: "secret list",
  summary: "List the secrets of a workflow, without their values, which nothing shows.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx secret list text"],
  async run(run) {
    const view = await (await run.connect()).secrets.list(positional(run, 0));
    const rows = view.secrets.map(({ name, bytes, set }) => [name, String(bytes), set]);
    const table = toTable(["NAME", "BYTES", "SET"], rows, "no secrets");
    run.io.out(run.json ? toJson(view) : table);
    return EXIT.ok;
  },
};
