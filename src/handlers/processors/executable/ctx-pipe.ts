/** The worker's side of `jobx-ctx`: a named pipe, and what comes through it. */
import { execFileSync } from "node:child_process";
import { constants, createReadStream, mkdirSync, openSync, readSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import type { StartMessage, WorkerLogLevel } from "../../../wire/worker-protocol.ts";
import type { NodeChannel } from "../javascript/javascript-channel.ts";
import type { CallLog } from "../javascript/javascript-log.ts";
import { HandlerFiles } from "../javascript/javascript-volume.ts";
import {
  CTX_MESSAGE_BYTES_MAX,
  CTX_SCRIPT,
  CTX_VARIABLE,
  SESSION_VARIABLE,
} from "./ctx-command.ts";
import { lineWriter, meantBy } from "./line-form.ts";

/** The directory that this worker was started in. */
const home = process.cwd();
const pipe = join(home, "ctx");
const sessionFile = join(home, "session");
const programs = join(home, "bin");

const LEVELS = ["debug", "info", "warn", "error"] as const satisfies readonly WorkerLogLevel[];

/** What a call does with what its program says. */
interface Listener {
  readonly start: StartMessage;
  readonly channel: NodeChannel;
  readonly log: CallLog["log"];
  readonly files: HandlerFiles;
}

let descriptor: number | undefined;
let listener: Listener | undefined;
let rest = Buffer.alloc(0);
const publishing = new Set<Promise<void>>();

/** Where programs of a call find the command, its pipe and the session. */
export function ctxVariables(): Readonly<Record<string, string>> {
  return {
    [CTX_VARIABLE]: pipe,
    [SESSION_VARIABLE]: sessionFile,
    PATH: `${programs}:${process.env["PATH"] ?? ""}`,
  };
}

/** What comes through the pipe from now on is of this call. */
export function openCtx(
  start: StartMessage,
  call: Pick<Listener, "channel" | "log"> & { readonly signal: AbortSignal },
): void {
  descriptor ??= makePipe();
  rest = Buffer.alloc(0);
  const line = lineWriter({ codec: "tsv", separator: "\t" });
  writeFileSync(sessionFile, start.session.map(([key, value]) => line(key, value)).join(""));
  const { channel, log, signal } = call;
  listener = { start, channel, log, files: new HandlerFiles(start.volume, signal) };
}

/** Takes what the program, which has ended, has said. */
export async function closeCtx(): Promise<void> {
  const bytes = Buffer.alloc(64 * 1024);
  try {
    for (;;) {
      const count = descriptor === undefined ? 0 : readSync(descriptor, bytes);
      if (count === 0) break;
      take(bytes.subarray(0, count));
    }
  } catch (thrown) {
    // Nothing is left in it.
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "EAGAIN")) throw thrown;
  } finally {
    await Promise.all(publishing);
    listener = undefined;
  }
}

/** Both ends are ours, so that it never ends and nobody waits for a reader. */
function makePipe(): number {
  mkdirSync(programs, { recursive: true });
  writeFileSync(join(programs, "jobx-ctx"), CTX_SCRIPT, { mode: 0o755 });
  execFileSync("mkfifo", [pipe]);
  const opened = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const socket = new Socket({ fd: opened, readable: true, writable: false });
  socket.on("data", (chunk: Buffer) => take(chunk));
  socket.on("error", () => undefined);
  return opened;
}

function take(chunk: Uint8Array): void {
  rest = Buffer.concat([rest, chunk]);
  for (;;) {
    const fields = nextMessage();
    if (fields === undefined) break;
    if (listener !== undefined) tell(fields, listener);
  }
  // What is no message would be waited for for ever.
  if (rest.length > CTX_MESSAGE_BYTES_MAX) rest = Buffer.alloc(0);
}

/** The fields of the next whole message. */
function nextMessage(): readonly string[] | undefined {
  const fields: string[] = [];
  let at = 0;
  let count = 1;
  while (fields.length < count) {
    const end = rest.indexOf(0, at);
    if (end < 0) return undefined;
    fields.push(rest.toString("utf8", at, end));
    if (fields.length === 1) count = 1 + Number(fields[0]);
    at = end + 1;
  }
  rest = rest.subarray(at);
  return fields.slice(1);
}

function tell(fields: readonly string[], { channel, log, files, start }: Listener): void {
  const [verb, first = "", second = "", third = ""] = fields;
  if (verb === "log") log[LEVELS.find((level) => level === first) ?? "info"](second);
  if (verb === "session" && start.handler.type === "mapper") {
    channel.send({ kind: "session-set", key: meantBy(first), value: meantBy(second) });
  }
  if (verb !== "publish") return;
  const published = publish(files, { file: first, path: second, reply: third });
  publishing.add(published);
  void published.finally(() => publishing.delete(published));
}

/** Answers with nothing, or why it could not be done. Never rejects. */
async function publish(
  files: HandlerFiles,
  what: { readonly file: string; readonly path: string; readonly reply: string },
): Promise<void> {
  let answer = "";
  try {
    await files.write(what.path, createReadStream(what.file));
  } catch (thrown) {
    answer = thrown instanceof Error ? thrown.message : String(thrown);
  }
  await writeFile(what.reply, answer).catch(() => undefined);
}
