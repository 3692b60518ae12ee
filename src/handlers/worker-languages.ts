/** How a worker of each language is started. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Language } from "../wire/dataset.ts";

/** A program and its arguments. */
export interface WorkerCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/** Debian's own interpreter: the first `python3` on a PATH may be slow and miss its packages. */
const PYTHON = "/usr/bin/python3";

/** Memory of a JavaScript worker besides its heap of old objects, bytes: code, young objects, buffers. */
const BESIDE_HEAP_BYTES = 128 * 2 ** 20;

/**
 * The command for a worker. Worker files are beside this module, in the sources and when built.
 * `memoryBytes` is what its attempts may use, for a runtime that must be told when to collect garbage.
 */
export function workerCommand(language: Language, memoryBytes: number | undefined): WorkerCommand {
  return COMMANDS[language](memoryBytes);
}

const COMMANDS = {
  javascript: (memoryBytes) => ({
    file: process.execPath,
    args: [
      ...(memoryBytes === undefined ? [] : [`--max-old-space-size=${heapMebibytes(memoryBytes)}`]),
      // Sources are compiled for checking without being run.
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      workerFile(["javascript-worker.js", "javascript-worker.ts"]),
    ],
  }),
  python: (_memoryBytes) => ({
    file: PYTHON,
    // Isolated from the user's settings; a crash in native code leaves a traceback.
    args: ["-I", "-X", "utf8", "-X", "faulthandler", workerFile(["python_worker.py"])],
  }),
} as const satisfies Record<Language, (memoryBytes: number | undefined) => WorkerCommand>;

/** Below its limit garbage is collected before the limit is reached; live objects still hit it. */
function heapMebibytes(memoryBytes: number): number {
  const heapBytes = Math.max(memoryBytes / 2, memoryBytes - BESIDE_HEAP_BYTES);
  return Math.max(1, Math.floor(heapBytes / 2 ** 20));
}

function workerFile(names: readonly string[]): string {
  const paths = names.map((name) => fileURLToPath(new URL(`workers/${name}`, import.meta.url)));
  return paths.find((path) => existsSync(path)) ?? paths[0] ?? "";
}
