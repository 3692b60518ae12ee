/**
 * Decodes in a thread of its own, so that an input which never ends, or fills the memory, ends this thread
 * and not the fuzzer. Where it is stands in shared memory.
 */
import { parentPort, workerData } from "node:worker_threads";
import { asRecord, numberOf, textOf } from "../../scripts/lib/json.ts";
import { fuzz } from "./runner.ts";
import { TARGETS } from "./targets.ts";

/** What a thread is told. */
interface WorkerJob {
  readonly target: string;
  readonly seed: number;
  readonly first: number;
  readonly runs: number;
  /** One number: the input that is being decoded. */
  readonly at: SharedArrayBuffer;
}

function jobOf(data: unknown): WorkerJob {
  const fields = asRecord(data, "workerData");
  const { at } = fields;
  if (!(at instanceof SharedArrayBuffer)) throw new Error("no shared memory");
  return {
    target: textOf(fields, "target"),
    seed: numberOf(fields, "seed"),
    first: numberOf(fields, "first"),
    runs: numberOf(fields, "runs"),
    at,
  };
}

async function main(job: WorkerJob): Promise<void> {
  const target = TARGETS.find(({ name }) => name === job.target);
  if (target === undefined) throw new Error(`there is no target ${job.target}`);
  const at = new Float64Array(job.at);
  const counts = await fuzz(target, {
    ...job,
    watch: (run) => {
      at[0] = run;
    },
  });
  parentPort?.postMessage(counts);
}

await main(jobOf(workerData));
