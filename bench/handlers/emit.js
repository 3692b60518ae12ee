/** Returns as many pairs as its argument says, with numbers below its key.
 ** yaml
 * handler_type: mapper
 * argument_spec: [{ name: arguments, type: list }]
 * required_capability: none
 */
export function* map(args, ctx) {
  yield ctx.toReturn();
  const [[below, count]] = args;
  for (let at = 0; at < count; at++) yield ["key", (at * 7919) % below];
}
