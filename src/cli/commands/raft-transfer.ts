import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx raft transfer GROUP NODE` */
export const RAFT_TRANSFER: Command = {
  name: "raft transfer",
  summary: "Hand a group's leadership to one of its voters.",
  usage: "GROUP NODE",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: ["jobx raft transfer system node-2", "jobx raft transfer text node-3"],
  async run(run) {
    const group = positional(run, 0);
    const node = positional(run, 1);
    const answer = await (await run.connect()).transfer(group, node);
    run.io.out(run.json ? toJson(answer) : `${node} is to lead ${group}\n`);
    return EXIT.ok;
  },
};
