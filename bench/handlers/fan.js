/** Maps to as many empty units as its argument says.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map(args, ctx) {
  yield ctx.mapTo("leaf");
  const [[, count]] = args;
  for (let child = 0; child < count; child++) yield [child, 1];
}
