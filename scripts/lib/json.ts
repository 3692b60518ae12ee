/** Reading JSON that another program printed: each function returns what it says or throws with the name of the field. */

/** A JSON object whose members are not known yet. */
export type JsonRecord = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is JsonRecord =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Parses text that must hold an object. @throws {Error} when it does not; `what` names it there. */
export function parseRecord(text: string, what: string): JsonRecord {
  const value: unknown = JSON.parse(text);
  return asRecord(value, what);
}

/** The value as an object. @throws {Error} when it is none. */
export function asRecord(value: unknown, what: string): JsonRecord {
  if (!isRecord(value)) throw new Error(`${what} is not an object`);
  return value;
}

/** The value as an array. @throws {Error} when it is none. */
export function asList(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not an array`);
  return value;
}

/** The member as text. @throws {Error} when it is missing or something else. */
export function textOf(record: JsonRecord, key: string): string {
  const value = record[key];
  if (typeof value !== "string") throw new Error(`'${key}' is not text`);
  return value;
}

/** The member as a number. @throws {Error} when it is missing or something else. */
export function numberOf(record: JsonRecord, key: string): number {
  const value = record[key];
  if (typeof value !== "number") throw new Error(`'${key}' is not a number`);
  return value;
}
