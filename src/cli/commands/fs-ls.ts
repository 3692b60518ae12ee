import type { FileView } from "../../api/file-port.ts";
import { NAMES_MAX } from "../../api/limits.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable } from "../output.ts";
import { lastName, readablePath } from "../shared-path.ts";

/** What a line shows. */
type Shown = Omit<FileView, "path"> & { readonly name: string };

/** `jobx fs ls WORKFLOW:/path` */
export const FS_LS: Command = {
  name: "fs ls",
  summary:
    "List a folder of a workflow's volume in the order of the bytes of the names, or show a file.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: { long: { kind: "flag", short: "l", help: "With type, mode, size and time." } },
  examples: ["jobx fs ls text:/", "jobx fs ls -l text:/in", "jobx fs ls text:/in --json"],
  async run(run) {
    const at = readablePath(positional(run, 0), "fs ls");
    const { files } = await run.connect();
    const show = (entries: readonly Shown[]): Promise<void> => {
      // A value on each line: a folder may be larger than anything that is read whole.
      if (run.json) return run.io.write(entries.map((one) => `${JSON.stringify(one)}\n`).join(""));
      return run.io.write(entries.map(run.flag("long") ? longLine : shortLine).join(""));
    };
    const found = await files.stat({ ...at, follow: true });
    if (found.type !== "directory") {
      await show([{ ...found, name: lastName(found.path) }]);
      return EXIT.ok;
    }
    let after: string | undefined;
    do {
      const page = await files.list({ ...at, limit: NAMES_MAX, after });
      await show(page.entries);
      after = page.next ?? undefined;
    } while (after !== undefined);
    return EXIT.ok;
  },
};

function shortLine({ name, type }: Shown): string {
  return `${printable(name)}${type === "directory" ? "/" : ""}\n`;
}

const LETTERS = { file: "-", directory: "d", symlink: "l" } as const;

function longLine(entry: Shown): string {
  const { type, mode, links, bytes, mtime, name, target } = entry;
  const to = target === null ? "" : ` -> ${target}`;
  const numbers = `${String(links).padStart(3)} ${String(bytes).padStart(14)}`;
  return `${LETTERS[type]}${modeText(mode)} ${numbers} ${mtime.slice(0, 19)}Z ${printable(name + to)}\n`;
}

function modeText(mode: number): string {
  return [6, 3, 0]
    .map((shift) => {
      const bits = (mode >> shift) & 7;
      return `${bits & 4 ? "r" : "-"}${bits & 2 ? "w" : "-"}${bits & 1 ? "x" : "-"}`;
    })
    .join("");
}
