import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx node undrain NODE` */
export const NODE_UNDRAIN: Command = {
  name: "node undrain",
  summary: "Let a drained node work and lead again.",
  usage: "NODE",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx node undrain node-2"],
  async run(run) {
    const node = positional(run, 0);
    const answer = await (await run.connect()).drainNode(node, false);
    run.io.out(run.json ? toJson(answer) : `${node} works again\n`);
    return EXIT.ok;
  },
};
