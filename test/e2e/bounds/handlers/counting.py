"""Yields many pairs, tells when a quarter is out, and in the end waits for the gate.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
"""
import os
import time


def map(arguments, ctx):
    yield ctx.to_return()
    [[_, how]] = arguments
    for pair in range(how["pairs"]):
        if pair == how["pairs"] // 4:
            open(how["begun"], "w").close()
        yield pair, 1
    while not os.path.exists(how["gate"]):
        time.sleep(0.02)
