"""Prints lines of 8 KiB to stderr, tells when a quarter is out, waits for the gate and throws.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
"""
import os
import sys
import time


def map(arguments, ctx):
    yield ctx.to_return()
    [[_, how]] = arguments
    for line in range(how["lines"]):
        if line == how["lines"] // 4:
            open(how["begun"], "w").close()
        sys.stderr.write(str(line).ljust(8191, "x") + "\n")
    while not os.path.exists(how["gate"]):
        time.sleep(0.02)
    raise RuntimeError("enough of it")
