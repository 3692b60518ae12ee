import type { VersionView } from "../../api/snapshot-port.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";
import { sharedPath } from "../shared-path.ts";

/** `jobx fs history WORKFLOW:/path` */
export const FS_HISTORY: Command = {
  name: "fs history",
  summary:
    "Show what a file was before, newest first, or a removed one; kept as fs quota --versions says.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: [
    "jobx fs quota text --versions 10 --versions-for 720h",
    "jobx fs history text:/out/f",
    "jobx fs cat text:/out/f --version 57",
  ],
  async run(run) {
    const { workflow, path } = sharedPath(positional(run, 0), "fs history");
    const history = await (await run.connect()).snapshots.history(workflow, path);
    run.io.out(run.json ? toJson(history) : history.versions.map(textOf).join(""));
    return EXIT.ok;
  },
};

function textOf({ version, kept, bytes, cid }: VersionView): string {
  return `${String(version).padStart(9)} ${String(bytes).padStart(14)} until ${kept.slice(0, 19)}Z ${cid ?? ""}`
    .trimEnd()
    .concat("\n");
}
