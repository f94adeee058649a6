"""The report says the same in text, colour and JSON, and every template can be filled."""

from __future__ import annotations

import io
import string
from functools import cache
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from ortdoctor import data
from ortdoctor.diagnose.findings import Copy, Finding, Needed, Supplier
from ortdoctor.diagnose.judge import judge
from ortdoctor.diagnose.order import roots
from ortdoctor.report import console, text, words
from ortdoctor.report import json as json_report
from ortdoctor.report.libraries import table
from tests import recorded


def rendered(name: str, **options: Any) -> str:
    document = recorded.machine(name)["document"]
    return text.render(judge(document, recorded.matrix()), document, recorded.causes(), **options)


@cache
def schema() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(data.compat_json("schema/report.schema"))


@pytest.mark.parametrize("name", recorded.MACHINES)
def test_json_is_of_the_schema(name: str) -> None:
    document = recorded.machine(name)["document"]
    report = judge(document, recorded.matrix())
    told = json_report.document(report, document, recorded.causes(), "0.1.0")
    schema().validate(told)
    assert told["facts"] == document["facts"]
    causes = [row["id"] for row in told["findings"] if row["under"] is None]
    assert causes == recorded.machine(name)["expect"]["findings"]
    assert json_report.dumps(told).isascii()


@pytest.mark.parametrize("name", recorded.MACHINES)
def test_every_finding_has_its_words_filled(name: str) -> None:
    shown = rendered(name)
    assert words.UNKNOWN not in shown
    assert "{" not in shown.split("What fits")[0].replace("${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}", "")


@pytest.mark.parametrize("name", recorded.MACHINES)
def test_text_and_console_say_the_same(name: str) -> None:
    document = recorded.machine(name)["document"]
    report = judge(document, recorded.matrix())
    stream = io.StringIO()
    wide = Console(file=stream, width=10_000, color_system=None, force_terminal=False)
    for verbose in (False, True):
        plain = text.render(report, document, recorded.causes(), verbose=verbose)
        stream.seek(0)
        stream.truncate()
        console.print_report(wide, report, document, recorded.causes(), verbose=verbose)
        assert stream.getvalue().split() == plain.split()


def test_a_healthy_machine_is_six_lines() -> None:
    lines = rendered("linux-cpu-only").splitlines()
    assert [line[:3] for line in lines] == ["[\u2713]"] * 5 + ["", "[\u2713]"]
    assert lines[-1] == "[\u2713] Healthy: nothing is wrong."


def test_the_first_error_is_the_verdict() -> None:
    shown = rendered("linux-driver470-with-cuda12-build")
    lines = shown.splitlines()
    assert lines[-1] == "[\u2717] 1 problem. First: The NVIDIA driver is too old for this build."
    assert "[\u2717] GPU and driver (Tesla T4 (7.5), driver 470.57.02, up to CUDA 11.4)" in lines
    assert "needs driver 525.60.13 or newer on Linux" in " ".join(shown.split())


def test_verbose_shows_every_fact_with_its_source() -> None:
    shown = " ".join(rendered("linux-driver-hangs", verbose=True).split())
    assert "gpu.driver_version: 535.104.05 (/proc/driver/nvidia/version)" in shown
    assert "gpu.cuda_api: not known: the child that loads libcuda.so.1 gave no answer within 20 s" in shown
    assert "system.container: none" in shown


def test_ascii_fallback() -> None:
    shown = rendered("linux-driver470-with-cuda12-build", ascii_only=True)
    assert shown.isascii()
    assert "[X] GPU and driver" in shown
    assert "[OK] System" in shown
    assert text.encodes("utf-8")
    assert not any(text.encodes(name) for name in ("cp1252", "ascii", None, "no-such"))


def test_the_console_has_colour_and_falls_back_to_ascii() -> None:
    document = recorded.machine("linux-driver470-with-cuda12-build")["document"]
    report = judge(document, recorded.matrix())
    colour = Console(
        file=io.StringIO(), force_terminal=True, color_system="standard", width=120, no_color=False
    )
    console.print_report(colour, report, document, recorded.causes())
    assert "\x1b[" in colour.file.getvalue()  # type: ignore[attr-defined]
    written = io.BytesIO()
    latin = io.TextIOWrapper(written, encoding="latin-1")
    console.print_report(Console(file=latin, width=120), report, document, recorded.causes())
    latin.flush()
    assert b"[X] GPU and driver" in written.getvalue()


def test_commands_are_never_wrapped() -> None:
    document = recorded.machine("linux-no-cuda-libraries")["document"]
    report = judge(document, recorded.matrix())
    narrow = Console(file=io.StringIO(), width=60, color_system=None)
    console.print_report(narrow, report, document, recorded.causes())
    command = report.findings[0].commands[0]
    assert len(command) > 100
    assert command in rendered("linux-no-cuda-libraries")
    assert command in narrow.file.getvalue()  # type: ignore[attr-defined]


def test_the_same_commands_are_told_once() -> None:
    document = recorded.machine("windows10-cuda10.0-driver456")["document"]
    report = judge(document, recorded.matrix())
    first, second = roots(report.findings)
    assert first.commands == second.commands
    shown = rendered("windows10-cuda10.0-driver456")
    assert shown.count(first.commands[0]) == 1
    assert " ".join(shown.split()).count(words.SAME_COMMANDS) == 1


def test_the_root_cause_is_told_first_and_its_consequences_below_it() -> None:
    lines = rendered("windows10-cuda10.0-driver411").splitlines()
    assert lines[0] == "[\u2717] The NVIDIA driver is too old for this build"
    heads = [line for line in lines if line.startswith("[")]
    # One cause, five groups, the verdict: what follows from the cause is told inside it.
    assert len(heads) == 7
    below = [line for line in lines if line.startswith("    i ")]
    assert "    i The build is for another major version of CUDA than is installed" in below
    assert lines.index(below[0]) < lines.index(heads[1])
    assert lines[-1].endswith("1 problem. First: The NVIDIA driver is too old for this build.")


