/** How many values a key has, and the first and the last of the leaves that they are of.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: null }]
 * required_capability: none
 */
export async function* reduce(results) {
  for await (const [key, values] of results) {
    const leaves = values.map((value) => Number.parseInt(value, 10));
    yield [key, [values.length, leaves[0], leaves.at(-1)]];
  }
}
