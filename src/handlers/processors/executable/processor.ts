/**
 * Whatever the machine can start: scripts with an interpreter, binaries. In line mode one worker of ours
 * starts them, a process for each call; what speaks
 * frames is a worker itself.
 */
import { type Processor, type WorkerCommand, workerFile } from "../processor.ts";

const WORKER = ["executable-worker.js", "executable-worker.ts"] as const;

export const EXECUTABLE: Processor = {
  isToldMemory: false,
  isEngine: false,
  command: ({ program }) => (program === undefined ? STARTER : frameCommand(program)),
};

/** Ours, for line mode. */
const STARTER: WorkerCommand = {
  file: process.execPath,
  args: [
    "--disable-warning=ExperimentalWarning",
    // Only batches pass through it.
    "--max-semi-space-size=4",
    workerFile(WORKER, import.meta.url),
  ],
};

/** A shell that knows descriptors of more than one digit. */
const SHELL = "/bin/bash";

/**
 * Closes files of the node that a process gets when it is started, such as LevelDB's, and becomes the program. Nothing
 * is redirected meanwhile: the shell would keep what it redirects at a higher descriptor.
 */
const BECOME = `for f in /proc/self/fd/*; do n=\${f##*/}; ((n > 4)) && eval "exec $n>&-"; done
exec -- "$0"`;

/** A program that speaks frames itself. */
function frameCommand(program: string): WorkerCommand {
  return { file: SHELL, args: ["-c", BECOME, program] };
}
