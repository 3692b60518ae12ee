/**
 * Passes on, and tells that it has no secrets.
 * ** yaml
 * handler_type: reducer
 * argument_spec: [{ name: results, type: null }]
 * required_capability: none
 */
export async function* reduce(results, ctx) {
  for await (const [key, values] of results) yield [key, [...values, Object.keys(ctx.secrets)]];
}
