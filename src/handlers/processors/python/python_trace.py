"""Tracebacks of Python handlers: what went wrong in their code, without ours. Not for handlers."""

import os

from python_frames import Fault

# The code of the worker is here, and nothing of a handler.
OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


def trace_of(error, handler):
    """The traceback without the frames of the worker."""
    import linecache
    import traceback

    if handler is not None:
        lines = handler.source.splitlines(True)
        linecache.cache[handler.file] = (len(handler.source), None, lines, handler.file)
    if isinstance(error, Fault) and error.place is not None:
        return trace_of_place(error)
    trace = traceback.TracebackException(type(error), error, error.__traceback__)
    leave_out_own(trace)
    return "".join(trace.format())


def leave_out_own(trace):
    """Also from the errors that this one came from, and those that it is a group of."""
    waiting = [trace]
    for one in waiting:
        one.stack[:] = [frame for frame in one.stack if not is_own(frame.filename)]
        more = [one.__cause__, one.__context__, *(getattr(one, "exceptions", None) or ())]
        waiting.extend(other for other in more if other is not None)


def is_own(file):
    return os.path.abspath(file).startswith(OWN) if os.path.isabs(file) else False


def trace_of_place(fault):
    """A traceback that ends where the handler yielded what cannot be sent."""
    import traceback

    frames = traceback.format_list([traceback.FrameSummary(*fault.place)])
    last = traceback.format_exception_only(type(fault), fault)
    return "".join(["Traceback (most recent call last):\n", *frames, *last])
