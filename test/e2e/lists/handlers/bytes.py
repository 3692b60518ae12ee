"""Counts the bytes of a file, and tells its name.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
"""
import os


def map(arguments, ctx):
    yield ctx.to_return()
    for name, path in arguments:
        yield name, [os.path.basename(path), os.path.getsize(path)]
