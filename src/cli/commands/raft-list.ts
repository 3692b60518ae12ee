import type { Command } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx raft list` */
export const RAFT_LIST: Command = {
  name: "raft list",
  summary: "List the Raft groups with their members, as each group's leader sees them.",
  usage: "",
  positionals: { min: 0, max: 0 },
  options: {},
  examples: ["jobx raft list"],
  async run(run) {
    const groups = await (await run.connect()).groups();
    const rows = groups.flatMap(({ group, name, led, term, lastIndex, members }) => {
      const about = [String(group), name];
      if (!led) return [[...about, "", "", "nobody leads", "", "", ""]];
      return members.map(({ node, replica, role, match, active }) => [
        ...about,
        String(term),
        String(lastIndex),
        role,
        node,
        String(replica),
        active ? String(match) : `${match} (silent)`,
      ]);
    });
    const headings = ["GROUP", "NAME", "TERM", "LAST", "ROLE", "NODE", "REPLICA", "MATCH"];
    run.io.out(run.json ? toJson(groups) : toTable(headings, rows, "no groups"));
    return EXIT.ok;
  },
};
