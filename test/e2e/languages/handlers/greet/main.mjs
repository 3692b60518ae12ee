import { split } from "words";

export async function* map(texts, ctx) {
  yield ctx.toReturn();
  for await (const [, text] of texts) for (const word of split(text)) yield [word, 1];
}
