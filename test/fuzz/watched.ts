/** One round of one target in a thread that is watched from here. */
import { Worker } from "node:worker_threads";
import { type Counts, inputOf, packInput } from "./runner.ts";
import type { Target } from "./target.ts";

/** Looks at a thread that stands at one input, after which that input hangs; and between two looks, ms. */
const LOOKS_MAX = 30;
const LOOK_MS = 1_000;

/** JavaScript's heap of the thread: no decoder needs a tenth of it. */
const HEAP_MEBIBYTES = 512;

/** As `fuzz`; a thread that hangs or dies gives a finding too, and the rest of its round is lost. */
export function fuzzWatched(
  target: Target,
  round: { readonly seed: number; readonly first: number; readonly runs: number },
): Promise<Counts> {
  const shared = new SharedArrayBuffer(Float64Array.BYTES_PER_ELEMENT);
  const at = new Float64Array(shared);
  at[0] = round.first;
  const worker = new Worker(new URL("./worker.ts", import.meta.url), {
    workerData: { target: target.name, ...round, at: shared },
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MEBIBYTES },
  });
  return new Promise((resolve) => {
    let [last, looks] = [-1, 0];
    const startMs = performance.now();
    const end = (counts: Counts): void => {
      clearInterval(timer);
      void worker.terminate();
      resolve(counts);
    };
    const lost = (error: string): void => {
      const run = at[0] ?? 0;
      const input = packInput(inputOf(target, round.seed, run));
      const found = [{ target: target.name, seed: round.seed, run, input, error }];
      const counted = {
        inputs: run - round.first + 1,
        cut: 0,
        version: 0,
        refused: 0,
        accepted: 0,
      };
      end({ target: target.name, ...counted, ms: performance.now() - startMs, found });
    };
    const timer = setInterval(() => {
      looks = at[0] === last ? looks + 1 : 0;
      last = at[0] ?? 0;
      if (looks >= LOOKS_MAX) lost("it does not end");
    }, LOOK_MS);
    worker.on("message", (counts: Counts) => end(counts));
    worker.on("error", (error) => lost(`the thread died: ${String(error)}`));
    worker.on("exit", (code) => lost(`the thread ended with code ${code}`));
  });
}
