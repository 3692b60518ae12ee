/** Yields values of so many characters.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map([[, { values, length }]], ctx) {
  yield ctx.toReturn();
  for (let value = 0; value < values; value++) yield [value, `${value}`.padEnd(length, "v")];
}
