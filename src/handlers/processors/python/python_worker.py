"""Runs Python handlers for a node: frames come on descriptor 3 and go to descriptor 4.

The protocol is described in wire/worker-protocol. Only the standard library is used, and as little
of it as possible at start, because every millisecond here is paid by whoever waits for a worker.
"""

import _ast
import _thread
import json
import os
import sys
from itertools import chain

# Isolated mode leaves out the folder of this file. Handlers must not find it either.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
from python_context import Context, Direction, Scope, how_ctx_is_taken
from python_directory import enter_directory
from python_frames import Fault, decode, read_frame, sink_of_frames
from python_frames import use_msgpack, watch_node, write_message
from python_helpers import stop_helpers
from python_output import frame_of, write_output
from python_trace import trace_of

sys.dont_write_bytecode = writes_bytecode
del sys.path[0]

VERSION = 1
FUNCTIONS = {"mapper": "map", "combiner": "combine", "reducer": "reduce"}
CASTS = {
    "list": list,
    "dict": dict,
    "tuple": tuple,
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "set": set,
    "frozenset": frozenset,
    "sorted": sorted,
    "reversed": reversed,
    "enumerate": enumerate,
    "iter": iter,
    "len": len,
}
# Those that are called on a sequence, as the builtin would be. The others take the pairs as they come.
CASTS_OF_LISTS = ("int", "float", "str", "bool", "reversed", "len")
# Flag of compile() that gives the syntax tree, without the cost of importing ast.
ONLY_AST = 0x400
# Flag of a code object whose function yields.
GENERATOR_FLAG = 0x20
FUNCTION_NODES = (_ast.FunctionDef, _ast.AsyncFunctionDef)


def is_docstring(statement):
    return (
        isinstance(statement, _ast.Expr)
        and isinstance(statement.value, _ast.Constant)
        and isinstance(statement.value.value, str)
    )


def compile_source(source, file, kind):
    """The form of a source and its code; nothing is run. Raises SyntaxError."""
    tree = compile(source, file, "exec", ONLY_AST, dont_inherit=True)
    wanted = FUNCTIONS[kind]
    if any(isinstance(node, FUNCTION_NODES) and node.name == wanted for node in tree.body):
        return "plain", compile(tree, file, "exec", dont_inherit=True)
    argument = "arguments" if kind == "mapper" else "results"
    shell = compile("def body(%s):\n pass" % argument, file, "exec", ONLY_AST)
    statements = tree.body[1:] if tree.body and is_docstring(tree.body[0]) else tree.body
    if statements:
        shell.body[0].body = statements
    return "body", compile(shell, file, "exec", dont_inherit=True)


class Handler:
    """A version of a handler, loaded once and kept."""

    def __init__(self, handler, source, ctx):
        name = handler["name"]
        self.file = handler.get("main") or name + ".py"
        if source is None:
            source = source_beside(self.file)
        self.source = source
        self.form, code = compile_source(source, self.file, handler["type"])
        module = type(sys)("handler(%s)" % name)
        self._scope = Scope(module, ctx)
        own = self._scope.globals
        own["__file__"] = self.file
        exec(code, own)
        if self.form == "body":
            self.function = own.pop("body")
            self._takes_ctx = None
        else:
            self.function = own[FUNCTIONS[handler["type"]]]
            self._takes_ctx = how_ctx_is_taken(self.function)
        self._scope.loaded()

    def call(self, argument, ctx):
        self._scope.enter(ctx)
        if self._takes_ctx == "last":
            return self.function(argument, ctx)
        if self._takes_ctx == "named":
            return self.function(argument, ctx=ctx)
        return self.function(argument)


def source_beside(file):
    """The text of a bundle's main file, whose modules are found beside it: this worker serves it alone."""
    folder = os.path.dirname(file)
    if folder not in sys.path:
        sys.path.insert(0, folder)
        sys.dont_write_bytecode = True
    with open(file, encoding="utf-8") as opened:
        return opened.read()


def input_batches():
    while True:
        body = read_frame()
        if body[:1] == b"[":
            yield decode(body)
        elif decode(body)["kind"] == "input-end":
            return


def input_pairs():
    return map(tuple, chain.from_iterable(input_batches()))


def input_groups():
    more = None
    for record in chain.from_iterable(input_batches()):
        key, values = record[0], record[1]
        if more is not None:
            more.extend(values)
            values = more
        if len(record) == 2:
            more = None
            yield (key, values)
        else:
            more = values


def input_ungrouped():
    for record in chain.from_iterable(input_batches()):
        key = record[0]
        for value in record[1]:
            yield (key, value)


def cast_argument(name, records):
    if name is None:
        return records
    value = list(records) if name in CASTS_OF_LISTS else records
    try:
        return CASTS[name](value)
    except (TypeError, ValueError) as error:
        message = "the argument cannot be cast to %s: %s" % (name, error)
        raise Fault("HANDLER_ARGUMENT_INVALID", message) from error


def drained(result):
    """Yields from an asynchronous generator, on an event loop of its own."""
    import asyncio

    loop = asyncio.new_event_loop()
    try:
        while True:
            try:
                yield loop.run_until_complete(result.__anext__())
            except StopAsyncIteration:
                return
    finally:
        loop.run_until_complete(result.aclose())
        loop.close()


def output_of(result):
    """What a handler gave back, as an iterator."""
    if hasattr(result, "__await__"):
        import asyncio

        result = asyncio.run(result)
    if result is None:
        return iter(())
    if hasattr(result, "__anext__"):
        return drained(result)
    try:
        return iter(result)
    except TypeError as error:
        message = "a handler yields or returns pairs, not %s" % type(result).__name__
        raise Fault("HANDLER_OUTPUT_INVALID", message) from error


