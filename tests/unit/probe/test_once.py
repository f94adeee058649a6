import threading

import pytest

from ortdoctor.probe.context import here
from ortdoctor.probe.once import Memo


def test_those_who_ask_meanwhile_wait_for_the_first() -> None:
    memo, calls, seen = Memo(), [], []
    started, go = threading.Event(), threading.Event()

    def make() -> int:
        calls.append(1)
        started.set()
        go.wait(20)
        return len(calls)

    threads = [threading.Thread(target=lambda: seen.append(memo.get("x", make))) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert started.wait(20)
    assert memo.get("other", lambda: "y") == "y"  # one name does not wait for another
    go.set()
    for thread in threads:
        thread.join(20)
    assert (calls, seen) == ([1], [1, 1, 1])


def test_what_raises_is_not_kept() -> None:
    memo = Memo()
    with pytest.raises(ZeroDivisionError):
        memo.get("x", lambda: 1 // 0)
    assert memo.get("x", lambda: 2) == 2


def test_a_context_without_a_memo_keeps_nothing() -> None:
    calls: list[int] = []
    box = here()
    for _ in range(2):
        box.once("x", lambda: calls.append(1))
    assert calls == [1, 1]
