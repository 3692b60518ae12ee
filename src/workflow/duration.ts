/** Durations as people write them: a number with a unit, as in `500ms`, `60s`, `1.5m`, `2h`. */

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;
const DURATION = /^(?<amount>[0-9]{1,12}(?:\.[0-9]{1,6})?)(?<unit>ms|s|m|h)$/u;

/** The form in words, for messages. */
export const DURATION_RULE = "a number with a unit (ms, s, m or h), such as 60s";

/** Milliseconds, whole and safe; undefined when `text` is not a duration of whole milliseconds. */
export function parseDuration(text: string): number | undefined {
  const groups = DURATION.exec(text)?.groups;
  const unit = groups?.["unit"];
  if (unit !== "ms" && unit !== "s" && unit !== "m" && unit !== "h") return undefined;
  const exactMs = Number(groups?.["amount"]) * UNIT_MS[unit];
  const ms = Math.round(exactMs);
  // 1.1s is 1100.0000000000002 ms in binary: that is noise, half a millisecond is not.
  return Number.isSafeInteger(ms) && Math.abs(exactMs - ms) < 1e-6 ? ms : undefined;
}
