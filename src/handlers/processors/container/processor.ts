/** Containers: a worker of the node's own runtime looks after one of an image at a time. */
import { type Processor, workerFile } from "../processor.ts";

const WORKER = ["container-worker.js", "container-worker.ts"] as const;

export const CONTAINER: Processor = {
  isToldMemory: false,
  isEngine: false,
  command: ({ containers }) => ({
    file: process.execPath,
    args: [
      // Of the worker of JavaScript, which this one is.
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      workerFile(WORKER, import.meta.url),
      JSON.stringify(containers ?? null),
    ],
  }),
};
