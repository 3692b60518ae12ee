/** A part for each argument.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map(args, ctx) {
  yield ctx.mapTo("part");
  yield* args;
}
