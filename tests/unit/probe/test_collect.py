import re
import threading
from pathlib import Path
from unittest import mock

import pytest

from ortdoctor import __version__
from ortdoctor.probe import collect as module
from ortdoctor.probe import groups as groups_module
from ortdoctor.probe import ort_use
from ortdoctor.probe.collect import KEYS, MODEL_KEYS, collect, completed, version_beside
from ortdoctor.probe.context import Context
from ortdoctor.probe.fact import Facts, absent, failed, found

from .boxes import Box, children_env

DOCS = Path(__file__).parents[3] / "docs" / "facts.md"


def _stand_in(monkeypatch: pytest.MonkeyPatch, **groups: object) -> None:
    for name in ("system", "python_env", "gpu", "cuda", "cudnn", "ort"):
        step = groups.get(name, lambda _context: {})
        monkeypatch.setattr(groups_module, name, mock.Mock(collect=step))
    monkeypatch.setattr(ort_use, "shared", mock.Mock())


def test_the_keys_are_those_that_the_documentation_promises() -> None:
    stated = set(re.findall(r"`((?:system|python|gpu|cuda|cudnn|ort|model)\.[a-z_]+)`", DOCS.read_text()))
    groups = {**KEYS, "model": MODEL_KEYS}
    stated.remove("ort.extension")  # of static documents only
    assert {f"{group}.{key}" for group, keys in groups.items() for key in keys} == stated


def test_a_document_has_every_key_whatever_the_groups_do(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_context: object) -> Facts:
        raise OSError("gone")

    _stand_in(monkeypatch, gpu=broken, cuda=lambda _context: {"cuda.nvcc": absent("PATH")})
    document = collect(box(env=children_env()), version="1.2.3")
    assert (document["schema"], document["ortdoctor"]) == ("ortdoctor.facts/1", "1.2.3")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", document["collected"])
    facts = document["facts"]
    assert set(facts) == {f"{group}.{key}" for group, keys in KEYS.items() for key in keys}
    assert facts["gpu.devices"]["error"] == "OSError: gone"
    assert facts["cuda.nvcc"] == absent("PATH")
    assert facts["cuda.libraries"]["error"] == "the probe of cuda did not answer for it"


def test_a_group_that_never_ends_costs_its_own_facts_only(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def stuck(_context: object) -> Facts:
        release.wait(60)
        return {}

    _stand_in(monkeypatch, ort=stuck, system=lambda _context: {"system.os": found("linux", "test")})
    facts = collect(box(), limit=0.3)["facts"]
    release.set()
    assert facts["system.os"]["value"] == "linux"
    assert facts["ort.session"]["error"] == "ort: no answer within 0.3 s"


def test_a_group_keeps_what_else_it_says() -> None:
    facts = completed("cudnn", {"cudnn.header": found([], "here"), "cudnn.more": found(1, "here")}, KEYS["cudnn"])
    assert list(facts) == ["cudnn.header", "cudnn.runtime", "cudnn.wheels", "cudnn.more"]
    assert completed("gpu", {"gpu": failed("why", "what")}, KEYS["gpu"])["gpu.devices"] == failed("why", "what")


def test_the_version_is_read_from_the_package_around_the_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert version_beside() == __version__
    monkeypatch.setattr(module, "__file__", str(tmp_path / "package" / "probe" / "collect.py"))
    assert version_beside() == "unknown"
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    assert version_beside() == "unknown"


def test_the_steps_of_one_probe_share_what_is_costly(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def step(context: Context) -> Facts:
        context.once("costly", lambda: made.append("x"))
        return {}

    _stand_in(monkeypatch, gpu=step, cuda=step)
    machine = box(env=children_env())
    collect(machine)
    assert made == ["x"]
    collect(machine)  # a second look at a machine is a new one
    assert made == ["x", "x"]


def test_a_recommendation_asks_only_what_is_installed(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(monkeypatch, python_env=lambda context: {"python.full": found(context.memo.full, "here")})
    installed = mock.Mock(installed=lambda _context: {"ort.distributions": found([], "here")})
    monkeypatch.setattr(groups_module, "ort", installed)
    facts = collect(box(env=children_env()), imported=False)["facts"]
    assert facts["python.full"]["value"] is False  # the shared child only looks
    assert "system.os" in facts
    assert [key for key in facts if key.startswith("ort.")] == ["ort.distributions"]
