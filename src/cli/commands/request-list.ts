import { PAGE_DEFAULT, PAGE_MAX } from "../../api/limits.ts";
import { type Command, countOption, positional } from "../command.ts";
import { EXIT } from "../exit.ts";
import { toJson, toTable } from "../output.ts";
import { progressLine } from "../request-text.ts";

/** `jobx request list WORKFLOW` */
export const REQUEST_LIST: Command = {
  name: "request list",
  summary: "List the requests of a workflow, newest first.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {
    limit: {
      kind: "text",
      value: "N",
      help: `How many, at most ${PAGE_MAX}; default ${PAGE_DEFAULT}.`,
    },
    before: { kind: "text", value: "ID", help: "Only those older than this one: the next page." },
  },
  examples: ["jobx request list text --limit 10"],
  async run(run) {
    const limit = countOption(run, {
      name: "limit",
      min: 1,
      max: PAGE_MAX,
      otherwise: PAGE_DEFAULT,
    });
    const client = await run.connect();
    const requests = await client.requests(positional(run, 0), {
      limit,
      before: run.text("before"),
    });
    const rows = requests.map((view) => [
      view.request,
      view.job,
      view.submittedAt,
      progressLine(view),
    ]);
    run.io.out(
      run.json
        ? toJson(requests)
        : toTable(["REQUEST", "JOB", "SUBMITTED", "STATE"], rows, "no requests"),
    );
    return EXIT.ok;
  },
};
