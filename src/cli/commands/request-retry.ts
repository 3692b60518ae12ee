import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx request retry ID` */
export const REQUEST_RETRY: Command = {
  name: "request retry",
  summary: "Submit once more what a request was given; the definitions are those of now.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: { keep: { kind: "text", value: "NAME", help: "Keep the new one under a name." } },
  examples: ["jobx request retry ID"],
  async run(run) {
    const client = await run.connect();
    const answer = await client.retry(positional(run, 0), { keep: run.text("keep") });
    run.io.out(run.json ? toJson(answer) : `${answer.request}\n`);
    return EXIT.ok;
  },
};
