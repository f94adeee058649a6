"""What ``check`` does, whichever command line asked: facts, a judgement, a record of the facts."""

import sys
from typing import Optional

from ortdoctor import data
from ortdoctor.commands import machine
from ortdoctor.commands.asked import Asked, Checked
from ortdoctor.errors import UsageError
from ortdoctor.probe.together import later

__all__ = ["Asked", "Checked", "check", "hint"]


def check(asked: Asked) -> Checked:
    """Probe or read a machine and judge it; what the rules need is loaded while the probe's children run."""
    if asked.fix or asked.yes:
        _must_be_usable(asked)
    if asked.facts is None:
        # The first child starts with it: before the rules, whose loading would slow it down.
        from ortdoctor.probe import gather  # noqa: PLC0415, F401 - a recorded machine needs no probe
    probed = later(
        lambda: machine.facts_document(asked.facts, asked.python, asked.model, static=asked.static, root=asked.root)
    )
    from ortdoctor.diagnose.judge import judge  # noqa: PLC0415 - the children run meanwhile

    matrix, causes = data.matrix(), data.compat_json("causes")
    document = probed()
    if asked.save_facts is not None:
        machine.write_record(document, asked.save_facts)
    return Checked(judge(document, matrix, strict=asked.strict), document, causes)


def _must_be_usable(asked: Asked) -> None:
    from ortdoctor.commands import fix  # noqa: PLC0415 - a check alone needs nothing of it

    refusal = fix.refusal(asked)
    if refusal is not None:
        raise UsageError(refusal)


def hint(asked: Asked, program: str) -> Optional[str]:
    """Return what to say of an activated environment that is not the one that was checked; None mostly."""
    named = asked.facts is not None or asked.python is not None or asked.root is not None
    other = None if named else machine.other_environment()
    if other is None:
        return None
    return "This is the environment of %s; the activated one is another: %s check --python %s" % (
        sys.executable,
        program,
        other,
    )
