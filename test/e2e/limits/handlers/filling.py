"""Fills its memory.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
memory: 128 MiB
require: enforced
"""


def map(arguments, ctx):
    yield ctx.to_return()
    held = b"x" * (1 << 30)
    yield "held", len(held)
