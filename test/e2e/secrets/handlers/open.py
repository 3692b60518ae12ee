"""Tells something about what was sealed, and prints it.
** yaml
handler_type: mapper
argument_spec: [{ name: arguments, type: dict }]
required_capability: none
unseal: true
"""
import hashlib


def map(arguments, ctx):
    print("opened", arguments["password"])
    yield ctx.to_return()
    yield "sha256", hashlib.sha256(arguments["password"].encode()).hexdigest()
