import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx node remove NODE` */
export const NODE_REMOVE: Command = {
  name: "node remove",
  summary: "Remove a node for ever, after what only it has was moved elsewhere.",
  usage: "NODE",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx node remove node-2"],
  async run(run) {
    const node = positional(run, 0);
    const answer = await (await run.connect()).removeNode(node);
    run.io.out(
      run.json
        ? toJson(answer)
        : `${node} is being removed; jobx node list shows when it is gone\n`,
    );
    return EXIT.ok;
  },
};
