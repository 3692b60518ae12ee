import type { InvocationSummary } from "../../api/invocation-view.ts";
import { PAGE_DEFAULT, PAGE_MAX } from "../../api/limits.ts";
import { type Command, countOption, positional, STALE_OPTION } from "../command.ts";
import { EXIT } from "../exit.ts";
import { fullPage, moreText } from "../full-page.ts";
import { toJson, toTable } from "../output.ts";

const HEADINGS = ["INVOCATION", "STEP", "PHASE", "STATE", "CHILDREN", "ATTEMPTS", "NODE", "ERROR"];

/** `jobx request invocations ID` */
export const REQUEST_INVOCATIONS: Command = {
  name: "request invocations",
  summary: "List the invocations of a request: each run of a step's handlers, and how it stands.",
  usage: "ID",
  positionals: { min: 1, max: 1 },
  options: {
    ...STALE_OPTION,
    limit: {
      kind: "text",
      value: "N",
      help: `How many, at most ${PAGE_MAX}; default ${PAGE_DEFAULT}.`,
    },
    step: { kind: "text", value: "STEP", help: "Only of this step." },
    state: {
      kind: "text",
      value: "STATES",
      help: "Only these: waiting, running (a node has it), done, failed, cancelled; such as waiting,running.",
    },
    parent: { kind: "text", value: "INV", help: "Only those that this one has made." },
    after: { kind: "text", value: "INV", help: "Only those that follow this one: the next page." },
  },
  examples: [
    "jobx request invocations ID --state failed",
    "jobx request invocations ID --parent ID.r --limit 1000 --json",
  ],
  async run(run) {
    const bounds = { name: "limit", min: 1, max: PAGE_MAX, otherwise: PAGE_DEFAULT };
    const limit = countOption(run, bounds);
    const id = positional(run, 0);
    const client = await run.connect({ stale: run.flag("stale") });
    const filter = {
      parent: run.text("parent"),
      step: run.text("step"),
      state: run.text("state"),
    };
    const { found, next } = await fullPage({ limit, from: run.text("after") }, async (page) => {
      const asked = { ...filter, limit: page.limit, after: page.from };
      const list = await client.invocations(id, asked);
      return { found: list.invocations, next: list.next };
    });
    const table = toTable(HEADINGS, found.map(rowOf), "no invocations");
    const list = { invocations: found, next };
    run.io.out(run.json ? toJson(list) : table + moreText("after", next));
    return EXIT.ok;
  },
};

function rowOf(one: InvocationSummary): readonly string[] {
  const { invocation, step, phase, state, children, attempts, nodeName, errorCode } = one;
  const counts = [children === 0 ? "" : String(children), String(attempts ?? "?")];
  return [invocation, step, phase, state, ...counts, nodeName ?? "", errorCode ?? ""];
}
