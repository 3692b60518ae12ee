/** Streams that have begun: what cannot be read at all is an error, and no stream. */

/** Waits for the first slice, so that what cannot be read is refused and not cut off. */
export async function begun(
  slices: AsyncGenerator<Uint8Array, void, undefined>,
): Promise<AsyncIterable<Uint8Array>> {
  const waiting = [await slices.next()];
  const next = (): ReturnType<typeof slices.next> => {
    const first = waiting.shift();
    return first === undefined ? slices.next() : Promise.resolve(first);
  };
  // Not a generator: one that nobody has begun to read would not hear that nobody ever will.
  return { [Symbol.asyncIterator]: () => ({ next, return: () => slices.return() }) };
}
