/** Reading a stream of Server-Sent Events, as far as ours use that format. */
import type { StreamEvent } from "./ports.ts";
import { parseAnswer, remoteError } from "./transport.ts";

/** Characters of one event: a resync of a page of requests is far below. */
const EVENT_LENGTH_MAX = 16 << 20;

/** @throws {RemoteError} for an event `error`; `CLIENT_ANSWER_INVALID` for what is no such stream. */
export async function* readEvents(
  text: AsyncIterable<string>,
  url: string,
): AsyncGenerator<StreamEvent, void, undefined> {
  let rest = "";
  for await (const part of text) {
    rest += part;
    for (;;) {
      const end = rest.indexOf("\n\n");
      if (end === -1) break;
      const block = rest.slice(0, end);
      rest = rest.slice(end + 2);
      const event = readEvent(block, url);
      if (event !== undefined) yield event;
    }
    if (rest.length > EVENT_LENGTH_MAX) parseAnswer("", url);
  }
}

function readEvent(block: string, url: string): StreamEvent | undefined {
  const lines = block.split("\n");
  const data = lines.flatMap((line) => (line.startsWith("data: ") ? [line.slice(6)] : []));
  // Comments keep the line open.
  if (data.length === 0) return undefined;
  const text = data.join("\n");
  if (lines.includes("event: error")) throw remoteError(STREAM_FAILED, text);
  return parseAnswer<StreamEvent>(text, url);
}

/** As if the node had answered so: another one may do better. */
const STREAM_FAILED = 503;
