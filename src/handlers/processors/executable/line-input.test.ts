import { Writable } from "node:stream";
import { expect, test } from "vitest";
import type { Received } from "../javascript/javascript-channel.ts";
import { lineWriter } from "./line-form.ts";
import { LineInput } from "./line-input.ts";

/** Ends of the node that give batches, and do something before each. */
function channelOf(count: number, before: (at: number) => void) {
  let at = 0;
  const next = async (): Promise<Received> => {
    before(at);
    // By then it is over with whatever that has caused.
    await new Promise((resolve) => setImmediate(resolve));
    at += 1;
    if (at > count) return { kind: "message", message: { kind: "input-end" } };
    return { kind: "batch", body: Buffer.from('[["k","v"]]') };
  };
  return { receive: next, stopWaiting: () => undefined };
}

test("a program that closes its input while the next records are waited for ends the feeding", async () => {
  const stdin = new Writable({ write: (_chunk, _encoding, done) => done() });
  const channel = channelOf(5, (at) => {
    if (at === 3) stdin.destroy();
  });
  const write = lineWriter({ codec: "tsv", separator: "\t" });
  const input = new LineInput(channel, { write, grouped: false });
  await input.single();
  const fed = input.feed(stdin).then(() => "fed");
  const late = new Promise((resolve) => setTimeout(resolve, 2_000, "late"));
  expect(await Promise.race([fed, late])).toBe("fed");
});
