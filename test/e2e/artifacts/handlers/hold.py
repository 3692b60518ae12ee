"""Writes a part of a file and waits for a gate, with the file open.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: dict }]
required_capability: none
"""
import os
import time


def map(arguments, ctx):
    yield ctx.to_return()
    with FS.open(arguments["path"], "wb") as written:
        written.write(b"half" * 1000000)
        with open(arguments["gate"] + ".begun", "a"):
            pass
        while not os.path.exists(arguments["gate"]):
            time.sleep(0.02)
    yield "done", FS.get_filesize(arguments["path"])
