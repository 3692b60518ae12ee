/** Commands that a JavaScript handler runs. */
import { spawn } from "node:child_process";

/** How a command is run. */
export interface RunOptions {
  /** Written to its standard input, which is empty without it. */
  readonly input?: string | Uint8Array | undefined;
  /** The exit code that is success, 0 unless said; null for any. */
  readonly successCode?: number | null | undefined;
  /** Instead of the handler's own environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/**
 * Runs a command whose output is printed; resolves with its exit code.
 * @throws {Error} when it cannot be started, is ended by a signal, or ends with another code than it should.
 */
export function runCommand(
  command: readonly string[],
  options: RunOptions & { readonly signal: AbortSignal },
): Promise<number> {
  const { input, successCode = 0, env, signal } = options;
  const [file = "", ...args] = command;
  return new Promise((resolve, reject) => {
    const stdin = input === undefined ? "ignore" : "pipe";
    const child = spawn(file, args, {
      ...{ stdio: [stdin, "inherit", "inherit"], signal },
      ...(env === undefined ? {} : { env }),
    });
    child.once("error", reject);
    child.once("exit", (code, by) => {
      if (code !== null && (successCode === null || code === successCode)) return resolve(code);
      const how = code === null ? `by ${by}` : `with ${code}`;
      reject(new Error(`command ${JSON.stringify(command)} ended ${how}`));
    });
    // It may end before it has read all.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
  });
}
