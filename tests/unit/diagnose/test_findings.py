"""The verdict and its exit code are computed in one place."""

from __future__ import annotations

import pytest

from ortdoctor.diagnose.findings import Finding, Undetermined, exit_code, verdict

LEFT_OPEN = [Undetermined("nvidia_driver", ["gpu.driver_version"])]


def finding(severity: str) -> Finding:
    return Finding("benign", "default", severity, {}, ["system.os"], [])


@pytest.mark.parametrize(
    ("severities", "left_open", "strict", "expected"),
    [
        ([], False, False, "healthy"),
        ([], True, False, "undetermined"),
        (["warning", "info"], False, False, "healthy"),
        (["warning"], False, True, "problems"),
        (["info"], False, True, "healthy"),
        (["warning"], True, False, "undetermined"),
        (["error"], True, False, "problems"),
    ],
)
def test_verdict(severities: list[str], left_open: bool, strict: bool, expected: str) -> None:
    found = [finding(severity) for severity in severities]
    assert verdict(found, LEFT_OPEN if left_open else [], strict=strict) == expected


def test_exit_codes() -> None:
    assert [exit_code(name) for name in ("healthy", "problems", "undetermined")] == [0, 1, 3]
