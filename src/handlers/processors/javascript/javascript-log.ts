/** What a JavaScript handler logs in one call. A flood is cut here, so that it costs little elsewhere. */
import { logLine, type StartMessage, type WorkerLogLevel } from "../../../wire/worker-protocol.ts";
import type { NodeChannel } from "./javascript-channel.ts";

/** Logs for those who look at the attempt; callable, with a method for each level. */
export interface HandlerLog {
  (text: unknown): void;
  debug(text: unknown): void;
  info(text: unknown): void;
  warn(text: unknown): void;
  error(text: unknown): void;
}

/** Characters that a call may log before it is a flood: several times what the node keeps. */
const LOG_LENGTH_MAX = 256 * 1024;

/** What a line counts besides its characters: what it costs to tell it. */
const LINE_COST = 32;

/** Characters of a line; of a longer one the end is told. */
const LINE_LENGTH_MAX = 16 * 1024;

/** Lines of a flood that are told, the last ones, when the call ends. */
const LAST_LINES = 20;

interface Line {
  readonly level: WorkerLogLevel;
  readonly text: string;
}

/** The log of one call. */
export class CallLog {
  /** Given to the handler. */
  readonly log: HandlerLog;
  readonly #channel: NodeChannel;
  readonly #to: StartMessage["logs"];
  #cost = 0;
  #isFlood = false;
  #last: Line[] = [];
  #leftOut = 0;
  #isClosed = false;
  #printedBytes = 0;

  constructor(channel: NodeChannel, to: StartMessage["logs"]) {
    this.#channel = channel;
    this.#to = to;
    const at = (level: WorkerLogLevel) => (text: unknown) => this.#take({ level, text: cut(text) });
    this.log = Object.assign(at("info"), {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
    });
  }

  /** Bytes of lines among what the handler has printed. */
  get printedBytes(): number {
    return this.#printedBytes;
  }

  /** The call is over: what is left of a flood is told, and what a left-over of it logs is dropped. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const last = this.#last.splice(0);
    const leftOut = this.#leftOut + Math.max(0, last.length - LAST_LINES);
    if (leftOut > 0) this.#tell({ level: "warn", text: `${leftOut} lines were left out here` });
    for (const line of last.slice(-LAST_LINES)) this.#tell(line);
  }

  #take(line: Line): void {
    if (this.#isClosed) return;
    this.#cost += line.text.length + LINE_COST;
    if (this.#cost <= LOG_LENGTH_MAX) {
      this.#tell(line);
      return;
    }
    if (!this.#isFlood) {
      this.#isFlood = true;
      const text = `so much is logged that only the last ${LAST_LINES} of the lines from here on are kept`;
      this.#tell({ level: "warn", text });
    }
    this.#last.push(line);
    if (this.#last.length < 2 * LAST_LINES) return;
    this.#last.splice(0, LAST_LINES);
    this.#leftOut += LAST_LINES;
  }

  #tell({ level, text }: Line): void {
    if (this.#to === "printed") {
      const line = logLine(level, text);
      this.#printedBytes += Buffer.byteLength(line);
      process.stdout.write(line);
      return;
    }
    this.#channel.send({ kind: "log", level, text });
    // It shall be known also when the handler hangs or dies.
    this.#channel.flush();
  }
}

/** A text that a message can hold, and that does not keep a longer one in memory. */
function cut(value: unknown): string {
  const text = String(value);
  if (text.length <= LINE_LENGTH_MAX) return text.toWellFormed();
  return Buffer.from(`[...]${text.slice(-LINE_LENGTH_MAX)}`).toString();
}

declare global {
  interface String {
    /** Part of every supported engine (ES2024), later than the language level of the type checks. */
    toWellFormed(): string;
  }
}
