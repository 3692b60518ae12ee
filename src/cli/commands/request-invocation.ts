import { type Command, positional, STALE_OPTION } from "../command.ts";
import { EXIT } from "../exit.ts";
import { invocationText } from "../invocation-text.ts";
import { toJson } from "../output.ts";

/** `jobx request invocation ID INV` */
export const REQUEST_INVOCATION: Command = {
  name: "request invocation",
  summary: "Show an invocation: what it ran on, what it made, and why it failed.",
  usage: "ID INV",
  positionals: { min: 2, max: 2 },
  options: {
    ...STALE_OPTION,
    input: { kind: "flag", help: "With the pairs that it was given, at most 1 MiB." },
    output: { kind: "flag", help: "With the pairs that it has made, at most 1 MiB." },
  },
  examples: ["jobx request invocation ID ID.r.0.12", "jobx request invocation ID ID.r~0 --output"],
  async run(run) {
    const client = await run.connect({ stale: run.flag("stale") });
    const wanted = { input: run.flag("input"), output: run.flag("output") };
    const view = await client.invocation(positional(run, 0), positional(run, 1), wanted);
    run.io.out(run.json ? toJson(view) : invocationText(view));
    return EXIT.ok;
  },
};
