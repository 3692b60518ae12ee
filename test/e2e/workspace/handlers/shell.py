"""Has programs work in the workspace as a directory, and in the volume where it is mounted.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
"""
import os


def map(arguments, ctx):
    yield ctx.map_to("look")
    with FS.open(JOIN(ctx.workspace, "in"), "w") as written:
        written.write("first\n")
    ctx.workspace_directory()
    RUN(["sh", "-euc", 'cd "$JOBX_WORKSPACE"; mkdir made; tr a-z A-Z < in > made/out; ln -s made/out link'])
    if "JOBX_VOLUME" in os.environ:
        RUN(["sh", "-euc", 'mkdir -p "$JOBX_VOLUME/by"; echo mounted > "$JOBX_VOLUME/by/%s"' % ctx.request])
    yield "volume", "JOBX_VOLUME" in os.environ
