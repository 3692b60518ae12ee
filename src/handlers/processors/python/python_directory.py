"""The current directory of Python handlers."""

import os
import stat

# The worker's own, beside what it was started with.
OWN = os.path.join(os.getcwd(), "work")
# Directories that could not be emptied and were put aside.
aside = 0


def enter_directory(directory):
    """Makes a directory the current one, wherever the last call has gone. The worker's own, for None, is
    empty then: most calls leave nothing, so that it costs a look."""
    if directory is None and not empty():
        put_aside()
        os.mkdir(OWN)
    os.chdir(OWN if directory is None else directory)


def empty():
    """False when there is no such directory, or no emptying it."""
    try:
        # Not through a link that a handler has put in its place.
        mode = os.lstat(OWN).st_mode
        if not stat.S_ISDIR(mode):
            return False
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(OWN, stat.S_IRWXU)
        for name in os.listdir(OWN):
            remove(os.path.join(OWN, name))
        return True
    except OSError:
        return False


def remove(path):
    if stat.S_ISDIR(os.lstat(path).st_mode):
        import shutil

        shutil.rmtree(path)
    else:
        os.unlink(path)


def put_aside():
    global aside
    if os.path.lexists(OWN):
        os.rename(OWN, "%s-%d-%d" % (OWN, os.getpid(), aside))
        aside += 1
