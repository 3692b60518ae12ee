/** Sizes as people write them: bytes, or a number with a unit, as in `1048576`, `512MiB`, `1.5 GiB`. */

const UNIT_BYTES = { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 } as const;
const SIZE = /^(?<amount>[0-9]{1,16}(?:\.[0-9]{1,6})?) ?(?<unit>KiB|MiB|GiB)$/u;

/** The form in words, for messages. */
export const SIZE_RULE = "bytes, or a number with KiB, MiB or GiB, such as 512MiB";

/** Bytes, whole and safe; undefined when `text` is no size. */
export function parseSize(text: string): number | undefined {
  if (/^[0-9]{1,16}$/.test(text)) return safe(Number(text));
  const groups = SIZE.exec(text)?.groups;
  const unit = groups?.["unit"];
  if (unit !== "KiB" && unit !== "MiB" && unit !== "GiB") return undefined;
  return safe(Math.round(Number(groups?.["amount"]) * UNIT_BYTES[unit]));
}

/** A size for people: whole mebibytes where it is at least one. */
export function sizeText(bytes: number): string {
  return bytes < UNIT_BYTES.MiB ? `${bytes} bytes` : `${Math.round(bytes / UNIT_BYTES.MiB)} MiB`;
}

function safe(bytes: number): number | undefined {
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
