"""Writes into the workspace, as a directory or as files, before a gate and after it.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
"""
import os
import time
import uuid


def wait(gate, name, own):
    with open("%s.begun.%s" % (gate, name), "a") as begun:
        begun.write(own + "\n")
    while not os.path.exists(gate):
        time.sleep(0.02)


def map(arguments, ctx):
    yield ctx.to_return()
    for name, (how, gate) in arguments:
        own = uuid.uuid4().hex
        if how == "directory":
            folder = ctx.workspace_directory()
            os.makedirs(os.path.join(folder, "tries"), exist_ok=True)
            with open(os.path.join(folder, "tries", own), "w") as tried:
                tried.write(own)
            with open(os.path.join(folder, name), "w") as written:
                written.write(own)
                written.flush()
                wait(gate, name, own)
                written.write(" " * 3000000)
        else:
            with FS.open(JOIN(ctx.workspace, "tries", own), "w") as tried:
                tried.write(own)
            wait(gate, name, own)
            with FS.open(JOIN(ctx.workspace, name), "w") as written:
                written.write(own + " " * 3000000)
            FS.cp(JOIN(ctx.workspace, name), JOIN(ctx.workspace, "of-" + name))
            FS.publish(JOIN(ctx.workspace, "of-" + name), JOIN("out", ctx.request, "by-" + name))
        yield name, own
