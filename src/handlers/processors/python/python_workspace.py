"""The workspace of a call as a directory of this machine, for what opens files by their names. A handler asks for
it; what is committed comes in then, and when the handler is done what has changed goes out, as if it were written
with FS. Nothing is loaded before a handler asks."""

import os
import stat

from python_frames import Fault
from python_volume import FsError

# Files, folders and links of a workspace as a directory, and bytes of its files: as for JavaScript.
FILES_MAX = 10000
BYTES_MAX = 4 * 1024**3
# Bytes that are copied at a time.
COPIED_BYTES = 1 << 20


class StagedWorkspace:
    def __init__(self, files, workspace, place):
        self._files = files
        self._workspace = workspace
        self._place = place
        # What came in, by its path in the workspace.
        self._known = {}
        self._count = self._bytes = 0
        os.makedirs(place)

    def bring(self, paths):
        """What is at these paths of the workspace, or all of it. Raises Fault HANDLER_WORKSPACE_TOO_LARGE, FsError."""
        if not paths:
            self._bring_below("")
        for path in paths:
            self._bring_at(path)

    def _bring_below(self, folder):
        at = joined(self._workspace, folder)
        if folder == "" and not self._files.exists(at):
            return
        for found in self._files.walk(at):
            self._bring(found["path"][len(self._workspace) + 1 :], found)

    def _bring_at(self, said):
        found = self._files.get_stat_of(joined(self._workspace, said))
        path = found["path"][len(self._workspace) + 1 :]
        if path == "":
            return self._bring_below("")
        os.makedirs(os.path.join(self._place, os.path.dirname(path)), exist_ok=True)
        self._bring(path, found)
        if found["type"] == "directory":
            self._bring_below(path)

    def _bring(self, path, found):
        if path in self._known:
            return
        target = os.path.join(self._place, path)
        kind = found["type"]
        self._check_size(found["size"] if kind == "file" else 0)
        if kind == "directory":
            os.makedirs(target, exist_ok=True)
        elif kind == "symlink":
            os.symlink(found["target"], target)
        else:
            with self._files.open(joined(self._workspace, path), "rb") as read, open(target, "xb") as written:
                while chunk := read.read(COPIED_BYTES):
                    written.write(chunk)
            os.chmod(target, found["st_mode"] & 0o777)
        self._known[path] = self._mark_of(path, os.lstat(target))

    def _check_size(self, size):
        self._count += 1
        self._bytes += size
        if self._count > FILES_MAX or self._bytes > BYTES_MAX:
            most = "%d files and %d bytes" % (FILES_MAX, BYTES_MAX)
            message = "a workspace as a directory has at most %s; ask for parts of it, or use FS" % most
            raise Fault("HANDLER_WORKSPACE_TOO_LARGE", message)

    def finish(self):
        """Writes what has changed since."""
        self._count = self._bytes = 0
        found = dict(self._look(""))
        for path in sorted(self._known):
            kind = self._known[path][0]
            if path in found and kind_of(found[path]) == kind:
                continue
            del self._known[path]
            # What lay in a folder that has gone goes with it.
            above = os.path.dirname(path)
            if above == "" or above in self._known:
                self._remove(path, kind)
        for path, stats in found.items():
            if self._known.get(path) != self._mark_of(path, stats):
                self._write(path, stats)

    def _look(self, folder):
        """All below a folder of the directory: each folder before what lies in it."""
        for name in sorted(os.listdir(os.path.join(self._place, folder))):
            path = joined(folder, name)
            stats = os.lstat(os.path.join(self._place, path))
            if kind_of(stats) == "other":
                raise FsError("FS_NOT_FILE", "only files, folders and links are kept: " + path)
            self._check_size(stats.st_size if stat.S_ISREG(stats.st_mode) else 0)
            yield path, stats
            if stat.S_ISDIR(stats.st_mode):
                yield from self._look(path)

    def _remove(self, path, kind):
        at = joined(self._workspace, path)
        if kind == "directory":
            self._files.rmdir(at, recursive=True)
        else:
            self._files.rm(at)

    def _write(self, path, stats):
        at = joined(self._workspace, path)
        source = os.path.join(self._place, path)
        if stat.S_ISDIR(stats.st_mode):
            self._files.mkdir(at)
        elif stat.S_ISLNK(stats.st_mode):
            if path in self._known:
                self._files.rm(at)
            self._files.symlink(at, os.readlink(source))
        else:
            with open(source, "rb") as read, self._files.writing(at, stats.st_mode & 0o777) as written:
                while chunk := read.read(COPIED_BYTES):
                    written.write(chunk)

    def _mark_of(self, path, stats):
        """What differs when somebody has changed it; of folders what lies in them tells."""
        kind = kind_of(stats)
        if kind == "directory":
            return (kind,)
        if kind == "symlink":
            return kind, os.readlink(os.path.join(self._place, path))
        return kind, stats.st_ino, stats.st_size, stats.st_mtime_ns, stats.st_ctime_ns, stats.st_mode


def kind_of(stats):
    if stat.S_ISDIR(stats.st_mode):
        return "directory"
    if stat.S_ISLNK(stats.st_mode):
        return "symlink"
    return "file" if stat.S_ISREG(stats.st_mode) else "other"


def joined(folder, name):
    return folder + "/" + name if folder else name
