/** The port of handlers with a meter in front: what passes is counted, and handed on as it is. */
import type { RunnerPort } from "../actors/work-ports.ts";
import type { Metrics } from "./metrics.ts";

/** Counts attempts by how they ended here. */
export function meteredRunner(runner: RunnerPort, metrics: Metrics): RunnerPort {
  return {
    beginNoMore: () => runner.beginNoMore(),
    output: (wanted) => runner.output(wanted),
    async run(work, context) {
      const ran = await runner.run(work, context);
      const { kind } = ran.outcome;
      metrics.attemptEnded(kind === "failed" || kind === "released" ? kind : "done");
      return ran;
    },
  };
}
