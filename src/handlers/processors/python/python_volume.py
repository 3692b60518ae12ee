"""`FS` and `ctx.fs`: the files of the workflow, over HTTP at this worker's own node. What the node refuses is
raised with its code. Nothing is loaded before a handler uses it."""

import io
import json

# Names in one page of a folder.
PAGE_NAMES = 1000
# Bytes that gather before they are sent.
SENT_BYTES = 1 << 18
# Silence of the node after which a call is given up, seconds: it answers each command within its deadline.
SILENCE_S = 600


class FsError(OSError):
    """What went wrong with files; code is that of the node, or HANDLER_VOLUME_UNAVAILABLE."""

    def __init__(self, code, message):
        super().__init__("%s: %s" % (code, message))
        self.code = code


def relative(path):
    """A path without needless parts. Raises FsError FS_NAME_INVALID for one that leads out."""
    names = []
    for name in path.split("/"):
        if name in ("", "."):
            continue
        if name != "..":
            names.append(name)
        elif names:
            names.pop()
        else:
            raise leads_out(path)
    if path.startswith("/"):
        raise leads_out(path)
    return "/".join(names)


def leads_out(path):
    return FsError("FS_NAME_INVALID", "a path is relative to the volume: " + path)


def joined(folder, name):
    return folder + "/" + name if folder else name


def stat_of(fields, path):
    from datetime import datetime

    mtime = datetime.fromisoformat(fields["mtime"].replace("Z", "+00:00")).timestamp()
    cid = fields.get("cid")
    return {
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "type": fields["type"],
        "size": fields["bytes"],
        "st_mode": fields["mode"],
        "mtime": mtime,
        "ctime": mtime,
        "cid": cid,
        "target": fields.get("target"),
        "uri": None if cid is None else "ipfs://" + cid,
    }


