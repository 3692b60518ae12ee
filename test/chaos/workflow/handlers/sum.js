/** Adds up.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export function* reduce(results) {
  for (const [key, numbers] of results) yield [key, numbers.reduce((sum, one) => sum + one, 0)];
}
