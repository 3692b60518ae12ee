import type { StepView } from "../../api/ports.ts";
import { type Command, type CommandRun, positional } from "../command.ts";
import { REPLACE_OPTIONS, writeEntity } from "../entities.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx step create WORKFLOW STEP --map HANDLER --reduce HANDLER` */
export const STEP_CREATE: Command = {
  name: "step create",
  summary: "Make a step of handlers that are there, or with --replace change one.",
  usage: "WORKFLOW STEP --map HANDLER --reduce HANDLER",
  positionals: { min: 2, max: 2 },
  options: {
    map: { kind: "text", value: "HANDLER", help: "The mapper." },
    combine: { kind: "text", value: "HANDLER", help: "The combiner; default groups by key." },
    reduce: { kind: "text", value: "HANDLER", help: "The reducer." },
    partitions: { kind: "text", value: "N", help: "Parts of its reduction; default 1." },
    retries: { kind: "text", value: "N", help: "Repetitions; default its handlers', or 3." },
    timeout: {
      kind: "text",
      value: "DURATION",
      help: "Bound on an attempt; default its handlers', or 10m.",
    },
    "on-failure": { kind: "text", value: "WHAT", help: "fail, skip or pause; default fail." },
    description: { kind: "text", value: "TEXT", help: "What it does." },
    ...REPLACE_OPTIONS,
  },
  examples: ["jobx step create text words --map count_words --reduce sum --retries 5"],
  async run(run) {
    const at = { workflow: positional(run, 0), plural: "steps", name: positional(run, 1) } as const;
    const view = await writeEntity<StepView>(run, at, stepOf(run));
    run.io.out(run.json ? toJson(view) : `step ${view.name} is at revision ${view.revision}\n`);
    return EXIT.ok;
  },
};

/** As a workflow file would write it: the node checks it as it checks that. */
function stepOf(run: CommandRun): Readonly<Record<string, unknown>> {
  const texts = ["map", "combine", "reduce", "timeout", "description"] as const;
  const written: Record<string, unknown> = {};
  for (const name of texts) written[name] = run.text(name);
  written["onFailure"] = run.text("on-failure");
  for (const name of ["partitions", "retries"] as const) {
    const text = run.text(name);
    // What is no number is sent as it is, and the node says what it expects.
    if (text !== undefined) written[name] = /^[0-9]{1,9}$/u.test(text) ? Number(text) : text;
  }
  return written;
}
