"""Protocol Buffers as they lie in a file: fields one by one, by offset, nothing kept that is not asked for.

A model is mostly weights: what has a length is skipped, so that a file of gigabytes costs a few reads. Only a
window of the file is in memory. Wire format: https://protobuf.dev/programming-guides/encoding
"""

from typing import BinaryIO, Iterator, NamedTuple, Optional, Tuple

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

#: Bytes of the file that are in memory at once.
WINDOW = 1 << 16

#: Fields that are read of one file: models of 100,000 nodes have some two million. A hostile file stops here.
MOST_FIELDS = 10 * 1000 * 1000

#: Bytes of a name (an operator, a domain, a file) that are kept.
LONGEST_TEXT = 4096


class WireError(ValueError):
    """What is wrong, as the end of a sentence on the file; ``missing`` bytes at least where it is cut off."""

    def __init__(self, text: str, missing: int = 0) -> None:
        super().__init__(text)
        self.missing = missing


class Field(NamedTuple):
    """One field: ``value`` of a varint; the content of a field with a length lies from ``start`` to ``end``."""

    number: int
    wire: int
    value: int
    start: int
    end: int


class Reader:
    """Fields of one open file of ``size`` bytes; every length is checked against what encloses it."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream = stream
        self.size = size
        self.left = MOST_FIELDS
        self._start = 0
        self._window = b""

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """Yield the fields of the message from ``start`` to ``end``."""
        position = start
        while position < end:
            self.left -= 1
            if self.left < 0:
                raise WireError("has more than %d parts, more than any model" % MOST_FIELDS)
            here = position
            key, position = self._varint(position, end)
            number, wire, value, begin = key >> 3, key & 7, 0, position
            if number < 1 or number >= 1 << 29:
                raise self._broken(here)
            if wire == VARINT:
                value, position = self._varint(position, end)
            elif wire == BYTES:
                length, begin = self._varint(position, end)
                position = begin + length
            elif wire in (FIXED64, FIXED32):
                position += 8 if wire == FIXED64 else 4
            else:
                raise self._broken(here)  # groups (3 and 4) are not used in ONNX, 6 and 7 do not exist
            if position > end:
                if end == self.size:
                    raise WireError("is cut off", missing=position - end)
                raise self._broken(here)
            yield Field(number, wire, value, begin, position)

    def text(self, field: Field) -> str:
        """Return the text of a field; bytes that are no UTF-8 are escaped, beyond :data:`LONGEST_TEXT` it ends."""
        data = self.bytes_at(field.start, min(field.end - field.start, LONGEST_TEXT))
        return data.decode("utf-8", "backslashreplace")

    def first(self, field: Field, number: int) -> Optional[Field]:
        """Return the last field ``number`` of the message in ``field``: the one that counts."""
        found = None
        for inner in self.fields(field.start, field.end):
            if inner.number == number:
                found = inner
        return found

    def bytes_at(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes (fewer at the end of the file) from ``start``."""
        if start < self._start or start + length > self._start + len(self._window):
            self.stream.seek(start)
            self._start, self._window = start, self.stream.read(max(length, WINDOW))
        return self._window[start - self._start : start - self._start + length]

    def _varint(self, position: int, end: int) -> Tuple[int, int]:
        """Return a base-128 number and where it ends; ten bytes at most."""
        offset = position - self._start
        if position < end and 0 <= offset < len(self._window) and self._window[offset] < 0x80:
            return self._window[offset], position + 1  # nine in ten are one byte
        data = self.bytes_at(position, min(10, end - position))
        value = 0
        for at, byte in enumerate(data):
            value |= (byte & 0x7F) << (7 * at)
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, position + at + 1
        if len(data) < 10 and end == self.size:
            raise WireError("is cut off", missing=1)
        raise self._broken(position)

    def _broken(self, position: int) -> WireError:
        return WireError("is damaged, or of another format: byte %d does not read as ONNX" % position)
