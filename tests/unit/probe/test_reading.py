import os
from pathlib import Path

import pytest

from ortdoctor.probe.context import here
from ortdoctor.probe.reading import READ_LIMIT, read_text

from .boxes import Box


def test_a_file_is_read_with_bytes_that_are_no_utf8(box: Box) -> None:
    context = box({"/etc/name": b"caf\xe9\x00"})
    assert read_text(context, "/etc/name") == ("/etc/name", "caf�\x00", None)


@pytest.mark.parametrize("path", ["/etc/missing", "/etc/name/below"])
def test_a_file_that_is_not_there_is_no_error(box: Box, path: str) -> None:
    assert read_text(box({"/etc/name": "x"}), path) == (path, None, None)


def test_a_file_that_cannot_be_read_says_why(box: Box) -> None:
    seen = read_text(box({"/etc/name/file": "x"}), "/etc/name")
    assert seen.text is None
    assert seen.error == "/etc/name could not be read: Is a directory"


def test_a_file_without_end_is_cut(tmp_path: Path) -> None:
    endless = tmp_path / "endless"
    endless.symlink_to("/dev/zero")  # in a root it would lead to the root's own
    assert len(read_text(here(), str(endless)).text or "") == READ_LIMIT


@pytest.mark.skipif(not Path("/proc/sys/kernel/osrelease").exists(), reason="needs Linux")
def test_a_kernel_setting_is_read_whole() -> None:
    # The kernel refuses to fill a buffer of megabytes from /proc/sys.
    assert (read_text(here(), "/proc/sys/kernel/osrelease").text or "").strip() == os.uname().release
