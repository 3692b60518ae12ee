"""Writes into the workspace, waits for a gate, and writes the rest.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
"""
import os
import time
import uuid


def map(arguments, ctx):
    yield ctx.to_return()
    for name, gate in arguments:
        own = JOIN(ctx.workspace, "parts", name)
        with FS.open(JOIN(ctx.workspace, "in")) as read:
            text = read.read()
        with FS.open(JOIN(ctx.workspace, "tries", name + "-" + uuid.uuid4().hex), "w") as tried:
            tried.write(name)
        with FS.open(own, "w") as written:
            written.write(text + " " * 3000000)
        with open(gate + ".begun." + name, "a"):
            pass
        while not os.path.exists(gate):
            time.sleep(0.02)
        with FS.open(own + ".rest", "w") as written:
            written.write(name)
        with FS.open(JOIN(ctx.workspace, "result-" + name), "w") as written:
            written.write(name)
        FS.publish(JOIN(ctx.workspace, "result-" + name), JOIN("out", ctx.request, name))
        seen = sorted(one for one, stat in FS.ls(JOIN(ctx.workspace, "parts")))
        yield name, [FS.get_filesize(own), own in [JOIN(ctx.workspace, "parts", one) for one in seen]]
