import { expect, test } from "vitest";
import { HandlerKit, handlerOf } from "../../test/lib/handler-kit.ts";
import { PLAIN_RUNTIME } from "../../test/lib/limits-kit.ts";
import { HIDDEN_TEXTS_MAX } from "./pool.ts";
import { unsealed } from "./unsealed.ts";

test("the values of a batch are hidden at once, before the batch is passed on", async () => {
  const record = (text: string) => ({
    key: Buffer.from("k"),
    value: Buffer.from(JSON.stringify([{ $sealed: text }, { $sealed: `${text}2` }])),
  });
  async function* batches() {
    yield [record("a"), record("b")];
    yield [{ key: Buffer.from("k"), value: Buffer.from("1") }];
  }
  const events: unknown[] = [];
  const hide = (texts: unknown): void => void events.push(texts);
  for await (const records of unsealed(batches(), { unseal: (text) => `open ${text}`, hide })) {
    events.push(records.length);
  }
  expect(events).toEqual([["open a", "open a2", "open b", "open b2"], 2, 1]);
});

test("a worker that hides many values is not used again", async () => {
  const kit = await HandlerKit.open();
  const source = `import os
def map(args, ctx):
    yield ctx.map_to("x")
    yield "pid", os.getpid()
`;
  const runtime = { ...PLAIN_RUNTIME, unseals: true };
  const mapper = handlerOf("python", "mapper", source, { argumentType: "list", runtime });
  const run = async (count: number) => {
    const $sealed = (at: number) => ({ $sealed: `value ${at}` });
    const pairs = [["k", Array.from({ length: count }, (_, at) => $sealed(at))] as const];
    const outcome = await kit.map({ mapper }, pairs, { context: { unseal: (text) => text } });
    return outcome.kind === "mapped" ? kit.pairsOf(outcome.children) : outcome;
  };
  const first = await run(HIDDEN_TEXTS_MAX);
  expect(await run(HIDDEN_TEXTS_MAX + 1)).toEqual(first);
  expect(await run(1)).not.toEqual(first);
  await kit.close();
});
