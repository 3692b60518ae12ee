"""What a Python handler logs in one call. A flood is cut here, so that it costs little elsewhere."""

import sys

from python_frames import sink_of_frames, write_message

# Characters that a call may log before it is a flood: several times what the node keeps.
LOG_LENGTH_MAX = 256 * 1024
# What a line counts besides its characters: what it costs to tell it.
LINE_COST = 32
# Characters of a line; of a longer one the end is told.
LINE_LENGTH_MAX = 16 * 1024
# Lines of a flood that are told, the last ones, when the call ends.
LAST_LINES = 20

FLOOD = "so much is logged that only the last %d of the lines from here on are kept" % LAST_LINES


class Logger:
    """Keeps what a handler logs; takes %-arguments like the standard loggers."""

    def __init__(self, name, to):
        self.name = name
        self._to = to
        self._cost = 0
        self._last = None
        self._left_out = 0
        self._closed = False
        self._printed_bytes = 0

    def __call__(self, text, *arguments):
        self._take("info", text, arguments)

    def debug(self, text, *arguments, **_options):
        self._take("debug", text, arguments)

    def info(self, text, *arguments, **_options):
        self._take("info", text, arguments)

    def warning(self, text, *arguments, **_options):
        self._take("warn", text, arguments)

    warn = warning

    def error(self, text, *arguments, **_options):
        self._take("error", text, arguments)

    critical = error

    def exception(self, text, *arguments, **_options):
        import traceback

        self._take("error", text, arguments, "\n" + traceback.format_exc())

    def close(self):
        """Tells what is left of a flood; what a left-over of the call logs is dropped. Returns how
        many bytes of lines were printed."""
        if not self._closed:
            self._closed = True
            last = self._last or []
            left_out = self._left_out + max(0, len(last) - LAST_LINES)
            if left_out > 0:
                self._tell("warn", "%d lines were left out here" % left_out)
            for level, text in last[-LAST_LINES:]:
                self._tell(level, text)
        return self._printed_bytes

    def _take(self, level, text, arguments, more=""):
        text = str(text)
        if arguments:
            text = text % (arguments[0] if isinstance(arguments[0], dict) else arguments)
        text += more
        if len(text) > LINE_LENGTH_MAX:
            text = "[...]" + text[-LINE_LENGTH_MAX:]
        if self._closed:
            return
        self._cost += len(text) + LINE_COST
        if self._cost <= LOG_LENGTH_MAX:
            self._tell(level, text)
            return
        if self._last is None:
            self._last = []
            self._tell("warn", FLOOD)
        self._last.append((level, text))
        if len(self._last) >= 2 * LAST_LINES:
            del self._last[:LAST_LINES]
            self._left_out += LAST_LINES

    def _tell(self, level, text):
        if self._to == "told":
            write_message({"kind": "log", "level": level, "text": text})
            # It shall be known also when the handler hangs or dies.
            sink_of_frames.flush()
            return
        body = ("[%s] %s\n" % (level, text)).encode("utf-8", "replace")
        self._printed_bytes += len(body)
        try:
            sys.__stdout__.flush()
            sys.__stdout__.buffer.write(body)
            sys.__stdout__.flush()
        except ValueError:
            # The handler has closed what it prints to.
            pass
