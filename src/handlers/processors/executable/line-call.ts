/**
 * One call of an executable in line mode: its process, records to its standard input, records from its
 * standard output, both streamed at once. It is done when its process has ended with code 0.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import type { StartMessage } from "../../../wire/worker-protocol.ts";
import { OutputTail } from "../../output-tail.ts";
import type { NodeChannel } from "../javascript/javascript-channel.ts";
import { enterDirectory } from "../javascript/javascript-directory.ts";
import { Fault } from "../javascript/javascript-fault.ts";
import { CallLog } from "../javascript/javascript-log.ts";
import { enterVolume } from "../javascript/javascript-workspace.ts";
import { closeCtx, ctxVariables, openCtx } from "./ctx-pipe.ts";
import { programOf } from "./executable-source.ts";
import { lineReader, lineWriter } from "./line-form.ts";
import { LineInput } from "./line-input.ts";
import { LineOutput, type Malformed } from "./line-output.ts";

type Program = ChildProcessByStdio<Writable, Readable, Readable>;

/** Longest wait for more output after a program's end, milliseconds: what it has left may hold the pipe. */
const LAST_OUTPUT_MS = 300;

/** The last of its standard error that a failure tells, bytes. */
const ERROR_TAIL_BYTES = 8 * 1024;

/** Characters of a key or value in the environment; the kernel takes 128 KiB for one variable. */
const VARIABLE_LENGTH_MAX = 32 * 1024;

/** Runs a call to its program's end; the bytes of its log that were printed. Throws what went wrong. */
export async function runExecutable(
  start: StartMessage,
  options: { readonly channel: NodeChannel; readonly signal: AbortSignal },
): Promise<number> {
  const { channel, signal } = options;
  const { lines = { codec: "tsv", separator: "\t" }, type } = start.handler;
  enterDirectory(start.directory);
  enterVolume(start.volume?.mount);
  const file = programOf(start);
  const log = new CallLog(channel, start.logs);
  const write = lineWriter(lines);
  const input = new LineInput(channel, { write, grouped: type !== "mapper" });
  const output = new LineOutput(channel, { type, read: lineReader(lines) });
  try {
    const only = await input.single();
    openCtx(start, { channel, log: log.log, signal });
    const own = {
      ...callVariables(start),
      ...pairVariables(start.handler, only),
      ...ctxVariables(),
    };
    const env = { ...process.env, ...own };
    const program = spawn(file, [], { env, stdio: ["pipe", "pipe", "pipe"] });
    const stop = (): void => void program.kill("SIGTERM");
    signal.addEventListener("abort", stop);
    // Whichever fails first tells; the other ends with the program.
    const ended = endOf(program, output).finally(() => input.stop());
    const fed = input.feed(program.stdin).catch((fault: unknown) => {
      program.kill("SIGKILL");
      throw fault;
    });
    await Promise.all([fed, ended]).finally(() => Promise.allSettled([fed, ended]));
    await closeCtx();
    warnOf(output.finish(), log);
  } finally {
    await closeCtx();
    input.stop();
    log.close();
  }
  return log.printedBytes;
}

/** Resolves when the program has ended well and all that it wrote is taken. @throws {Fault} else. */
async function endOf(program: Program, output: LineOutput): Promise<void> {
  const errors = new OutputTail();
  let fault: Error | undefined;
  let lastMs = 0;
  program.stderr.on("data", (chunk: Buffer) => {
    lastMs = performance.now();
    errors.push(chunk);
    process.stderr.write(chunk);
  });
  program.stdout.on("data", (chunk: Buffer) => {
    lastMs = performance.now();
    if (fault !== undefined) return;
    try {
      output.push(chunk);
    } catch (thrown) {
      fault = thrown instanceof Error ? thrown : new Error(String(thrown));
      program.kill("SIGKILL");
    }
  });
  const end = await exitOf(program, () => performance.now() - lastMs);
  if (fault !== undefined) throw fault;
  if (end.kind === "unstarted") {
    throw new Fault("HANDLER_LOAD_FAILED", `the program cannot be started: ${end.reason}`);
  }
  if (end.code === 0) return;
  const how = end.signal === null ? `with code ${end.code}` : `by signal ${end.signal}`;
  const failed = new Fault(codeOf(end.signal), `the program ended ${how}`);
  failed.stack = errors.text(ERROR_TAIL_BYTES);
  throw failed;
}

/** These come from somebody else; the others a program earns by what it does. */
function codeOf(signal: string | null): "HANDLER_FAILED" | "HANDLER_KILLED" | "HANDLER_CRASHED" {
  if (signal === null) return "HANDLER_FAILED";
  return signal === "SIGKILL" || signal === "SIGTERM" ? "HANDLER_KILLED" : "HANDLER_CRASHED";
}

type Exit =
  | { readonly kind: "unstarted"; readonly reason: string }
  | { readonly kind: "ended"; readonly code: number | null; readonly signal: string | null };

/** How it ended, once its output has ended too, or nobody has written for a while. */
function exitOf(program: Program, quietMs: () => number): Promise<Exit> {
  return new Promise((resolve) => {
    program.once("error", (error) => resolve({ kind: "unstarted", reason: error.message }));
    program.once("exit", (code, signal) => {
      const end = { kind: "ended", code, signal } as const;
      const endedMs = performance.now();
      program.once("close", () => resolve(end));
      const look = (): void => {
        const waitedMs = performance.now() - endedMs;
        if (Math.min(quietMs(), waitedMs) < LAST_OUTPUT_MS) {
          setTimeout(look, LAST_OUTPUT_MS / 10);
          return;
        }
        program.stdout.destroy();
        program.stderr.destroy();
        resolve(end);
      };
      setTimeout(look, LAST_OUTPUT_MS / 10).unref();
    });
  });
}

function warnOf({ count, line }: Malformed, log: CallLog): void {
  if (count === 0) return;
  const many = count === 1 ? "a line" : `${count} lines`;
  log.log.warn(`${many} of the output were left out as no pairs; the first is line ${line}`);
}

/** What a call's program is told in its environment. */
function callVariables(start: StartMessage): Readonly<Record<string, string>> {
  const { request, invocation, step } = start.names;
  const { name, type } = start.handler;
  return {
    JOBX_HANDLER: name,
    JOBX_HANDLER_TYPE: type,
    JOBX_REQUEST: request,
    JOBX_INVOCATION: invocation,
    JOBX_STEP: step,
  };
}

/**
 * A mapper that is given one pair finds it here as well, texts as they are and all else as JSON. What was sealed
 * is in its input only: an environment is read by others, and goes to all that a program starts.
 */
function pairVariables(
  { type, unseals }: StartMessage["handler"],
  only: readonly unknown[] | undefined,
): Readonly<Record<string, string>> {
  if (type !== "mapper" || unseals === true || only === undefined) return {};
  const [key, value] = only.map((part) => (typeof part === "string" ? part : JSON.stringify(part)));
  const fits = (text: string | undefined): text is string =>
    text !== undefined && text.length <= VARIABLE_LENGTH_MAX && !text.includes("\0");
  return { ...(fits(key) && { JOBX_KEY: key }), ...(fits(value) && { JOBX_VALUE: value }) };
}
