import os
import sys
import tempfile
from pathlib import Path

import pytest

from ortdoctor.probe import child
from ortdoctor.probe.child import run

from .boxes import program


def _python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def _full(*_: object, **keywords: object) -> None:
    if "dir" not in keywords:
        raise OSError(30, "Read-only file system")
    raise OSError(28, "No space left on device")


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs Linux and Python 3.8")
def test_output_goes_to_memory_where_no_folder_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", _full)
    ran = run(_python("import sys; print('out'); print('err', file=sys.stderr)"))
    assert (ran.exit, ran.out, ran.err, ran.error) == (0, "out\n", "err\n", None)


def test_output_that_has_nowhere_to_go_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "TemporaryFile", _full)
    monkeypatch.delattr(os, "memfd_create", raising=False)
    ran = run(_python("pass"))
    assert (ran.exit, ran.out) == (None, "")
    assert "nowhere to put its output: [Errno 28] No space left on device" in str(ran.error)


def test_what_a_child_printed_and_how_it_ended() -> None:
    ran = run(_python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"))
    assert (ran.exit, ran.out, ran.err, ran.error, ran.signal) == (3, "out\n", "err\n", None, None)


def test_bytes_that_are_no_text_and_windows_line_ends() -> None:
    ran = run(_python(r"import os; os.write(1, b'a\xff\r\nb\r\n')"))
    assert ran.out == "a�\nb\n"


def test_a_signal_has_its_name() -> None:
    assert run(_python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")).signal == "SIGSEGV"


@pytest.mark.parametrize("command", [["/no/such/program"], ["a\0b"]])
def test_a_program_that_cannot_start_is_an_answer(command: list[str]) -> None:
    ran = run(command)
    assert ran.exit is None
    assert "could not be started" in (ran.error or "")


def test_a_child_that_hangs_is_stopped_and_keeps_what_it_said() -> None:
    ran = run(_python("import time; print('first', flush=True); time.sleep(60)"), limit=1.0)
    assert ran.exit is None
    assert ran.out == "first\n"
    assert (ran.error or "").endswith("gave no answer within 1 s")


@pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")
def test_what_a_child_started_is_stopped_with_it(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    script = program(tmp_path / "parent", f"(sleep 2; touch {alive}) &\nsleep 60\n")
    run([str(script)], limit=0.3)
    run(_python("import time; time.sleep(2.5)"))
    assert not alive.exists()


def test_a_grandchild_that_keeps_the_output_open_does_not_hold_us() -> None:
    ran = run(["/bin/sh", "-c", "sleep 5 & echo done"], limit=3.0)
    assert (ran.out, ran.error) == ("done\n", None)


def test_a_child_that_never_reads_does_not_block_the_writer() -> None:
    assert run(_python("print('deaf')"), stdin=b"x" * (4 << 20)).out == "deaf\n"
    assert run(_python("import sys; print(len(sys.stdin.read()))"), stdin=b"x" * 100_000).out == "100000\n"


def test_a_child_that_floods_is_stopped_long_before_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "FLOOD_LIMIT", 2 << 20)
    ran = run(_python("while True: print('garbage' * 1000)"), limit=60.0)
    assert (ran.error or "").endswith("printed more than 2 MiB and was stopped")
    assert len(ran.out) == child.OUTPUT_LIMIT


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    run(_python("print('x')"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "pread"), reason="Windows has no way to read beside the writer")
def test_what_a_child_says_is_seen_while_it_runs() -> None:
    seen: list[str] = []

    def watch(text: str) -> bool:
        seen.append(text)
        return "first" in text

    ran = run(_python("import time; print('first', flush=True); time.sleep(1); print('second')"), watch=watch)
    assert seen[-1] == "first\n"
    assert ran.out == "first\nsecond\n"
