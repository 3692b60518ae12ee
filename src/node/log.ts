/** The program's log: pino, JSON lines on standard output. */
import { pino } from "pino";
import type { Log } from "../std/log.ts";

/** A log at that level whose lines carry `fields`. */
export function createLog(level: string, fields: Readonly<Record<string, unknown>>): Log {
  return wrap(pino({ level, base: fields, timestamp: pino.stdTimeFunctions.isoTime }));
}

function wrap(logger: pino.Logger): Log {
  return {
    error: (message, fields) => logger.error(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    child: (fields) => wrap(logger.child({ ...fields })),
  };
}
