"""Frames between a Python worker and its node, and what goes into them. Not for handlers."""

import json
import os
import select
import signal

FRAME_BYTES_MAX = 16 * 1024 * 1024

encode = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")
).encode
decode = json.loads

source_of_frames = open(3, "rb", buffering=1 << 17)
sink_of_frames = open(4, "wb", buffering=1 << 17)
os.set_inheritable(3, False)
os.set_inheritable(4, False)


def die():
    """Ends this process and what it started, without asking the handler."""
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def watch_node():
    """Waits, beside the handler, for the node to go away."""
    poll = select.poll()
    poll.register(4, 0)
    while not poll.poll():
        pass
    die()


def read_frame():
    head = source_of_frames.read(4)
    if len(head) < 4:
        die()
    size = int.from_bytes(head, "big")
    body = source_of_frames.read(size)
    if len(body) < size:
        die()
    return body


def write_body(body):
    sink_of_frames.write(len(body).to_bytes(4, "big"))
    sink_of_frames.write(body)


def write_message(message):
    write_body(encode(message).encode("utf-8", "replace"))


class Fault(Exception):
    """What went wrong, with its code; may be raised through a handler's own code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def to_json(value):
    """JSON bytes of a value, or a fault that says why there are none."""
    try:
        return encode(value).encode("utf-8")
    except UnicodeEncodeError:
        raise Fault("HANDLER_VALUE_NOT_EXACT", "a lone surrogate in a key or value") from None
    except ValueError as error:
        raise Fault("HANDLER_VALUE_NOT_EXACT", str(error)) from None
    except TypeError as error:
        raise Fault("HANDLER_OUTPUT_INVALID", str(error)) from None
    except RecursionError:
        raise Fault("HANDLER_OUTPUT_INVALID", "a value contains itself, or is too deep") from None