def write_direction(output):
    first = next(output, None)
    if not isinstance(first, Direction):
        message = "the first thing that a mapper yields says where its pairs go"
        raise Fault("HANDLER_NO_DIRECTION", message)
    write_message({"kind": "direction", "step": first.step})


def flush_prints():
    sys.stdout = sys.__stdout__
    sys.stderr = sys.__stderr__
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass


# By name and version: two files with the same text are two handlers.
handlers = {}


def load(start, ctx):
    wanted = start["handler"]
    key = wanted["name"], wanted["version"]
    handler = handlers.get(key)
    if handler is None:
        try:
            handler = Handler(wanted, start["source"], ctx)
        except BaseException as error:
            raise Fault("HANDLER_LOAD_FAILED", "the handler cannot be loaded") from error
        handlers[key] = handler
    return handler


def run(start):
    """One call, from its start to its done or failed."""
    handler = ctx = None
    try:
        enter_directory(start["directory"])
        kind = start["handler"]["type"]
        ctx = Context(start)
        handler = load(start, ctx)
        if kind == "mapper":
            records = input_pairs()
        elif kind == "combiner" and handler.form == "body":
            # A source of old expects the pairs as its mapper yielded them.
            records = input_ungrouped()
        else:
            records = input_groups()
        argument = cast_argument(start["handler"]["argumentType"], records)
        result = handler.call(argument, ctx)
        output = output_of(result)
        if kind == "mapper":
            write_direction(output)
        frame = frame_of(result)
        code = getattr(handler.function, "__code__", None) if frame is None else frame.f_code
        write_output(output, frame, code)
        ctx.finish_workspace()
        ctx.close_workspace()
        stop_helpers()
        flush_prints()
        logged = ctx.log.close()
        write_message({"kind": "done", "call": start["call"], "logged": logged})
    except BaseException as error:
        trace = trace_of(error, handler)
        flush_prints()
        if ctx is not None:
            ctx.log.close()
            ctx.close_workspace()
        code = error.code if isinstance(error, Fault) else "HANDLER_FAILED"
        shown = error.__cause__ if code == "HANDLER_LOAD_FAILED" else error
        message = str(error) if isinstance(error, Fault) and shown is error else describe(shown)
        write_failure(start["call"], code, message, trace)
    sink_of_frames.flush()


def describe(error):
    text = str(error)
    return type(error).__name__ + (": " + text if text else "")


# Longer messages and tracebacks are cut: their ends say what happened.
TEXT_MAX = 64 * 1024


def write_failure(call, code, message, trace):
    write_message(
        {
            "kind": "failed",
            "call": call,
            "code": code,
            "message": message[:TEXT_MAX],
            "traceback": trace[-TEXT_MAX:],
        }
    )


def check(message):
    """Whether a source compiles, and in which form it is written. Does not run it."""
    call = message["call"]
    try:
        form, code = compile_source(message["source"], message["file"], message["type"])
        if form == "body" and message["type"] == "mapper":
            line = line_of_silence(message["source"], message["file"], code)
            if line is not None:
                refuse(call, line, SILENT_REASON)
                return
        answer = {"kind": "checked", "call": call, "form": form, "source": message["source"]}
    except SyntaxError as error:
        refuse(call, max(1, error.lineno or 1), describe_syntax(error))
        return
    except (ValueError, RecursionError, MemoryError) as error:
        refuse(call, 1, describe(error))
        return
    write_message(answer)
    sink_of_frames.flush()


def refuse(call, line, reason):
    write_message({"kind": "refused", "call": call, "line": line, "reason": reason})
    sink_of_frames.flush()


SILENT_REASON = "a mapper has a function map, or yields its direction outside of functions"


def line_of_silence(source, file, code):
    """A body that neither yields nor returns anything says no direction: its first function, or line 1."""
    body = next(part for part in code.co_consts if getattr(part, "co_name", None) == "body")
    tree = compile(source, file, "exec", ONLY_AST, dont_inherit=True).body
    if body.co_flags & GENERATOR_FLAG or returns_something(tree):
        return None
    functions = [node for node in tree if isinstance(node, FUNCTION_NODES)]
    return functions[0].lineno if functions else 1


def returns_something(statements):
    """Whether some of them, outside of functions and classes of their own, returns a value."""
    waiting = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, _ast.Return) and node.value is not None:
            return True
        if isinstance(node, FUNCTION_NODES) or isinstance(node, _ast.ClassDef):
            continue
        for field in node._fields:
            below = getattr(node, field, None)
            below = below if isinstance(below, list) else [below]
            waiting.extend(part for part in below if isinstance(part, _ast.AST))
    return False


def describe_syntax(error):
    return "%s: %s" % (type(error).__name__, error.msg)


def close_inherited():
    """Closes files of the node that this process got when it was started: LevelDB's, for example."""
    try:
        names = os.listdir("/proc/self/fd")
    except OSError:
        return
    for name in names:
        descriptor = int(name)
        if descriptor > 4:
            try:
                os.close(descriptor)
            except OSError:
                pass  # The one that the list itself was read by.


def main():
    close_inherited()
    hello = decode(read_frame())
    if VERSION not in hello["versions"] or "json" not in hello["codecs"]:
        os._exit(64)
    codec = "msgpack" if "msgpack" in hello["codecs"] and use_msgpack() else "json"
    write_message({"kind": "hello", "version": VERSION, "codec": codec})
    sink_of_frames.flush()
    # What was printed before a handler hangs or is killed shall be seen.
    sys.stdout.reconfigure(line_buffering=True)
    _thread.start_new_thread(watch_node, ())
    while True:
        body = read_frame()
        if body[:1] == b"[":
            continue
        message = decode(body)
        if message["kind"] == "start":
            run(message)
        elif message["kind"] == "check":
            check(message)


main()
