/** Log lines of a mount's processes: JSON on standard error, for whoever started them. */
import type { Log, LogFields } from "../std/log.ts";

/** A log whose lines all carry `always`; `debug` is left out. */
export function stderrLog(always: LogFields): Log {
  const line =
    (level: string) =>
    (message: string, fields: LogFields = {}): void => {
      process.stderr.write(`${JSON.stringify({ level, message, ...always, ...fields })}\n`);
    };
  return {
    error: line("error"),
    warn: line("warn"),
    info: line("info"),
    debug() {},
    child: (fields) => stderrLog({ ...always, ...fields }),
  };
}
