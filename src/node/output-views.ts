/** What running attempts print, as the API shows it: text out of bytes. Pure. */
import { nothingAfter } from "../actors/output-calls.ts";
import type { OutputText, OutputView } from "../api/attempt-view.ts";
import type { NodeId } from "../scheduler/dataset.ts";
import type { OutputPart, OutputParts, OutputState } from "../scheduler/output-so-far.ts";
import type { Token } from "../scheduler/unit.ts";

/** A mark at the beginning of a part is text like any other. */
const TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

/** Bytes of the longest character, without its first. */
const CONTINUATION_MAX = 3;

/** Names a running attempt: where in the log it was granted, and to whom. */
export function liveName(node: NodeId, { index, ordinal }: Token): string {
  return `${index}-${ordinal}-${node}`;
}

/** What such a name says, or undefined when the text is not one. */
export function parseLiveName(
  text: string,
): { readonly node: NodeId; readonly token: Token } | undefined {
  const match = /^(?<index>[0-9]{1,15})-(?<ordinal>[0-9]{1,15})-(?<node>.+)$/u.exec(text);
  if (match?.groups === undefined) return undefined;
  const { index, ordinal, node = "" } = match.groups;
  return { node, token: { index: Number(index), ordinal: Number(ordinal) } };
}

/** An answer for who has so many bytes of each stream; undefined when its node gave none. */
export function outputView(
  answer: ({ readonly state: OutputState } & OutputParts) | undefined,
  after: { readonly stdout: number; readonly stderr: number },
): OutputView {
  const state = answer?.state ?? "unreachable";
  const parts = answer ?? nothingAfter(after);
  const more = state === "running";
  return {
    state,
    stdout: textOf(parts.stdout, { after: after.stdout, more }),
    stderr: textOf(parts.stderr, { after: after.stderr, more }),
  };
}

/** Whole characters: one whose rest may still come is left for the next part. */
function textOf(
  part: OutputPart,
  { after, more }: { readonly after: number; readonly more: boolean },
): OutputText {
  const start = part.from > after ? restOfCut(part.bytes) : 0;
  const end = more ? endOfWhole(part.bytes) : part.bytes.length;
  const bytes = part.bytes.subarray(start, Math.max(start, end));
  const from = part.from + start;
  return { from, to: from + bytes.length, text: TEXT.decode(bytes) };
}

/** Bytes at the beginning that belong to a character which was cut. */
function restOfCut(bytes: Uint8Array): number {
  let at = 0;
  while (at < CONTINUATION_MAX && isContinuation(bytes[at])) at += 1;
  return at;
}

/** Where the last character that is there as a whole ends. */
function endOfWhole(bytes: Uint8Array): number {
  for (let back = 1; back <= CONTINUATION_MAX; back++) {
    const byte = bytes.at(-back);
    if (byte === undefined) break;
    if (isContinuation(byte)) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return bytes.length - (length > back ? back : 0);
  }
  return bytes.length;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
