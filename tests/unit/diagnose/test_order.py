"""Findings are told by cause: roots in the order in which things have to hold, each with what follows from it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortdoctor.diagnose import order
from ortdoctor.diagnose.findings import SEVERITIES, Finding
from ortdoctor.diagnose.judge import judge
from tests import recorded

FAMILIES = {row["id"]: row["family"] for row in recorded.causes()}


def finding(cause: str, severity: str = "error", under: str | None = None) -> Finding:
    return Finding(cause, "default", severity, {}, ["system.os"], ["a command"], under=under)


def arranged(*found: Finding) -> list[tuple[str, str, str | None]]:
    rows = order.arrange(found, lambda cause: FAMILIES.get(cause, ""))
    return [(row.cause, row.severity, row.under) for row in rows]


def test_roots_stand_in_the_order_in_which_things_have_to_hold() -> None:
    wanted = [
        "onnxruntime_not_installed",
        "shadowed_or_source_dir_import",
        "broken_onnxruntime_install",
        "glibc_too_old",
        "wrong_onnxruntime_dll_loaded",
        "both_cpu_and_gpu_packages",
        "driver_too_old",
        "no_gpu_visible",
        "gpu_arch_unsupported",
        "cuda_libs_missing",
        "cudnn_missing",
        "brand_new",
        "cpu_only_package",
    ]
    told = [arranged(finding(second), finding(first))[0][0] for first, second in pairwise(wanted)]
    assert told == wanted[:-1]


def test_severity_comes_before_the_order_of_causes() -> None:
    told = arranged(finding("both_cpu_and_gpu_packages", "warning"), finding("cudnn_missing"))
    assert [cause for cause, _, _ in told] == ["cudnn_missing", "both_cpu_and_gpu_packages"]


def test_a_consequence_follows_its_root_without_commands_and_is_no_error() -> None:
    rows = [
        finding("cuda_provider_fails", under="cudnn_missing"),
        finding("no_gpu_visible", "warning"),
        finding("cudnn_missing"),
    ]
    told = order.arrange(rows, lambda cause: FAMILIES.get(cause, ""))
    assert [(row.cause, row.severity, row.under, row.commands) for row in told] == [
        ("cudnn_missing", "error", None, ["a command"]),
        ("cuda_provider_fails", "info", "cudnn_missing", []),
        ("no_gpu_visible", "warning", None, ["a command"]),
    ]


def test_an_error_below_a_warning_makes_the_warning_an_error() -> None:
    told = arranged(finding("both_cpu_and_gpu_packages", "warning"), finding("cpu_session_fails"))
    assert told == [
        ("both_cpu_and_gpu_packages", "error", None),
        ("cpu_session_fails", "info", "both_cpu_and_gpu_packages"),
    ]


def test_a_chain_ends_at_its_root() -> None:
    told = arranged(
        finding("masked_native_import_error", under="cuda_major_mismatch"),
        finding("cuda_major_mismatch"),
        finding("driver_too_old"),
    )
    assert {under for _, _, under in told[1:]} == {"driver_too_old"}


def test_a_root_that_is_not_there_and_a_ring_lose_nothing() -> None:
    assert arranged(finding("cudnn_missing", under="driver_too_old")) == [("cudnn_missing", "error", None)]
    assert arranged(finding("cudnn_missing", under="cudnn_missing")) == [("cudnn_missing", "error", None)]
    one = finding("cudnn_missing", under="cuda_libs_missing")
    ring = arranged(one, finding("cuda_libs_missing", under="cudnn_missing"))
    assert {cause for cause, _, _ in ring} == {"cudnn_missing", "cuda_libs_missing"}
    assert {under for _, _, under in ring} == {None}


@given(st.data())
def test_no_finding_is_lost_and_each_consequence_is_right_below_its_root(data: st.DataObject) -> None:
    causes = data.draw(st.lists(st.sampled_from(sorted(FAMILIES)), unique=True, max_size=8))
    above = st.none() | st.sampled_from([*causes, "brand_new"])
    found = [finding(cause, data.draw(st.sampled_from(SEVERITIES)), data.draw(above)) for cause in causes]
    told = order.arrange(found, lambda cause: FAMILIES.get(cause, ""))
    assert sorted(row.cause for row in told) == sorted(causes)
    worst = min((SEVERITIES.index(row.severity) for row in found), default=None)
    assert not told or SEVERITIES.index(told[0].severity) == worst
    root = None
    for row in told:
        root = row.cause if row.under is None else root
        assert row.under in (None, root)
        assert row.under is None or (row.severity == "info" and not row.commands)


def test_without_the_vocabulary_the_causes_that_are_named_keep_their_order() -> None:
    told = order.arrange([finding("driver_too_old"), finding("onnxruntime_not_installed")], lambda _: "")
    assert [row.cause for row in told] == ["onnxruntime_not_installed", "driver_too_old"]


def test_what_keeps_from_newer_releases_only_is_not_why_nothing_is_installed() -> None:
    told = arranged(finding("no_wheel_python_version", "warning"), finding("onnxruntime_not_installed"))
    assert told == [("onnxruntime_not_installed", "error", None), ("no_wheel_python_version", "warning", None)]


@pytest.mark.parametrize("strict", [False, True])
def test_consequences_do_not_change_a_verdict(strict: bool) -> None:
    for name in recorded.MACHINES:
        report = judge(recorded.machine(name)["document"], recorded.matrix(), strict=strict)
        bad = ("error", "warning") if strict else ("error",)
        problems = any(row.severity in bad for row in order.roots(report.findings))
        assert problems is (report.verdict == "problems"), name
