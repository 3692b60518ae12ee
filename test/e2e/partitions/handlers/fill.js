/** Yields so many pairs of so many bytes; every leaf has the same keys.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map(args, ctx) {
  yield ctx.toReturn();
  for (const [leaf, { pairs, bytes }] of args) {
    for (let i = 0; i < pairs; i++) yield [i, `${leaf} `.padEnd(bytes, "x")];
  }
}
