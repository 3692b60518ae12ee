"""Adds up the counts of each word.
** yaml
handler_type: reducer
argument_spec: [{ name: results, type: null }]
required_capability: none
"""


def reduce(results, ctx):
    for word, counts in results:
        yield word, sum(counts)
