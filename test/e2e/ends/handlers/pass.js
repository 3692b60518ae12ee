/** Passes on.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export function* reduce(results) {
  for (const [name, [told]] of results) yield [name, told];
}
