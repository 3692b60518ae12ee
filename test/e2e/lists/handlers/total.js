/** Passes on what each object gave.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export async function* reduce(results) {
  for (const [key, values] of results) yield [key, values.length === 1 ? values[0] : values];
}