def test_every_missing_library_is_listed_with_who_brings_it_and_where_it_was_looked_for() -> None:
    shown = " ".join(rendered("linux-no-cuda-libraries").split())
    for soname, wheel in (
        ("libcublasLt.so.12", "nvidia-cublas-cu12"),
        ("libcufft.so.11", "nvidia-cufft-cu12"),
        ("libcurand.so.10", "nvidia-curand-cu12"),
        ("libcudnn.so.9", "nvidia-cudnn-cu12==9.*"),
    ):
        assert f"- {soname}: not found; comes with {wheel} (pip)" in shown
    assert shown.count("- Looked in: $ORIGIN; LD_LIBRARY_PATH; loader cache;") == 1


def test_a_table_names_the_copy_that_wins_and_groups_what_was_searched() -> None:
    soname = "libcublas.so.12"
    copies = [Copy(f"/c/{soname}", soname, "12.1", wins=True), Copy(f"/v/{soname}", soname, None, wins=False)]
    searched = ["RUNPATH /b", "RUNPATH /c", "ld.so.cache", "system /d", "system /e"]
    away, old = Copy("/far/libx.so.1", "libx.so.1", None, wins=False), Copy("/o/x", "libx.so.0", "0.9", wins=False)
    told = table(
        [
            Needed("libx.so.1", None, None, ["RUNPATH /a"], [], [away, old]),
            Needed("liby.so.1", None, None, ["RUNPATH /a"], [], [old]),
            Needed("libcuda.so.1", soname, None, searched, [Supplier("driver", "NVIDIA")], []),
            Needed(soname, None, f"/c/{soname}", ["RUNPATH /a"], [], copies),
        ]
    )
    assert told == [
        "libx.so.1: not found; where the loader does not look: /far/libx.so.1",
        "liby.so.1: not found; of another version: /o/x (0.9)",
        "libcuda.so.1: not found (needed by libcublas.so.12); comes with the NVIDIA driver",
        "libcublas.so.12: the loader takes /c/libcublas.so.12 (12.1); not /v/libcublas.so.12",
        "Looked for libx.so.1, liby.so.1 in: RUNPATH /a",
        "Looked for libcuda.so.1 in: RUNPATH /b, /c; ld.so.cache; system /d, /e",
    ]


def test_a_file_that_the_loader_does_not_take_is_not_said_to_be_out_of_its_reach() -> None:
    cut = Copy("/v/libx.so.1", "libx.so.1", None, wins=False)
    searched = ["LD_LIBRARY_PATH /v", "/v/libx.so.1: not an ELF file that can be read (it is cut)"]
    told = table([Needed("libx.so.1", None, None, searched, [], [cut])])
    assert told[0] == "libx.so.1: not taken: /v/libx.so.1: not an ELF file that can be read (it is cut)"


def test_a_gpu_package_that_no_gpu_misses_is_not_explained_at_length() -> None:
    assert "libcublas" not in rendered("cloud-gpu-package-without-gpu")
    assert "libcublas" in rendered("cloud-gpu-package-without-gpu", verbose=True)


def test_escapes_in_facts_are_not_printed() -> None:
    evil = "\x1b]0;x\x07\u202egood\nnext"
    document = recorded.document({"system.distribution": {"id": evil, "pretty_name": evil}}, "linux-cpu-only")
    report = judge(document, recorded.matrix())
    shown = text.render(report, document, recorded.causes(), verbose=True)
    assert not {"\x1b", "\x07", "\u202e"} & set(shown)


def test_templates_need_no_more_than_simple_names() -> None:
    for row in recorded.causes():
        for template in (*row["detail"].values(), *row["remedy"].values()):
            for _, name, form, conversion in string.Formatter().parse(template):
                assert name is None or name.isidentifier(), (row["id"], template)
                assert not form
                assert not conversion


def test_missing_values_and_unknown_causes_do_not_raise() -> None:
    plan = judge(recorded.machine("linux-cpu-only")["document"], recorded.matrix()).plan
    known = words.by_id(recorded.causes())
    said = words.finding(Finding("driver_too_old", "no such", "error", {}, [], []), known, plan)
    assert words.UNKNOWN in said.detail
    assert (
        words.finding(Finding("brand_new", "default", "error", {}, [], []), known, plan).title == "brand_new"
    )
    assert words.filled("{a}{b}", {"a": "x" * 999, "b": None}).endswith(".." + words.UNKNOWN)


def test_a_probe_without_an_answer_is_told() -> None:
    shown = rendered("linux-nvidia-smi-hangs-session-works")
    assert "[\u2713] GPU and driver" in shown
    assert "i Not known: gpu.nvidia_smi\n      /usr/bin/nvidia-smi gave no answer within 20 s" in shown


def test_a_group_whose_answer_is_not_known_is_open() -> None:
    shown = rendered("linux-driver-hangs")
    assert "[?] GPU and driver" in shown
    assert shown.count("the child that loads libcuda.so.1 gave no answer") == 1


@pytest.mark.parametrize(
    ("name", "mark"),
    [("linux-no-cuda-libraries", "!"), ("linux-gpu-healthy-cuda12-wheels", "\u2713"), ("linux-cpu-only", "\u2713")],
)
def test_a_session_that_lost_cuda_is_marked_wherever_the_cause_stands(name: str, mark: str) -> None:
    assert f"[{mark}] ONNX Runtime" in rendered(name)
