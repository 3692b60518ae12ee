/** The pairs as they are.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: null }]
 * required_capability: none
 */
export async function* reduce(results) {
  for await (const [key, values] of results) yield [key, values[0]];
}
