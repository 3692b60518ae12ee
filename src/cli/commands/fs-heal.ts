import { bytesText } from "../byte-progress.ts";
import { type Command, positional } from "../command.ts";
import { drawn } from "../drawn.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx fs heal WORKFLOW` */
export const FS_HEAL: Command = {
  name: "fs heal",
  summary:
    "Look at all blocks of a workflow's volume now, and copy those that are on too few nodes.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx fs heal text"],
  async run(run) {
    const workflow = positional(run, 0);
    const { copies } = await run.connect();
    const sums = { blocks: 0, copied: 0, copiedBytes: 0, short: 0, missing: 0, lost: 0 };
    const draw = drawn(run.io);
    for (let after: string | undefined; ; ) {
      const { next, ...step } = await copies.heal(workflow, after);
      sums.blocks += step.blocks;
      sums.copied += step.copied;
      sums.copiedBytes += step.copiedBytes;
      sums.short += step.short;
      sums.missing += step.missing;
      sums.lost += step.lost;
      draw.show(`${sums.blocks} blocks, ${sums.copied} copied`);
      if (next === null) break;
      after = next;
    }
    draw.end();
    const { blocks, copied, copiedBytes, short, missing, lost } = sums;
    const text = `${blocks} blocks looked at, ${copied} copies made (${bytesText(copiedBytes)}), ${short} still short, ${missing} on nodes that are away, ${lost} lost\n`;
    run.io.out(run.json ? toJson(sums) : text);
    return short + missing + lost > 0 ? EXIT.failed : EXIT.ok;
  },
};
