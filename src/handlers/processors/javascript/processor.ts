/** JavaScript and TypeScript, run by the runtime that runs the node. */
import { type Processor, workerFile } from "../processor.ts";

/** Memory of a worker besides its heap of old objects, bytes: code, young objects, buffers. */
const BESIDE_HEAP_BYTES = 128 * 2 ** 20;

const WORKER = ["javascript-worker.js", "javascript-worker.ts"] as const;

export const JAVASCRIPT: Processor = {
  isToldMemory: true,
  isEngine: true,
  command: ({ memoryBytes }) => ({
    file: process.execPath,
    args: [
      ...(memoryBytes === undefined ? [] : [`--max-old-space-size=${heapMebibytes(memoryBytes)}`]),
      // Sources are compiled for checking without being run.
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      workerFile(WORKER, import.meta.url),
    ],
  }),
};

/** Below its limit garbage is collected before the limit is reached; live objects still hit it. */
function heapMebibytes(memoryBytes: number): number {
  const heapBytes = Math.max(memoryBytes / 2, memoryBytes - BESIDE_HEAP_BYTES);
  return Math.max(1, Math.floor(heapBytes / 2 ** 20));
}
