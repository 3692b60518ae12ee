"""Tells what it sees from a sandbox.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
cpus: 1
memory: 256 MiB
disk: 1 MiB
pids: 50
require: enforced
sandbox: strict
"""

import os


def map(arguments, ctx):
    yield ctx.to_return()
    [(_, data)] = arguments
    # The node's own directory is covered, but for the way to the worker's.
    yield "keys", sum("node-key" in names for _, _, names in os.walk(data))
    try:
        open("/usr/made", "w").close()
        yield "wrote", True
    except OSError:
        yield "wrote", False
