"""Reading a machine's small text files, with the three ways that it can end kept apart."""

from typing import BinaryIO, Iterator, NamedTuple, Optional

from .context import Context

#: Bytes read of one file; /var/lib/dpkg/status of a full desktop is about 5 MB.
READ_LIMIT = 16 << 20

#: Bytes asked for at once: the kernel refuses (ENOMEM) a large read of a file in /proc/sys.
BLOCK = 1 << 16


class Text(NamedTuple):
    """A file's ``text``; None where there is no such file, and with an ``error`` where it cannot be read."""

    path: str
    text: Optional[str]
    error: Optional[str]


def read_text(context: Context, absolute: str) -> Text:
    """Read the machine's file ``absolute``; undecodable bytes become U+FFFD, NULs stay."""
    try:
        with open(context.path(absolute), "rb") as stream:
            data = b"".join(_blocks(stream))
    except (FileNotFoundError, NotADirectoryError):
        return Text(absolute, None, None)
    except OSError as error:
        return Text(absolute, None, "%s could not be read: %s" % (absolute, error.strerror or error))
    return Text(absolute, data.decode("utf-8", "replace"), None)


def _blocks(stream: BinaryIO) -> Iterator[bytes]:
    for _ in range(READ_LIMIT // BLOCK):
        block = stream.read(BLOCK)
        if not block:
            return
        yield block
