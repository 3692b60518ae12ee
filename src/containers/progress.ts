/** What an engine tells while it moves an image: JSON texts, one a line. */
import { fieldsOf, textOr } from "./fields.ts";

/** How it ended. */
export interface Told {
  /** The engine's reason when it failed on the way. */
  readonly error: string | undefined;
  /** The end of all that was told, as it came. */
  readonly text: string;
}

/** Characters of what was told that are kept, and of a line that has no end. */
const TEXT_LENGTH_MAX = 64 * 1024;

/** Reads to the end. What is no JSON is passed over: it is for people. */
export async function progressOf(
  body: AsyncIterable<Uint8Array>,
  onProgress: ((line: string) => void) | undefined,
): Promise<Told> {
  const decoder = new TextDecoder();
  let text = "";
  let line = "";
  let error: string | undefined;
  const take = (whole: string): void => {
    const told = read(whole);
    error ??= told.error;
    if (told.line !== "") onProgress?.(told.line);
  };
  for await (const chunk of body) {
    const part = decoder.decode(chunk, { stream: true });
    text = (text + part).slice(-TEXT_LENGTH_MAX);
    const lines = (line + part).split("\n");
    line = lines.pop()?.slice(0, TEXT_LENGTH_MAX) ?? "";
    for (const whole of lines) take(whole);
  }
  if (line !== "") take(line);
  return { error, text };
}

function read(line: string): { readonly line: string; readonly error: string | undefined } {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { line: "", error: undefined };
  }
  const fields = fieldsOf(value);
  const error = textOr(fields["error"], "");
  const parts = [fields["id"], fields["status"] ?? fields["stream"], fields["progress"]];
  const told = parts.map((part) => textOr(part, "").trim()).filter((part) => part !== "");
  return { line: told.join(" "), error: error === "" ? undefined : error };
}
