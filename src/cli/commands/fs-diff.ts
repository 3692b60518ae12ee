import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable } from "../output.ts";
import { type Difference, type DiffSide, diffShared } from "../shared-diff.ts";
import { readablePath } from "../shared-path.ts";

const MARKS = { added: "+", removed: "-", changed: "~" } as const;

/** `jobx fs diff WORKFLOW:/a WORKFLOW:/b` */
export const FS_DIFF: Command = {
  name: "fs diff",
  summary:
    "Show what is added, removed or changed from one path of a volume or snapshot to another, by content ids; modes and times do not count.",
  usage: "WORKFLOW:/BEFORE WORKFLOW:/AFTER",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: [
    "jobx fs diff text@before:/ text:/out",
    "jobx fs diff text:/out text:/kept/out",
    "jobx fs diff text:/a other:/a --json",
  ],
  async run(run) {
    const before = readablePath(positional(run, 0), "fs diff");
    const after = readablePath(positional(run, 1), "fs diff");
    const { files } = await run.connect();
    for await (const difference of diffShared(files, before, after)) {
      await run.io.write(run.json ? `${JSON.stringify(difference)}\n` : `${textOf(difference)}\n`);
    }
    return EXIT.ok;
  },
};

function textOf({ change, path, before, after }: Difference): string {
  const sides = [before, after].flatMap((side) => (side === null ? [] : [sideText(side)]));
  return `${MARKS[change]} ${sides.join(" -> ").padStart(24)} ${printable(path === "" ? "." : path)}`;
}

function sideText({ type, bytes }: DiffSide): string {
  if (type === "file") return `${bytes} B`;
  return type === "directory" ? "folder" : "link";
}
