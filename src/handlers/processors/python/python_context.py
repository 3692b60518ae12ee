"""What Python handlers are given besides their argument: a context, and names in their scope."""

import os
import sys

from python_frames import Fault, to_json, write_body
from python_log import Logger

FOLDER = os.path.dirname(os.path.abspath(__file__))
# Where a workspace is as a directory: one call at a time has it. Beside the worker's current directory.
WORKSPACE = os.path.join(os.getcwd(), "workspace")

# Flag of a code object whose function takes *args.
TAKES_REST = 0x04


class Direction:
    """A mapper's first word."""

    __slots__ = ("step",)

    def __init__(self, step):
        self.step = step


class MrConfigureToMap(Direction):
    """Each pair that follows becomes the argument of an invocation of this step."""

    __slots__ = ()

    def __init__(self, step_name):
        if not isinstance(step_name, str):
            raise TypeError("the name of a step is text")
        super().__init__(step_name)


class MrConfigureToReturn(Direction):
    """The pairs that follow are the result of this leaf."""

    __slots__ = ()

    def __init__(self):
        super().__init__(None)


def session_key(key):
    """Equal keys have one text; 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    return to_json(key)


class Secrets(dict):
    """Values by names, also as attributes. Its text has the names alone, so that printing it tells nothing."""

    __slots__ = ()

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError("the handler's comment names no secret %r" % name) from None

    def __repr__(self):
        return "Secrets(%s)" % ", ".join(sorted(self))

    __str__ = __repr__


class Context:
    """What a handler is given besides its argument."""

    def __init__(self, start):
        handler = start["handler"]
        names = start["names"]
        self.handler = handler["name"]
        self.request = names["request"]
        self.invocation = names["invocation"]
        self.step = names["step"]
        self.object = names.get("object")
        # The folder of the request in the volume, removed with the request.
        self.workspace = ".requests/" + self.request
        self._access = start.get("volume")
        self._fs = None
        self._staged = None
        enter_volume((self._access or {}).get("mount"))
        self.log = Logger(self.handler, start["logs"])
        self._may_set = handler["type"] == "mapper"
        # Values of the secrets that the handler's comment names: ctx.secrets.name or ctx.secrets["name"].
        self.secrets = Secrets(start.get("secrets") or {})
        self._session = {session_key(key): (key, value) for key, value in start["session"]}

    @property
    def has_no_volume(self):
        return self._access is None

    @property
    def fs(self):
        if self._fs is None:
            self._fs = part("python_volume").Volume(self._access)
        return self._fs

    def workspace_directory(self, *paths):
        """The workspace as a directory of this machine, also in JOBX_WORKSPACE for what is started from now on:
        what is at these paths of it, or all, comes in, and what has changed goes out when the handler is done."""
        if self._staged is None:
            remove_workspace()
            files = self.fs
            self._staged = part("python_workspace").StagedWorkspace(files, self.workspace, WORKSPACE)
            os.environ["JOBX_WORKSPACE"] = WORKSPACE
        self._staged.bring(paths)
        return WORKSPACE

    def finish_workspace(self):
        if self._staged is not None:
            self._staged.finish()

    def close_workspace(self):
        if self._staged is not None:
            remove_workspace()

    @property
    def notify(self):
        return self.log

    sep = "/"

    def join(self, *parts):
        return "/".join(parts)

    def print(self, text):
        print_text(text)

    def run(self, command, input_data=None, success_code=0, env=None):
        return run_command(command, input_data, success_code, env)

    def status(self, text):
        """What the handler is doing now, for those who watch it."""
        self.log.info("status: %s", text)

    def progress(self, done, total):
        """How far it is: two counts."""
        if not all(isinstance(count, (int, float)) and count >= 0 for count in (done, total)):
            raise TypeError("progress is two counts")
        self.log.info("progress: %s of %s", done, total)

    def map_to(self, step):
        return MrConfigureToMap(step)

    def to_return(self):
        return MrConfigureToReturn()

    def session_get(self, key, default=None):
        return self._session.get(session_key(key), (key, default))[1]

    def session_set(self, key, value):
        if not self._may_set:
            raise Fault("HANDLER_SESSION_READ_ONLY", "only a mapper may write its session")
        text = to_json({"kind": "session-set", "key": key, "value": value})
        write_body(text)
        self._session[session_key(key)] = (key, value)

    def session_list(self):
        return list(self._session.values())


def run_command(command, input_data=None, success_code=0, env=None):
    """Runs a command whose output is printed; any exit code but success_code raises."""
    import subprocess

    sys.stdout.flush()
    if isinstance(input_data, str):
        input_data = input_data.encode("utf-8")
    given = {"stdin": subprocess.DEVNULL} if input_data is None else {"input": input_data}
    code = subprocess.run(command, env=env, check=False, **given).returncode
    if success_code is not None and code != success_code:
        raise RuntimeError("command %r ended with %d" % (command, code))
    return code


def print_text(text):
    print(text)


# The names that every source finds in its scope, whatever it calls.
NAMES = {
    "MrConfigureToMap": MrConfigureToMap,
    "MrConfigureToReturn": MrConfigureToReturn,
    # Where there is no volume.
    "FS": None,
    "SEP": "/",
    "JOIN": lambda *parts: "/".join(parts),
    "PRINT": print_text,
    "RUN": run_command,
}


def part(name):
    """Loaded when the first handler uses it: handlers do not find the folder of this file."""
    module = sys.modules.get(name)
    if module is None:
        from importlib.util import module_from_spec, spec_from_file_location

        place = spec_from_file_location(name, os.path.join(FOLDER, name + ".py"))
        module = module_from_spec(place)
        sys.modules[name] = module
        place.loader.exec_module(module)
    return module


def enter_volume(mount):
    """Says to a call, and to what it starts, where the volume is mounted; a workspace it has to ask for."""
    if "JOBX_WORKSPACE" in os.environ:
        del os.environ["JOBX_WORKSPACE"]
    if mount is not None:
        os.environ["JOBX_VOLUME"] = mount
    elif "JOBX_VOLUME" in os.environ:
        del os.environ["JOBX_VOLUME"]


def remove_workspace():
    if os.path.lexists(WORKSPACE):
        import shutil

        shutil.rmtree(WORKSPACE, ignore_errors=True)


class LateFiles:
    """`FS`: the files of the call's workflow, loaded when they are used."""

    __slots__ = ("_ctx",)

    def __init__(self, ctx):
        self._ctx = ctx

    def __getattr__(self, name):
        return getattr(self._ctx.fs, name)


