/** Running programs to their end. */
import { execFile } from "node:child_process";

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A result with large values still fits. */
const OUTPUT_BYTES_MAX = 128 << 20;

/** Runs a program; any exit code is an answer. @throws {Error} when it does not end by itself in time. */
export function runProgram(
  file: string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly msMax: number },
): Promise<Ended> {
  const { env, msMax } = options;
  return new Promise((resolve, reject) => {
    const limits = { timeout: msMax, maxBuffer: OUTPUT_BYTES_MAX };
    execFile(file, args, { env, ...limits }, (error, stdout, stderr) => {
      if (error === null) return resolve({ code: 0, stdout, stderr });
      if (typeof error.code === "number") return resolve({ code: error.code, stdout, stderr });
      const shown = [file, ...args].join(" ");
      reject(new Error(`${shown} did not end well: ${error.message}\n${stderr}`, { cause: error }));
    });
  });
}
