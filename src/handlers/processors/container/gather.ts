/** The reducer of a step that has none of its own: passes all pairs on as they are. */
import { listOf } from "../../../containers/fields.ts";
import { isIterable } from "./unit.ts";

export async function* gather(argument: unknown): AsyncGenerator<unknown> {
  if (!isIterable(argument)) return;
  for await (const group of argument) {
    const [key, values] = listOf(group);
    for (const value of listOf(values)) yield [key, value];
  }
}
