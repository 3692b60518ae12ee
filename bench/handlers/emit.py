"""Returns as many pairs as its argument says, with numbers below its key.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
"""


def map(args, ctx):
    yield ctx.to_return()
    [(below, count)] = args
    for at in range(count):
        yield "key", at * 7919 % below
