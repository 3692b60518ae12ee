/** A request with its result, whatever its size: read as it is printed, and held only where few pairs show. */
import type { JobxClient } from "../api/client.ts";
import type { RequestView } from "../api/ports.ts";
import { parseJson } from "../api/values.ts";
import type { CommandRun } from "./command.ts";
import type { Io } from "./io.ts";
import { toJson } from "./output.ts";
import { type ResultStart, requestText } from "./request-text.ts";

/** Pairs of a result that people are shown; `--json` has all. */
const PAIRS_SHOWN = 50;

/** Prints a request whose view came without its result. What belongs to it besides comes from `more`. */
export async function printRequest(
  { run, client }: { readonly run: CommandRun; readonly client: JobxClient },
  view: RequestView,
  more: { readonly fields: object; readonly text: string },
): Promise<void> {
  // Asked for before anything is written: what refuses it is an answer of its own.
  const lines = view.state === "succeeded" ? await client.result(view.request) : undefined;
  if (run.json) {
    await writeObject(run.io, { ...view, ...more.fields }, lines);
    return;
  }
  const start = lines && (await startOf(lines));
  run.io.out(requestText(view, start) + more.text);
}

/**
 * One JSON object with the fields, and with `result` last: should it break off, the object is not
 * closed. Each part is written before the next is read.
 */
export async function writeObject(
  io: Pick<Io, "write">,
  fields: Readonly<Record<string, unknown>>,
  lines: AsyncIterable<string> | undefined,
): Promise<void> {
  const { result, ...others } = fields;
  if (lines === undefined) return io.write(toJson({ ...others, result }));
  const open = toJson(others).replace(/\n\}\n$/u, "");
  await io.write(`${open},\n  "result": {\n    "pairs": [`);
  let gap = "\n      ";
  for await (const part of lines) {
    if (part === "") continue;
    const ends = part.endsWith("\n");
    const body = ends ? part.slice(0, -1) : part;
    await io.write(gap + body.replaceAll("\n", ",\n      "));
    gap = ends ? ",\n      " : "";
  }
  await io.write(`${gap.startsWith(",") ? "\n    " : ""}]\n  }\n}\n`);
}

/** Reads no more than is shown. */
async function startOf(lines: AsyncIterable<string>): Promise<ResultStart> {
  const pairs: (readonly [unknown, unknown])[] = [];
  let begun = "";
  for await (const part of lines) {
    const [first = "", ...others] = part.split("\n");
    const whole = [begun + first, ...others];
    begun = whole.pop() ?? "";
    for (const line of whole) {
      if (pairs.length === PAIRS_SHOWN) return { pairs, more: true };
      pairs.push(pairOf(line));
    }
  }
  return { pairs, more: false };
}

function pairOf(line: string): readonly [unknown, unknown] {
  const pair = parseJson(line);
  const fields: readonly unknown[] = Array.isArray(pair) ? pair : [];
  const [key, value] = fields;
  return [key, value];
}
