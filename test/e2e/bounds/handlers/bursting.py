"""Returns one value of so many characters.
** yaml
handler_type: reducer
argument_spec: [{ name: results, type: list }]
required_capability: none
"""


def reduce(results, ctx):
    for key, values in results:
        yield key, "v" * values[0]["length"]
