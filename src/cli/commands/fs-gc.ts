import type { Command } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";

/** `jobx fs gc` */
export const FS_GC: Command = {
  name: "fs gc",
  summary: "Have each node delete stored blocks that nothing refers to and whose time has come.",
  usage: "",
  positionals: { min: 0, max: 0 },
  options: {
    "dry-run": { kind: "flag", help: "Only count them." },
  },
  examples: ["jobx fs gc", "jobx fs gc --dry-run --json"],
  async run(run) {
    const { nodes } = await (await run.connect()).copies.collect(run.flag("dry-run"));
    const rows = nodes.map((one) => [
      one.node,
      ...(one.answered
        ? [one.blocks, one.needed, one.waiting.blocks, one.uncertain.blocks, one.deleted.blocks]
        : ["", "", "", "", ""]
      ).map(String),
      one.answered ? String(one.deleted.bytes) : "",
      one.trouble,
    ]);
    const headings = "NODE BLOCKS NEEDED WAITING UNCERTAIN DELETED BYTES TROUBLE".split(" ");
    run.io.out(run.json ? toJson(nodes) : toTable(headings, rows, "no nodes"));
    return nodes.every(({ answered }) => answered) ? EXIT.ok : EXIT.unreachable;
  },
};
