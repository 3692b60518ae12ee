/** Counts the lines of an object.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: null }]
 * required_capability: none
 */
export async function* map(args, ctx) {
  yield ctx.toReturn();
  let lines = 0;
  for await (const _ of args) lines += 1;
  yield [ctx.object, lines];
}