def names_of_call(ctx):
    """Those that are other ones in each call."""
    return {
        **({} if ctx.has_no_volume else {"FS": LateFiles(ctx)}),
        "LOG": ctx.log,
        "NOTIFY": ctx.log,
        "S_GET": ctx.session_get,
        "S_SET": ctx.session_set,
        "S_LIST": ctx.session_list,
        "ctx": ctx,
    }


class Scope:
    """The globals of a handler. What its source calls by one of the names itself stays its own; what it
    has given a second name, such as `log = LOG`, is the current call's under that one, too."""

    def __init__(self, module, ctx):
        self.globals = module.__dict__
        self._given = names_of_call(ctx)
        self.globals.update(NAMES)
        self.globals.update(self._given)

    def loaded(self):
        """To be told when the source has run."""
        name_of = {id(value): name for name, value in self._given.items()}
        found = ((name, name_of.get(id(value))) for name, value in self.globals.items())
        self._given = {name: given for name, given in found if given is not None}

    def enter(self, ctx):
        names = names_of_call(ctx)
        self.globals.update({name: names.get(given) for name, given in self._given.items()})


def how_ctx_is_taken(function):
    """Whether a function wants the context "named", or "last" after its argument, or not at all: a second
    parameter that has a default and another name is the handler's own."""
    second = None
    for name, kind, has_default in parameters_of(function)[1:]:
        if kind in (EITHER, BY_NAME) and name == "ctx":
            return "named"
        if second is None and kind != BY_NAME:
            second = kind == REST or not has_default or name == "ctx"
    return "last" if second else None


def parameters_of(function):
    """Name, kind and whether there is a default of each parameter but **options."""
    if type(function) is type(parameters_of) and not hasattr(function, "__wrapped__"):
        return parameters_of_code(function.__code__, len(function.__defaults__ or ()))
    # What decorators and classes make of a function; not loaded for the others, since it takes long.
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return [("arguments", BY_PLACE, False), ("ctx", BY_PLACE, False)]
    known = (one for one in parameters if int(one.kind) <= BY_NAME)
    return [(one.name, int(one.kind), one.default is not one.empty) for one in known]


# Kinds of parameters, in the numbers of the standard library.
BY_PLACE, EITHER, REST, BY_NAME = range(4)


def parameters_of_code(code, defaults):
    placed = code.co_argcount
    names = code.co_varnames
    found = [
        (names[at], BY_PLACE if at < code.co_posonlyargcount else EITHER, at >= placed - defaults)
        for at in range(placed)
    ]
    named = placed + code.co_kwonlyargcount
    if code.co_flags & TAKES_REST:
        found.append((names[named], REST, False))
    return found + [(name, BY_NAME, False) for name in names[placed:named]]
