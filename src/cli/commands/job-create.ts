import type { JobView } from "../../api/ports.ts";
import { type Command, positional } from "../command.ts";
import { REPLACE_OPTIONS, writeEntity } from "../entities.ts";
import { EXIT } from "../exit.ts";
import { toJson } from "../output.ts";

/** `jobx job create WORKFLOW JOB --step STEP` */
export const JOB_CREATE: Command = {
  name: "job create",
  summary: "Make a job that begins with a step, or with --replace change one.",
  usage: "WORKFLOW JOB --step STEP",
  positionals: { min: 2, max: 2 },
  options: {
    step: { kind: "text", value: "STEP", help: "The step that its requests begin with." },
    description: { kind: "text", value: "TEXT", help: "What it does." },
    ...REPLACE_OPTIONS,
  },
  examples: ["jobx job create text wordcount --step documents"],
  async run(run) {
    const at = { workflow: positional(run, 0), plural: "jobs", name: positional(run, 1) } as const;
    const written = { step: run.text("step"), description: run.text("description") };
    const view = await writeEntity<JobView>(run, at, written);
    run.io.out(run.json ? toJson(view) : `job ${view.name} is at revision ${view.revision}\n`);
    return EXIT.ok;
  },
};
