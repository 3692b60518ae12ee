import { type Command, positional } from "../command.ts";
import { cliError } from "../errors.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";
import { readablePath, sharedPath } from "../shared-path.ts";

/** `jobx fs xattr list WORKFLOW:/path` */
export const FS_XATTR_LIST: Command = {
  name: "fs xattr list",
  summary: "List the extended attributes of a file or folder of a workflow's volume.",
  usage: "WORKFLOW:/PATH",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx fs xattr list text:/out/f", "jobx fs xattr list text:/out/f --json"],
  async run(run) {
    const { files } = await run.connect();
    const answer = await files.attributes(readablePath(positional(run, 0), "fs xattr list"));
    const names = answer.attributes.map(({ name }) => `${printable(name)}\n`).join("");
    run.io.out(run.json ? toJson(answer) : names);
    return EXIT.ok;
  },
};

/** `jobx fs xattr get WORKFLOW:/path NAME` */
export const FS_XATTR_GET: Command = {
  name: "fs xattr get",
  summary: "Write the value of an extended attribute to the standard output, as it is.",
  usage: "WORKFLOW:/PATH NAME",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: ["jobx fs xattr get text:/out/f user.origin"],
  async run(run) {
    const at = readablePath(positional(run, 0), "fs xattr get");
    const name = positional(run, 1);
    const { attributes } = await (await run.connect()).files.attributes(at);
    const found = attributes.find((one) => one.name === name);
    if (found === undefined) {
      const message = `${at.workflow}:${printable(at.path)} has no attribute ${printable(name)}`;
      throw cliError({ code: "CLI_ATTRIBUTE_UNKNOWN", name }, message);
    }
    if (run.json) run.io.out(toJson(found));
    else await run.io.bytes.write(Buffer.from(found.value, "base64"));
    return EXIT.ok;
  },
};

/** `jobx fs xattr set WORKFLOW:/path NAME VALUE` */
export const FS_XATTR_SET: Command = {
  name: "fs xattr set",
  summary: "Set an extended attribute; its name begins with user.",
  usage: "WORKFLOW:/PATH NAME VALUE",
  positionals: { min: 3, max: 3 },
  options: {
    base64: { kind: "flag", help: "VALUE is base64; else it is text." },
    exclusive: { kind: "flag", short: "n", help: "Replace none." },
  },
  examples: ["jobx fs xattr set text:/out/f user.origin sensor-7"],
  async run(run) {
    const at = sharedPath(positional(run, 0), "fs xattr set");
    const [name, text] = [positional(run, 1), positional(run, 2)];
    const bytes = Buffer.from(text, run.flag("base64") ? "base64" : "utf8");
    if (run.flag("base64") && bytes.toString("base64") !== text) {
      const message = `expected base64 with its padding, found '${text}'`;
      throw cliError({ code: "CLI_USAGE", command: "fs xattr set" }, message);
    }
    const over = run.flag("exclusive") ? "absent" : "any";
    const { files } = await run.connect();
    const value = bytes.toString("base64");
    const answer = await files.setAttribute({ ...at, name, value, over });
    const said = `${at.workflow}:${printable(at.path)} has ${printable(name)}\n`;
    run.io.out(run.json ? toJson(answer) : said);
    return EXIT.ok;
  },
};

/** `jobx fs xattr rm WORKFLOW:/path NAME` */
export const FS_XATTR_RM: Command = {
  name: "fs xattr rm",
  summary: "Take an extended attribute away.",
  usage: "WORKFLOW:/PATH NAME",
  positionals: { min: 2, max: 2 },
  options: {},
  examples: ["jobx fs xattr rm text:/out/f user.origin"],
  async run(run) {
    const at = sharedPath(positional(run, 0), "fs xattr rm");
    const name = positional(run, 1);
    const { files } = await run.connect();
    const answer = await files.setAttribute({ ...at, name, value: null, over: "present" });
    const said = `${at.workflow}:${printable(at.path)} has no ${printable(name)} any more\n`;
    run.io.out(run.json ? toJson(answer) : said);
    return EXIT.ok;
  },
};
