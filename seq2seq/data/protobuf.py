"""Protocol Buffers, field by field: https://protobuf.dev/programming-guides/encoding/.

What a stranger's file says is looked at with this, before a library in C++ that believes much of it
reads the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from seq2seq.errors import DataError

Buffer = TypeVar("Buffer", bytes, memoryview)

VARINT, TEXT, FLOAT = 0, 2, 5
SIZES = {1: 8, FLOAT: 4}  # in bytes, of the other types


def fields(data: Buffer, what: str) -> Iterator[tuple[int, int | Buffer]]:
    """Yields number and value of each field of a message.

    Args:
        data: a whole message; parts of a memoryview are no copies.
        what: it is a part of, for errors.

    Raises:
        DataError: it is no message.
    """
    place = 0
    while place < len(data):
        tag, place = varint(data, place, what)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, place = varint(data, place, what)
            yield number, value
            continue
        if wire == TEXT:
            size, place = varint(data, place, what)
        elif wire in SIZES:
            size = SIZES[wire]
        else:
            raise DataError(f"not {what}: it is no such message")
        if size > len(data) - place:
            raise DataError(f"not {what}: it is cut short")
        yield number, data[place : place + size]
        place += size


def varint(data: Buffer, place: int, what: str) -> tuple[int, int]:
    """Returns the number that begins at a place, and where it ends; DataError if there is none."""
    result = 0
    for shift in range(0, 70, 7):
        if place == len(data):
            raise DataError(f"not {what}: it is cut short")
        byte = data[place]
        place += 1
        result |= (byte & 127) << shift
        if byte < 128:
            return result, place
    raise DataError(f"not {what}: it has a number that is too long")


def bytes_field(number: int, content: bytes) -> bytes:
    """Returns a field of bytes, of a number below 16, as it stands in a message.

    >>> bytes_field(1, b"abc")
    b'\\n\\x03abc'
    """
    length, size = bytearray(), len(content)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | TEXT, *length, size]) + content
