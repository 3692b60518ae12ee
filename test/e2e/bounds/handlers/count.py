"""How many pairs there are, one at a time.
** yaml
handler_type: reducer
argument_spec: [{ name: results, type: null }]
required_capability: none
"""


def reduce(results, ctx):
    count = 0
    for _key, values in results:
        count += len(values)
    yield "count", count
