"""Makes processes without end.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
pids: 30
require: enforced
"""

import os
import time


def map(arguments, ctx):
    yield ctx.to_return()
    while True:
        if os.fork() == 0:
            time.sleep(1000)
