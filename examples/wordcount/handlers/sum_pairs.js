/** Adds up the counts of a word within one chunk, so that the reducer gets one number per word.
 ** yaml
 * handler_type: combiner
 * argument_spec: [{ name: results, type: list }]
 * required_capability: none
 */
export function* combine(results) {
  const sums = new Map();
  for (const [word, count] of results) sums.set(word, (sums.get(word) ?? 0) + count);
  for (const [word, sum] of sums) yield [word, [sum]];
}
