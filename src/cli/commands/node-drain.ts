import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx node drain NODE` */
export const NODE_DRAIN: Command = {
  name: "node drain",
  summary: "Give a node no new work, and have others lead what it leads.",
  usage: "NODE",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx node drain node-2"],
  async run(run) {
    const node = positional(run, 0);
    const answer = await (await run.connect()).drainNode(node, true);
    run.io.out(
      run.json ? toJson(answer) : `${node} gets no new work; jobx node undrain lets it again\n`,
    );
    return EXIT.ok;
  },
};
