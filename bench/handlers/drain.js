/** Reads the pairs that it is given and returns none.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: null }]
 * required_capability: none
 */
export async function* map(args, ctx) {
  yield ctx.toReturn();
  for await (const _ of args);
}
