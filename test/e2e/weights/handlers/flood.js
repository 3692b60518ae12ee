/** One invocation for each nap.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map([[, { naps, napMs }]], ctx) {
  yield ctx.mapTo("naps");
  for (let nap = 0; nap < naps; nap++) yield [nap, napMs];
}
