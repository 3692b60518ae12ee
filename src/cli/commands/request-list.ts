import { PAGE_DEFAULT, PAGE_MAX } from "../../api/limits.ts";
import { type Command, countOption, positional, STALE_OPTION } from "../command.ts";
import { EXIT } from "../exit.ts";
import { fullPage, moreText } from "../full-page.ts";
import { toJson, toTable } from "../output.ts";
import { progressLine } from "../progress.ts";

/** `jobx request list WORKFLOW` */
export const REQUEST_LIST: Command = {
  name: "request list",
  summary: "List the requests of a workflow, newest first.",
  usage: "WORKFLOW",
  positionals: { min: 1, max: 1 },
  options: {
    ...STALE_OPTION,
    limit: {
      kind: "text",
      value: "N",
      help: `How many, at most ${PAGE_MAX}; default ${PAGE_DEFAULT}.`,
    },
    state: { kind: "text", value: "STATES", help: "Only these, such as failed,cancelled." },
    job: { kind: "text", value: "JOB", help: "Only of this job." },
    since: { kind: "text", value: "TIME", help: "Submitted then or later, such as 2026-01-31." },
    until: { kind: "text", value: "TIME", help: "Submitted then or earlier." },
    before: { kind: "text", value: "ID", help: "Only those older than this one: the next page." },
  },
  examples: ["jobx request list text --limit 10", "jobx request list text --state failed"],
  async run(run) {
    const limit = countOption(run, {
      name: "limit",
      min: 1,
      max: PAGE_MAX,
      otherwise: PAGE_DEFAULT,
    });
    const client = await run.connect({ stale: run.flag("stale") });
    const filter = {
      state: run.text("state"),
      job: run.text("job"),
      since: run.text("since"),
      until: run.text("until"),
    };
    const workflow = positional(run, 0);
    const { found, next } = await fullPage({ limit, from: run.text("before") }, async (page) => {
      const asked = { ...filter, limit: page.limit, before: page.from };
      const list = await client.requests(workflow, asked);
      return { found: list.requests, next: list.next };
    });
    const rows = found.map((view) => [
      view.request,
      view.job,
      view.submittedAt,
      progressLine(view),
    ]);
    const table = toTable(["REQUEST", "JOB", "SUBMITTED", "STATE"], rows, "no requests");
    const list = { requests: found, next };
    run.io.out(run.json ? toJson(list) : table + moreText("before", next));
    return EXIT.ok;
  },
};
