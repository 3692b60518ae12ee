/** Where a simulated node's log lines go. */
import type { Log, LogFields } from "../../src/std/log.ts";
import type { World } from "./world.ts";

/** Log lines go into the trace; errors are part of what a failure prints. */
export class TraceLog implements Log {
  readonly #world: World;
  readonly #prefix: string;

  constructor(world: World, prefix: string) {
    this.#world = world;
    this.#prefix = prefix;
  }

  error(message: string, fields?: LogFields): void {
    this.#note("ERROR ", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#note("warn ", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#note("", message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    this.#note("debug ", message, fields);
  }

  child(fields: LogFields): Log {
    return new TraceLog(this.#world, `${this.#prefix}${JSON.stringify(fields)} `);
  }

  #note(level: string, message: string, fields: LogFields | undefined): void {
    const details = fields === undefined ? "" : ` ${JSON.stringify(fields)}`;
    this.#world.trace.note(`${this.#prefix}${level}${message}${details}`);
  }
}
