/** One invocation for each leaf.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map([[, { leaves, ...how }]], ctx) {
  yield ctx.mapTo("fill");
  for (let leaf = 0; leaf < leaves; leaf++) yield [leaf, how];
}
