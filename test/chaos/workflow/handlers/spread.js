/** Makes the leaves of a request.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map([[, { salt, leaves, pauseMs }]], ctx) {
  yield ctx.mapTo("leaves");
  for (let leaf = 0; leaf < leaves; leaf++) yield [leaf, { salt, pauseMs }];
}
