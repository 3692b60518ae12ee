/** One invocation for each of so many numbers.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map([[, { pairs }]], ctx) {
  yield ctx.mapTo("smalls");
  for (let pair = 0; pair < pairs; pair++) yield [pair, 1];
}
