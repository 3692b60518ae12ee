import { NAMES_MAX } from "../../api/limits.ts";
import type { SnapshotView } from "../../api/snapshot-port.ts";
import { bytesText } from "../byte-progress.ts";
import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { fieldsText, printable, toJson } from "../output.ts";

/** `jobx fs snapshots WORKFLOW[@NAME]` */
export const FS_SNAPSHOTS: Command = {
  name: "fs snapshots",
  summary: "List the snapshots of a workflow's volume; show or remove one of them.",
  usage: "WORKFLOW[@NAME]",
  positionals: { min: 1, max: 1 },
  options: { remove: { kind: "flag", help: "Remove the one that is named." } },
  examples: [
    "jobx fs snapshots text",
    "jobx fs snapshots text@before --json",
    "jobx fs snapshots text@before --remove",
  ],
  async run(run) {
    const text = positional(run, 0);
    const { workflow = "", name } =
      /^(?<workflow>[^@:/]+)(?:@(?<name>[^@:/]+))?:?$/u.exec(text)?.groups ?? {};
    if (workflow === "" || (run.flag("remove") && name === undefined)) {
      const message = `expected a workflow${run.flag("remove") ? " and a snapshot" : ""}, such as text@before, found '${text}'`;
      throw cliError({ code: "CLI_USAGE", command: "fs snapshots" }, message);
    }
    const { snapshots } = await run.connect();
    if (name !== undefined) {
      const removes = run.flag("remove");
      const one = await snapshots[removes ? "remove" : "show"](workflow, name);
      const said = removes ? `${workflow}@${printable(one.name)} is removed\n` : fieldsText(one);
      run.io.out(run.json ? toJson(one) : said);
      return EXIT.ok;
    }
    let after: string | undefined;
    do {
      const page = await snapshots.list({ workflow, limit: NAMES_MAX, after });
      const line = run.json ? (one: SnapshotView) => `${JSON.stringify(one)}\n` : textOf;
      await run.io.write(page.snapshots.map(line).join(""));
      after = page.next ?? undefined;
    } while (after !== undefined);
    return EXIT.ok;
  },
};

function textOf({ name, path, taken, files, bytes, cid }: SnapshotView): string {
  return `${taken.slice(0, 19)}Z ${String(files).padStart(9)} files ${bytesText(bytes).padStart(10)} ${cid} ${printable(`${name} of ${path}`)}\n`;
}
