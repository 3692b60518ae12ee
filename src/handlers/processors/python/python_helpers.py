"""Processes that Python's own library keeps running for a handler. Not for handlers."""

import sys

# Each ends as soon as it is told so; one that does not is a process that the call has left.
STOP_S = 1

HELPERS = (
    ("multiprocessing.forkserver", "_forkserver"),
    ("multiprocessing.resource_tracker", "_resource_tracker"),
)


def stop_helpers():
    """Ends them. They begin anew when there is something for them to do."""
    for module, name in HELPERS:
        helper = getattr(sys.modules.get(module), name, None)
        stop = getattr(helper, "_stop", None)
        if stop is not None:
            stop_within(stop)


def stop_within(stop):
    import threading

    # It waits for as long as a process that the handler has left holds its pipe.
    thread = threading.Thread(target=quietly, args=(stop,), daemon=True)
    thread.start()
    thread.join(STOP_S)


def quietly(stop):
    try:
        stop()
    except Exception:
        pass  # Another version of the library.
