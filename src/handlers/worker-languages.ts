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

/** The command for a worker. Worker files are beside this module, in the sources and when built. */
export function workerCommand(language: Language): WorkerCommand {
  return COMMANDS[language]();
}

const COMMANDS = {
  javascript: () => ({
    file: process.execPath,
    args: [
      // Sources are compiled for checking without being run.
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      workerFile(["javascript-worker.js", "javascript-worker.ts"]),
    ],
  }),
  python: () => ({
    file: PYTHON,
    // Isolated from the user's settings; a crash in native code leaves a traceback.
    args: ["-I", "-X", "utf8", "-X", "faulthandler", workerFile(["python_worker.py"])],
  }),
} as const satisfies Record<Language, () => WorkerCommand>;

function workerFile(names: readonly string[]): string {
  const paths = names.map((name) => fileURLToPath(new URL(`workers/${name}`, import.meta.url)));
  return paths.find((path) => existsSync(path)) ?? paths[0] ?? "";
}
