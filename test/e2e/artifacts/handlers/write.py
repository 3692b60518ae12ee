"""Copies a text in capitals.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
"""


def map(arguments, ctx):
    yield ctx.to_return()
    for name, path in arguments:
        target = JOIN("out", ctx.request, name + ".txt")
        with FS.open(path) as read, FS.open(target, "w") as written:
            for line in read:
                written.write(line.upper())
        yield name, [target, FS.get_filesize(target), FS.cid_of(target)]
