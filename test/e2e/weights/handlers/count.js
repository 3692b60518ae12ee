/** How many there are.
 ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export function* reduce(results) {
  yield ["naps", results.length];
}
