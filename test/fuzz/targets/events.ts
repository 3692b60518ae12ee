/** What the client library reads of a node, or of whatever answers in its place: streams of events. */
import { readEvents } from "../../../src/api/event-text.ts";
import { RemoteError } from "../../../src/api/transport.ts";
import { isJobxError } from "../../../src/std/errors.ts";
import { mutateText } from "../mutate-text.ts";
import { jsonLeaf, mutateValue } from "../mutate-values.ts";
import type { Target } from "../target.ts";

const EVENTS = [
  { number: 7, kind: "request", request: "w/1", state: "running", revision: 3 },
  { number: 8, kind: "progress", request: "w/1", steps: { words: { done: 1, total: 4 } } },
  { number: 9, kind: "resync", requests: [] },
];

const FAILURE = { code: "API_TOKEN_UNKNOWN", message: "the token is not known", details: { a: 1 } };

async function* parts(text: string): AsyncGenerator<string> {
  const middle = text.length >> 1;
  await Promise.resolve();
  yield text.slice(0, middle);
  yield text.slice(middle);
}

const eventsTarget: Target = {
  name: "event-stream",
  reads: ["api/event-text.ts"],
  cost: 2,
  make(chance) {
    const blocks = Array.from({ length: chance.whole(0, 4) }, () => {
      if (chance.hits(0.1)) return ": the line stays open\n\n";
      const isFailure = chance.hits(0.1);
      const event: unknown = isFailure ? FAILURE : chance.pick(EVENTS);
      const said = chance.hits(0.3) ? mutateValue(event, chance, jsonLeaf) : event;
      const data = String(JSON.stringify(said));
      return `id: 7\nevent: ${isFailure ? "error" : "request"}\ndata: ${data}\n\n`;
    });
    const text = blocks.join("");
    return Buffer.from(chance.hits(0.6) ? text : mutateText(text, chance));
  },
  async take(bytes) {
    try {
      for await (const event of readEvents(
        parts(Buffer.from(bytes).toString("utf8")),
        "http://a/",
      )) {
        if (typeof event !== "object") throw new Error("an event is an object");
      }
      return "accepted";
    } catch (error) {
      if (error instanceof RemoteError) return "refused";
      if (isJobxError(error) && error.code === "CLIENT_ANSWER_INVALID") return "cut";
      throw error;
    }
  },
};

export const eventTargets: readonly Target[] = [eventsTarget];
