/** Returns what it is given.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map(pairs, ctx) {
  yield ctx.toReturn();
  yield* pairs;
}