class Volume:
    """Paths are relative to the volume of the workflow; folders on the way to what is written are made."""

    def __init__(self, access):
        self._access = access

    def mkdir(self, path):
        """Makes a folder and those on the way; one that is there is as good."""
        self._post("mkdir", path=relative(path), parents=True)

    def ls(self, path=""):
        """Pairs of name and stat, page by page."""
        folder = relative(path)
        query = {"path": folder, "limit": str(PAGE_NAMES)}
        while True:
            page = self._json("GET", "list", query)
            for entry in page["entries"]:
                yield entry["name"], stat_of(entry, joined(folder, entry["name"]))
            if page["next"] is None:
                return
            query["after"] = page["next"]

    def walk(self, path=""):
        """Stats of all below a folder: each folder before what lies in it."""
        for _, stat in self.ls(path):
            yield stat
            if stat["type"] == "directory":
                yield from self.walk(stat["path"])

    def get_stat(self, path):
        """Follows symbolic links."""
        path = relative(path)
        return stat_of(self._json("GET", "stat", {"path": path, "follow": "true"}), path)

    def get_stat_of(self, path):
        """Of a symbolic link itself."""
        path = relative(path)
        return stat_of(self._json("GET", "stat", {"path": path}), path)

    def get_filesize(self, path):
        return self.get_stat(path)["size"]

    def cid_of(self, path):
        """The content id of a file, as IPFS computes it."""
        return self.get_stat(path)["cid"]

    def exists(self, path):
        return self._type_of(path) is not None

    def isfile(self, path):
        return self._type_of(path) == "file"

    def isdir(self, path):
        return self._type_of(path) == "directory"

    def rm(self, path):
        """Removes a file or symbolic link."""
        path = relative(path)
        if self._json("GET", "stat", {"path": path})["type"] == "directory":
            raise FsError("FS_IS_DIRECTORY", "it is a folder: " + path)
        self._post("remove", path=path)

    def rmdir(self, path, recursive=False):
        """Removes a folder, an empty one unless recursive."""
        path = relative(path)
        if self._json("GET", "stat", {"path": path})["type"] != "directory":
            raise FsError("FS_NOT_DIRECTORY", "it is no folder: " + path)
        self._post("remove", path=path, recursive=recursive)

    def mv(self, source, target):
        """Moves at once, over what rename(2) would replace."""
        self._post("rename", **{"from": relative(source), "to": relative(target), "parents": True})

    def publish(self, source, target):
        """Moves something of the workspace to a place of the volume, over whatever is there: it is there with
        the end of the attempt, if that ends well, and until then nowhere to be seen."""
        self._post("publish", **{"from": relative(source), "to": relative(target)})

    def symlink(self, path, target):
        """Makes a symbolic link that says target."""
        self._post("symlink", path=relative(path), target=target)

    def writing(self, path, mode):
        """A stream of bytes into a file that has these permissions."""
        return Writing(self, relative(path), False, mode)

    def cp(self, source, target):
        """Copies a file."""
        with self.open(source, "rb") as read, self.open(target, "wb") as written:
            while chunk := read.read(SENT_BYTES):
                written.write(chunk)

    def cpr(self, source, target):
        """Copies a folder with all below it."""
        if self.isfile(source):
            self.cp(source, target)
            return
        source, target = relative(source), relative(target)
        self.mkdir(target)
        skipped = len(source) + 1 if source else 0
        for stat in list(self.walk(source)):
            place = joined(target, stat["path"][skipped:])
            if stat["type"] == "directory":
                self.mkdir(place)
            else:
                self.cp(stat["path"], place)

    def open(self, path, mode="r", encoding="utf-8", newline=None):
        """A stream: r, rb, w or wb, and x or xb for a file that must not be there. Leaving its `with`, or
        close(), commits what was written and raises where that fails; an exception in it leaves nothing."""
        kind = mode.replace("b", "").replace("t", "")
        if kind not in ("r", "w", "x"):
            raise ValueError("a file is opened to be read (r), written (w) or made (x), not %r" % mode)
        path = relative(path)
        if kind == "r":
            raw = io.BufferedReader(Reading(self._send("GET", "file", {"path": path})), SENT_BYTES)
        else:
            raw = Writing(self, path, kind == "x")
        if "b" in mode:
            return raw
        return TextWriting(raw, encoding, newline) if kind != "r" else io.TextIOWrapper(raw, encoding, newline=newline)

    def _type_of(self, path):
        try:
            return self.get_stat(path)["type"]
        except FsError as error:
            if error.code in ("FS_NOT_FOUND", "FS_NOT_DIRECTORY"):
                return None
            raise

    def _post(self, route, **fields):
        body = json.dumps(fields).encode("utf-8")
        self._json("POST", route, {}, body, {"content-type": "application/json"})

    def _json(self, method, route, query, body=None, headers=None):
        with self._send(method, route, query, body, headers) as answer:
            return json.loads(answer.read())

    def _send(self, method, route, query, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, self.target(route, query), body, self.headers(headers))
            answer = connection.getresponse()
        except OSError as error:
            connection.close()
            raise FsError("HANDLER_VOLUME_UNAVAILABLE", str(error)) from error
        return self.checked(answer, connection)

    def connect(self):
        if self._access is None:
            raise FsError("HANDLER_VOLUME_UNAVAILABLE", "nobody offers a volume here")
        from http.client import HTTPConnection
        from urllib.parse import urlsplit

        at = urlsplit(self._access["url"])
        return HTTPConnection(at.hostname, at.port, timeout=SILENCE_S)

    def target(self, route, query):
        from urllib.parse import quote, urlencode

        name = quote(self._access["workflow"], safe="")
        return "/v1/workflows/%s/fs/%s?%s" % (name, route, urlencode(query))

    def headers(self, more=None):
        token = self._access["token"]
        return {"authorization": "Bearer " + token, "connection": "close", **(more or {})}

    def checked(self, answer, connection):
        """The answer, which holds the connection. Raises FsError for a refusal."""
        if answer.status < 300:
            return answer
        try:
            told = json.loads(answer.read())
            code, message = told["code"], told["message"]
        except (ValueError, LookupError, OSError):
            code, message = "HANDLER_VOLUME_UNAVAILABLE", "the node answered %d" % answer.status
        finally:
            connection.close()
        raise FsError(code, message)


