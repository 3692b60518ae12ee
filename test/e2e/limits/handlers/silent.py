"""Says nothing.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
silence: 1s
"""

import time


def map(arguments, ctx):
    yield ctx.to_return()
    time.sleep(1000)
