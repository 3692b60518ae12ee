import { type Command, positional } from "../command.ts";
import { EXIT } from "../exit.ts";

/** `jobx request result ID` */
export const REQUEST_RESULT: Command = {
  name: "request result",
  summary: "Write the result of a request as it is read: a JSON pair on each line.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: {},
  examples: ["jobx request result ID > pairs.ndjson", "jobx request result text:nightly | head"],
  async run(run) {
    // Lines of JSON are for programs already, so --json changes nothing.
    const text = await (await run.connect()).result(positional(run, 0));
    for await (const part of text) await run.io.write(part);
    return EXIT.ok;
  },
};
