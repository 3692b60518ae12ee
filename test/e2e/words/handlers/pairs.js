/** Adds up within a line.
 ** yaml
 * handler_type: combiner
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export function* combine(results) {
  for (const [word, counts] of results) yield [word, [counts.reduce((sum, one) => sum + one, 0)]];
}
