"""Tells something about its secret, and prints it.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: list }]
required_capability: none
secrets: [api_key]
"""
import hashlib


def map(arguments, ctx):
    print("the key is", ctx.secrets.api_key)
    ctx.log.info("logged %s", ctx.secrets["api_key"])
    yield ctx.to_return()
    yield "sha256", hashlib.sha256(ctx.secrets.api_key.encode()).hexdigest()
