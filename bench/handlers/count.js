/** Returns how many values there were, under one key.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export function* reduce(results) {
  let count = 0;
  for (const [, values] of results) for (const value of values) count += value;
  yield ["count", count];
}
