import type { CopyClient } from "../../api/copy-client.ts";
import type { CopiesView } from "../../api/copy-port.ts";
import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable } from "../output.ts";
import { type SharedPath, sharedPath } from "../shared-path.ts";

/** Names read at a time: for each of the files all nodes are asked. */
const PAGE_NAMES = 100;

/** `jobx fs where WORKFLOW:/path` */
export const FS_WHERE: Command = {
  name: "fs where",
  summary:
    "Show on which nodes the blocks of a file are, or of all files below a folder, and what is short or lost.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx fs where text:/in/f", "jobx fs where text:/ --json"],
  async run(run) {
    const { copies } = await run.connect();
    for await (const file of filesAt(copies, sharedPath(positional(run, 0), "fs where"))) {
      await run.io.write(run.json ? `${JSON.stringify(file)}\n` : lineOf(file));
    }
    return EXIT.ok;
  },
};

type Found = CopiesView & { readonly path: string };

async function* filesAt(
  copies: Pick<CopyClient, "where">,
  at: SharedPath,
): AsyncGenerator<Found, void, undefined> {
  let after: string | undefined;
  do {
    const page = await copies.where({ ...at, limit: PAGE_NAMES, after });
    for (const { name, type, copies: view } of page.entries) {
      const below = `${at.path.replace(/\/$/u, "")}/${name}`;
      const path = page.type === "directory" ? below : at.path;
      if (view !== null) yield { path, ...view };
      else if (type === "directory") yield* filesAt(copies, { ...at, path });
    }
    after = page.next ?? undefined;
  } while (after !== undefined);
}

function lineOf(file: Found): string {
  const { path, copies, copiesWanted, blocks, short, missing, lost, nodes } = file;
  const wrong = Object.entries({ short, missing, lost }).flatMap(([what, count]) =>
    count > 0 ? [`${count} ${what}`] : [],
  );
  const where = nodes.map((one) => `${one.node} ${one.blocks}/${blocks}`).join(", ");
  const state = wrong.length > 0 ? wrong.join(", ") : "ok";
  return `${copies}/${copiesWanted} copies  ${state}  ${where === "" ? "-" : where}  ${printable(path)}\n`;
}
