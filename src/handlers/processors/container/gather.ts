/** The reducer of a step that has none of its own: passes all pairs on as they are. */
export async function* gather(argument: unknown): AsyncGenerator<unknown> {
  if (typeof argument !== "object" || argument === null || !(Symbol.asyncIterator in argument))
    return;
  const groups: AsyncIterable<unknown> = { [Symbol.asyncIterator]: () => iteratorOf(argument) };
  for await (const group of groups) {
    const [key, values]: readonly unknown[] = Array.isArray(group) ? group : [];
    for (const value of Array.isArray(values) ? values : []) yield [key, value];
  }
}

function iteratorOf(argument: object): AsyncIterator<unknown> {
  const make: unknown = Reflect.get(argument, Symbol.asyncIterator);
  const iterator: AsyncIterator<unknown> =
    typeof make === "function" ? Reflect.apply(make, argument, []) : argument;
  return iterator;
}
