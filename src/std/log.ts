/** Fields of a log line: what varies goes here, never into the sentence. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * Where a part of the program says what happened. A message is a sentence without numbers;
 * `error`: someone must act; `warn`: may come to that; `info`: rare, for the operator; `debug`: the rest.
 */
export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** A log whose lines all carry `fields`. */
  child(fields: LogFields): Log;
}

/** A log that says nothing, for tests and for parts that were given none. */
export const silentLog: Log = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  child: () => silentLog,
};
