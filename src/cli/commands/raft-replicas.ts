import type { Command } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx raft replicas` */
export const RAFT_REPLICAS: Command = {
  name: "raft replicas",
  summary: "List the replicas of the node that is asked, each with a hash of its state.",
  usage: "",
  positionals: { min: 0, max: 0 },
  options: {},
  examples: ["JOBX_API=http://10.0.0.2:7070 jobx raft replicas"],
  async run(run) {
    const replicas = await (await run.connect()).replicas();
    const rows = replicas.map((one) => [
      String(one.group),
      one.name,
      one.replica === null ? "" : String(one.replica),
      one.reason === null ? one.role : `${one.role}: ${one.reason}`,
      String(one.term),
      String(one.appliedIndex),
      one.stateHash ?? "",
    ]);
    const headings = ["GROUP", "NAME", "REPLICA", "ROLE", "TERM", "APPLIED", "STATE"];
    run.io.out(run.json ? toJson(replicas) : toTable(headings, rows, "no replicas"));
    return EXIT.ok;
  },
};