class Reading(io.RawIOBase):
    """The bytes of a file, as they come."""

    def __init__(self, answer):
        super().__init__()
        self._answer = answer
        self._left = int(answer.headers["content-length"])

    def readable(self):
        return True

    def readinto(self, buffer):
        try:
            count = self._answer.readinto(buffer)
        except OSError as error:
            raise FsError("HANDLER_VOLUME_UNAVAILABLE", str(error)) from error
        self._left -= count
        if count == 0 and self._left > 0 and len(buffer) > 0:
            raise FsError("HANDLER_VOLUME_UNAVAILABLE", "the file broke off: %d bytes are missing" % self._left)
        return count

    def close(self):
        self._answer.close()
        super().close()


class Writing(io.RawIOBase):
    """A file on its way to the node."""

    def __init__(self, volume, path, exclusive, mode=None):
        super().__init__()
        self._volume = volume
        self._buffer = bytearray()
        self._over = False
        self._connection = None
        self._connection = connection = volume.connect()
        try:
            query = {"path": path, "parents": "true", **({} if mode is None else {"mode": "%o" % mode})}
            connection.putrequest("PUT", volume.target("file", query))
            more = {"transfer-encoding": "chunked", **({"if-none-match": "*"} if exclusive else {})}
            for name, value in volume.headers(more).items():
                connection.putheader(name, value)
            connection.endheaders()
        except OSError as error:
            self.abort()
            raise FsError("HANDLER_VOLUME_UNAVAILABLE", str(error)) from error

    def writable(self):
        return True

    def write(self, chunk):
        if self._over:
            raise ValueError("write to a file that was closed")
        with memoryview(chunk) as view:
            self._buffer += view.cast("B")
            count = view.nbytes
        if len(self._buffer) >= SENT_BYTES:
            self._send(b"")
        return count

    def _send(self, last):
        body = b"%x\r\n%b\r\n" % (len(self._buffer), self._buffer) if self._buffer else b""
        self._buffer = bytearray()
        try:
            self._connection.send(body + last)
        except OSError as error:
            # The node may have said why before it hung up.
            self._answered(error)

    def _answered(self, error=None):
        connection = self._connection
        self._over = True
        try:
            answer = self._volume.checked(connection.getresponse(), connection)
            answer.read()
        except FsError:
            raise
        except Exception as failure:
            reason = str(error or failure) or type(failure).__name__
            raise FsError("HANDLER_VOLUME_UNAVAILABLE", reason) from (error or failure)
        finally:
            connection.close()
        if error is not None:
            raise FsError("HANDLER_VOLUME_UNAVAILABLE", str(error)) from error

    def close(self):
        """Commits the file. Raises FsError where it was not."""
        if self.closed:
            return
        try:
            if not self._over:
                self._send(b"0\r\n\r\n")
                self._answered()
        finally:
            super().close()

    def abort(self):
        """Leaves nothing of it."""
        self._over = True
        if self._connection is not None:
            self._connection.close()

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.abort()
        self.close()

    def __del__(self):
        # Nobody has closed it: whoever wrote it did not come to its end.
        if not self.closed:
            self.abort()
            super().close()


class TextWriting(io.TextIOWrapper):
    """A text on its way to the node."""

    def __init__(self, raw, encoding, newline):
        self._raw = raw
        super().__init__(raw, encoding, newline=newline, write_through=True)

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self._raw.abort()
        self.close()

    def __del__(self):
        if not self._raw.closed:
            self._raw.abort()
