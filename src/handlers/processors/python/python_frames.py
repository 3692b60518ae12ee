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
        # File, line and function that the value came from, where they are known.
        self.place = None


# All digits look alike, so that a search for many of them is one for a fixed text.
DIGITS_ALIKE = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
# No whole number with fewer digits is too large.
MANY_DIGITS = b"0" * 16
EXACT_MAX = 2**53 - 1


def to_json(value):
    """JSON bytes of a value, or a fault that says why there are none."""
    body = encoded(value)
    # Most values hold neither an object nor a long number: two fast searches tell.
    if b"{" in body or MANY_DIGITS in body.translate(DIGITS_ALIKE):
        check_exact(value)
    return body


def check_exact(value):
    """Finds what the encoder changes without a word: whole numbers are no keys of objects, and the
    node cannot hold large ones."""
    waiting = [value]
    for one in waiting:
        if isinstance(one, str):
            continue
        if isinstance(one, int):
            if not -EXACT_MAX <= one <= EXACT_MAX:
                raise Fault("HANDLER_VALUE_NOT_EXACT", "an integer beyond 2^53 - 1: %d" % one)
        elif isinstance(one, dict):
            for key in one:
                if not isinstance(key, str):
                    raise Fault("HANDLER_OUTPUT_INVALID", KEY_IS_NO_TEXT % describe_key(key))
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)


KEY_IS_NO_TEXT = "a dict in a key or value has a key that is no text: %s"


def describe_key(key):
    return repr(key)[:100]


# Bytes that MessagePack has for text, small numbers, lists, null and booleans; other bytes may be the
# beginning of what has to be looked at.
HARMLESS = bytes(byte for byte in range(256) if not 0x80 <= byte <= 0x8F and byte < 0xC4 or byte >= 0xE0)
HARMLESS += bytes((0xCB, 0xCC, 0xCD, 0xCE, 0xD0, 0xD1, 0xD2, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD))
packer = None


def use_msgpack():
    """Whether there is MessagePack. It is not loaded before there is something to gain by it."""
    global packer
    from importlib.util import find_spec

    if find_spec("msgpack") is None:
        return False
    packer = load_packer
    return True


def load_packer(value):
    global packer
    try:
        from msgpack import Packer

        packer = Packer(autoreset=True).pack
    except Exception:
        # JSON is understood in any case.
        packer = None
        return to_json(value)
    return packer(value)


def to_body(records):
    """A batch as the node shall have it, or a fault that says why there is none."""
    global batches_as_json
    if packer is None or len(records) < PACKED_RECORDS_MIN:
        return to_json(records)
    if batches_as_json > 0:
        batches_as_json -= 1
        return to_json(records)
    try:
        body = packer(records)
    except Exception:
        # JSON says the same of it, or knows more.
        return to_json(records)
    if body.translate(None, HARMLESS) or b"\xcb\x7f" in body or b"\xcb\xff" in body:
        # An object, a large or no number, or bytes; or a number or text that looks like one of those.
        # JSON finds out sooner than a look at each value, and the next batches will be alike.
        batches_as_json = BATCHES_AS_JSON
        return to_json(records)
    return body


# Batches that are not packed after one for nothing: then nearly nothing of the time is lost by it.
BATCHES_AS_JSON = 32
batches_as_json = 0
# Fewer are written as fast as JSON, and most calls have no more.
PACKED_RECORDS_MIN = 16


def encoded(value):
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
