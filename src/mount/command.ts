/** Runs a program of the system to its end, or to a deadline. */
import { spawn } from "node:child_process";

export interface CommandOptions {
  readonly deadlineMs: number;
  /** Becomes descriptor 3 of the program. */
  readonly fd?: number;
}

/** How a program ended. */
export type CommandEnd =
  | { readonly kind: "ended"; readonly status: number; readonly said: string }
  | { readonly kind: "missing"; readonly said: string }
  /** It was killed; it may still be there if it waits in the kernel. */
  | { readonly kind: "late"; readonly said: string };

/** Characters of what a program says that are kept. */
const SAID_LENGTH_MAX = 4096;

/** Never rejects. What the program says on standard error and output comes together. */
export function runCommand(
  file: string,
  args: readonly string[],
  { deadlineMs, fd }: CommandOptions,
): Promise<CommandEnd> {
  return new Promise((resolve) => {
    let said = "";
    const child = spawn(file, args, {
      stdio: ["ignore", "pipe", "pipe", fd ?? "ignore"],
      env: { ...process.env, LC_ALL: "C" },
    });
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      child.unref();
      resolve({ kind: "late", said });
    }, deadlineMs);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => {
        said = (said + text).slice(0, SAID_LENGTH_MAX);
      });
    }
    child.on("error", (error) => {
      clearTimeout(late);
      resolve({ kind: "missing", said: error.message });
    });
    child.on("close", (status) => {
      clearTimeout(late);
      resolve({ kind: "ended", status: status ?? -1, said: said.trim() });
    });
  });
}

/** In words, for errors. */
export function endText(end: CommandEnd): string {
  switch (end.kind) {
    case "ended":
      return end.said === "" ? `ended with ${end.status}` : end.said;
    case "missing":
      return end.said;
    case "late":
      return `did not end in time ${end.said}`.trim();
  }
}
