/** Maps its arguments to the step that drops.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map(args, ctx) {
  yield ctx.mapTo("drops");
  yield* args;
}
