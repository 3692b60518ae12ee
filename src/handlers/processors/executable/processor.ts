/**
 * Whatever the machine can start: scripts with an interpreter, binaries. In line mode one worker of ours
 * starts them, a process for each call.
 */
import { type Processor, workerFile } from "../processor.ts";

const WORKER = ["executable-worker.js", "executable-worker.ts"] as const;

export const EXECUTABLE: Processor = {
  isToldMemory: false,
  isEngine: false,
  command: () => ({
    file: process.execPath,
    args: [
      "--disable-warning=ExperimentalWarning",
      // Only batches pass through it.
      "--max-semi-space-size=4",
      workerFile(WORKER, import.meta.url),
    ],
  }),
};
