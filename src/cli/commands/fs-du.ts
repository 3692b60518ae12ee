import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable } from "../output.ts";
import { readablePath } from "../shared-path.ts";
import { walkShared } from "../shared-walk.ts";

/** `jobx fs du WORKFLOW:/path` */
export const FS_DU: Command = {
  name: "fs du",
  summary:
    "Sum up bytes and files of each folder below a path, and of the path; files count under each of their names.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx fs du text:/", "jobx fs du text:/out --json"],
  async run(run) {
    const at = readablePath(positional(run, 0), "fs du");
    const { files } = await run.connect();
    const tell = (path: string, sums: Sums): Promise<void> => {
      const line = `${String(sums.bytes).padStart(14)} ${String(sums.files).padStart(9)} ${printable(path)}\n`;
      return run.io.write(run.json ? `${JSON.stringify({ path, ...sums })}\n` : line);
    };
    /** One for each folder on the way down. */
    const open: Sums[] = [];
    let sums: Sums = { bytes: 0, files: 0 };
    for await (const { kind, path, entry } of walkShared(files, at)) {
      if (kind === "left") {
        await tell(path, sums);
        const outer = open.pop() ?? { bytes: 0, files: 0 };
        sums = { bytes: outer.bytes + sums.bytes, files: outer.files + sums.files };
      } else if (entry.type === "directory") {
        open.push(sums);
        sums = { bytes: 0, files: 0 };
      } else if (entry.type === "file") {
        sums = { bytes: sums.bytes + entry.bytes, files: sums.files + 1 };
      }
    }
    await tell(at.path, sums);
    return EXIT.ok;
  },
};

interface Sums {
  readonly bytes: number;
  readonly files: number;
}
