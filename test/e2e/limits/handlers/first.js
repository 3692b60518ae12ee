/** The first value of each key.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export function* reduce(results) {
  for (const [key, values] of results) yield [key, values[0]];
}
