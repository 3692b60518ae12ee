"""Sends what a Python handler yields, and knows which of its lines has yielded what. Not for handlers."""

from itertools import islice

from python_frames import FRAME_BYTES_MAX, Fault, to_body, to_json, write_body

# A batch closes at so many records or about so many bytes, as on the other side.
BATCH_RECORDS_MAX = 256
BATCH_BYTES = 64 * 1024
# The first batch is short, so that a handler with huge values shows itself before much is held.
BATCH_RECORDS_FIRST = 16


def write_records(records):
    """Writes a batch, in halves if it is too large for a frame. Returns its bytes."""
    body = to_body(records)
    if len(body) > FRAME_BYTES_MAX:
        if len(records) == 1:
            raise Fault("HANDLER_VALUE_TOO_LARGE", "a pair is larger than a frame may be")
        half = len(records) // 2
        return write_records(records[:half]) + write_records(records[half:])
    write_body(body)
    return len(body)


def frame_of(result):
    """The frame of a generator, whose position tells which line has yielded; else None."""
    return getattr(result, "gi_frame", None) or getattr(result, "ag_frame", None)


def take(output, limit, frame):
    """The next records, and where the handler was when it yielded each."""
    if frame is None:
        return list(islice(output, limit)), ()
    records = []
    places = []
    add_record, add_place = records.append, places.append
    for record in islice(output, limit):
        add_record(record)
        # Only the offset: the line costs more, and is hardly ever asked for.
        add_place(frame.f_lasti)
    return records, places


def place_of_fault(records, places, code):
    """File, line and function that have yielded the first record that cannot be sent."""
    for index, record in enumerate(records):
        try:
            if len(to_json([record])) <= FRAME_BYTES_MAX:
                continue
        except Fault:
            pass
        line = code.co_firstlineno
        if index < len(places):
            import dis

            starts = dis.findlinestarts(code)
            line = [line for start, line in starts if start <= places[index]][-1]
        return code.co_filename, line, code.co_name
    return None


def write_output(output, frame, code):
    limit = BATCH_RECORDS_FIRST
    while True:
        records, places = take(output, limit, frame)
        if not records:
            return
        try:
            size = write_records(records)
        except Fault as fault:
            if code is not None:
                fault.place = place_of_fault(records, places, code)
            raise
        if size * 4 <= BATCH_BYTES:
            limit = min(BATCH_RECORDS_MAX, limit * 4)
        elif size > BATCH_BYTES:
            limit = max(1, len(records) * BATCH_BYTES // size)
