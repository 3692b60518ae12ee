"""Leaves a process that has nothing in common with it: own session, no parent, environment or descriptor.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
"""

import os
import subprocess
import time


def map(arguments, ctx):
    yield ctx.to_return()
    [(_, file)] = arguments
    run = f"cd /; (/usr/bin/setsid /bin/sh -c 'echo $$ > {file}; exec /bin/sleep 1000' <&- >&- 2>&- 3>&- 4>&- &)"
    subprocess.run(["/bin/sh", "-c", run], env={}, check=True)
    time.sleep(1000)
