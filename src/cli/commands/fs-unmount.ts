import { unmount } from "../../mount/unmount.ts";
import { type Command, countOption, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { printable, toJson } from "../output.ts";

const WAIT_S_DEFAULT = 30;
const WAIT_S_MAX = 3_600;

/** `jobx fs unmount DIR` */
export const FS_UNMOUNT: Command = {
  name: "fs unmount",
  summary:
    "End a mount of a volume when nothing is open there; after the time given whatever is open gets errors.",
  usage: "DIR",
  positionals: { min: 1, max: 1 },
  options: {
    wait: { kind: "text", value: "SECONDS", help: "How long to wait for open files; default 30." },
  },
  examples: ["jobx fs unmount ./text", "jobx fs unmount /mnt/in --wait 0"],
  async run(run) {
    const directory = positional(run, 0);
    const bounds = { name: "wait", min: 0, max: WAIT_S_MAX, otherwise: WAIT_S_DEFAULT };
    const inOrder = await unmount(directory, 1000 * countOption(run, bounds));
    const how = inOrder ? "is unmounted" : "is unmounted; what was open there got errors";
    run.io.out(run.json ? toJson({ directory, inOrder }) : `${printable(directory)} ${how}\n`);
    return inOrder ? EXIT.ok : EXIT.failed;
  },
};
