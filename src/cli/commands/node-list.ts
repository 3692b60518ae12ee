import type { Command } from "../command.ts";
import { EXIT } from "../exit.ts";
import { nodeState } from "../node-text.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx node list` */
export const NODE_LIST: Command = {
  name: "node list",
  summary: "List the nodes of the cluster.",
  usage: "",
  positionals: { min: 0, max: 0 },
  options: {},
  examples: ["jobx node list", "jobx node list --json"],
  async run(run) {
    const nodes = await (await run.connect()).nodes();
    const rows = nodes.map((node) => [
      node.name,
      nodeState(node),
      String(node.slots),
      shortly(node.capabilities),
      node.api,
      node.version,
      node.id,
    ]);
    const headings = ["NAME", "STATE", "SLOTS", "CAPABILITIES", "API", "VERSION", "ID"];
    run.io.out(run.json ? toJson(nodes) : toTable(headings, rows, "no nodes"));
    return EXIT.ok;
  },
};

/** Who enforces each limit is for those who look at one node; that all are enforced is for everybody. */
function shortly(capabilities: readonly string[]): string {
  return capabilities.filter((label) => !/^limits\.[a-z]+\./.test(label)).join(",");
}
