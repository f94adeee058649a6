"""Running probe steps side by side: the work is in their children, so threads are enough."""

import threading
import time
from typing import Callable, Dict, List, Mapping, TypeVar

from .fact import Facts, failed, guarded

Step = Callable[[], Facts]
Result = TypeVar("Result")


def later(work: Callable[[], Result]) -> Callable[[], Result]:
    """Start ``work`` beside us; what is returned waits for its result, or raises what it raised."""
    done: List[Result] = []
    raised: List[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> Result:
        thread.join()
        if raised:
            raise raised[0]
        return done[0]

    return result


def together(steps: Mapping[str, Step], limit: float) -> Dict[str, Facts]:
    """Run ``steps`` side by side and return the facts of each; never raises, never outlives ``limit``.

    A step that raises yields one failed fact under its own name, as :func:`guarded` makes it. So does one
    that is not done after ``limit`` seconds; its thread is left behind as a daemon, and its children have
    limits of their own.
    """
    done: Dict[str, Facts] = {}

    def work(name: str, step: Step) -> None:
        done[name] = guarded(name, step)

    threads: Dict[str, threading.Thread] = {}
    for name, step in steps.items():
        threads[name] = threading.Thread(target=work, args=(name, step), name="probe-" + name, daemon=True)
        threads[name].start()
    deadline = time.monotonic() + limit
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    late = "no answer within %g s" % limit
    return {name: done.get(name, {name: failed("%s: %s" % (name, late), name)}) for name in steps}
