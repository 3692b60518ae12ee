"""Adds up.
** yaml
handler_type: reducer
argument_spec: [{ name: results, type: list }]
required_capability: none
"""


def reduce(results, ctx):
    for word, counts in results:
        yield word, sum(counts)
