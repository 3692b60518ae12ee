"""What one benchmark of files does in a directory: prints its figures as one JSON object.

    fs-program.py KIND DIRECTORY SIZE    SIZE: MiB for write and read, files for the others
"""
import json
import os
import sys
import threading
import time

kind, directory, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
MIB = 1 << 20
CREATE_BYTES = 100


def timed(action):
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def write(name, count):
    data = os.urandom(MIB)
    with open(f"{directory}/{name}", "wb", buffering=0) as file:
        for number in range(count):
            # No two blocks are the same, or they would be stored once.
            file.write(number.to_bytes(8, "big") + data[8:])
        os.fsync(file.fileno())


def read(name):
    with open(f"{directory}/{name}", "rb", buffering=0) as file:
        while file.read(MIB):
            pass


def create(prefix, count):
    for number in range(count):
        with open(f"{directory}/{prefix}{number}", "wb") as file:
            file.write(f"{prefix}{number}".encode().ljust(CREATE_BYTES))
            file.flush()
            os.fsync(file.fileno())


def together(action, count):
    threads = [threading.Thread(target=action, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def figures():
    if kind == "write":
        return {"write": size / timed(lambda: write("large", size))}
    if kind == "read":
        first = size / timed(lambda: read("large"))
        return {"first": first, "again": size / timed(lambda: read("large"))}
    if kind == "streams":
        return {"streams": 8 * size / timed(lambda: together(lambda n: write(f"stream{n}", size), 8))}
    if kind == "create":
        one = size / timed(lambda: create("one", size))
        many = size / timed(lambda: together(lambda n: create(f"many{n}-", size // 16), 16))
        return {"one": one, "many": many}
    if kind == "stat":
        names = [f"{directory}/one{number}" for number in range(size)]
        uncached = size / timed(lambda: [os.stat(name) for name in names])
        cached = 20_000 / timed(lambda: [os.stat(names[0]) for _ in range(20_000)])
        return {"uncached": uncached, "cached": cached}
    raise SystemExit(f"no such kind: {kind}")


print(json.dumps(figures()))
