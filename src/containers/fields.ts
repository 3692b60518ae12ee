/** Reading what an engine answers: plain data of unknown shape, of which only what is needed is looked at. */
import { answerInvalid } from "./errors.ts";

/** The members of an object; of anything else none. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws {JobxError} `CONTAINER_ENGINE_ANSWER_INVALID` when the text is no JSON. */
export function parseAnswer(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch (cause) {
    throw answerInvalid("not JSON", cause);
  }
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** A list; of anything else none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}

export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** A mapping of texts, such as labels. */
export function textFields(value: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsOf(value));
  return Object.fromEntries(entries.map(([name, one]) => [name, textOr(one, "")]));
}
