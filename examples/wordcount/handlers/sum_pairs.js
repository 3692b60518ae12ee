/** Adds up the counts of a word within one chunk, so that the reducer gets one number per word.
 ** yaml
 * handler_type: combiner
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export function* combine(results) {
  for (const [word, counts] of results) {
    yield [word, [counts.reduce((sum, count) => sum + count, 0)]];
  }
}
