import os
import sys
from pathlib import Path
from typing import Any

import pytest

from ortdoctor.probe import ort, ort_use
from ortdoctor.probe.context import Context, here
from ortdoctor.probe.fact import Facts

from .native import library
from .sites import NUMPY, fake, install

KEYS = {
    "ort.distributions",
    "ort.folder",
    "ort.module",
    "ort.elsewhere",
    "ort.import",
    "ort.version",
    "ort.build_info",
    "ort.cuda_build",
    "ort.device",
    "ort.available_providers",
    "ort.provider_libraries",
    "ort.session",
    "ort.preload",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return a site folder that comes before the real one, with a numpy that is quick to import."""
    folder = tmp_path / "lib" / "site-packages"
    (folder / "numpy").mkdir(parents=True)
    (folder / "numpy" / "__init__.py").write_text(NUMPY)
    return folder


def context(site: Path, **env: str) -> Context:
    cwd = site.parents[1] / "work"
    cwd.mkdir(exist_ok=True)
    return here()._replace(cwd=str(cwd), env=dict(os.environ, PYTHONPATH=str(site), **env))


def values(facts: Facts) -> dict[str, Any]:
    """Return the values, and check what holds for all documents."""
    assert set(facts) == KEYS
    assert all(set(fact) == {"value", "source", "error"} and fact["source"] for fact in facts.values())
    assert all(fact["value"] is None or fact["error"] is None for fact in facts.values())
    return {key.partition(".")[2]: fact["value"] for key, fact in facts.items()}


def test_a_whole_installation(site: Path) -> None:
    built = "package_name = 'onnxruntime'\n__version__ = '1.19.0'\ncuda_version = ''\n"
    files = {"onnxruntime/__init__.py": fake(), "onnxruntime/capi/build_and_package_info.py": built}
    install(site, "onnxruntime", "1.19.0", files)
    told = values(ort.collect(context(site)))
    ours = [item for item in told["distributions"] if item["location"] == str(site)]
    assert ours == [
        {"name": "onnxruntime", "version": "1.19.0", "location": str(site), "missing": [], "changed": [], "files": 2}
    ]
    assert told["module"] == {
        "file": str(site / "onnxruntime" / "__init__.py"),
        "kind": "package",
        "shadows": False,
        "location": str(site),
    }
    assert told["import"]["ok"] is True
    assert (told["version"], told["device"], told["cuda_build"]) == ("1.19.0", "CPU", None)
    assert told["available_providers"] == ["CPUExecutionProvider"]
    assert told["preload"] == {"available": False}
    assert told["build_info"] is None
    assert told["session"] == {
        "cpu": {
            "requested": ["CPUExecutionProvider"],
            "active": ["CPUExecutionProvider"],
            "error": None,
            "error_type": None,
            "stderr": "",
            "exit": 0,
            "signal": None,
        },
        "cuda": None,
    }


def test_a_module_in_the_current_folder_shadows_the_installed_one(site: Path) -> None:
    install(site, "onnxruntime", "1.19.0", {"onnxruntime/__init__.py": fake()})
    box = context(site)
    Path(box.cwd, "onnxruntime.py").write_text("")
    told = values(ort.collect(box))
    assert told["module"]["kind"] == "module"
    assert told["module"]["shadows"] is True
    assert told["module"]["location"] == box.cwd
    assert told["folder"]["path"] == str(site / "onnxruntime")
    assert told["session"]["cpu"]["error_type"] == "AttributeError"
    assert "InferenceSession" in told["session"]["cpu"]["error"]


def test_a_leftover_folder_is_a_namespace_but_no_shadow(site: Path) -> None:
    install(site, "onnxruntime", "1.19.0", {"onnxruntime/__init__.py": fake(), "onnxruntime/capi/x.py": ""})
    (site / "onnxruntime" / "__init__.py").unlink()
    # A regular package goes before a namespace, and the tests' own interpreter may have one.
    alone = f"import sys\nsys.path[:] = [p for p in sys.path if 'site-packages' not in p or p == {str(site)!r}]\n"
    (site / "sitecustomize.py").write_text(alone)
    told = values(ort.collect(context(site)))
    assert told["module"] == {"file": None, "kind": "namespace", "shadows": False, "location": str(site)}
    assert told["folder"]["has_init"] is False
    assert told["distributions"][0]["missing"] == ["onnxruntime/__init__.py"]


def test_an_import_that_fails_keeps_its_warnings_and_what_the_files_know(site: Path) -> None:
    broken = (
        "import warnings, os\nwarnings.warn('Cannot load onnxruntime.capi. Error: libx')\nos.write(2, b'native\\n')\n"
    )
    broken += "print('printed')\nfrom os import get_all_providers\n"
    built = "__version__ = '1.9.0'\ncuda_version = '11.4'\n"
    files = {"onnxruntime/__init__.py": broken, "onnxruntime/capi/build_and_package_info.py": built}
    install(site, "onnxruntime", "1.9.0", files)
    facts = ort.collect(context(site))
    told = values(facts)
    assert told["import"]["ok"] is False
    assert told["import"]["error_type"] == "ImportError"
    assert "get_all_providers" in told["import"]["error"]
    assert told["import"]["warnings"] == ["UserWarning: Cannot load onnxruntime.capi. Error: libx"]
    assert told["import"]["stderr"].split() == ["native", "printed"]
    assert (told["import"]["exit"], told["import"]["signal"]) == (1, None)
    assert (told["version"], told["cuda_build"]) == ("1.9.0", "11.4")
    for key in ("session", "device", "available_providers", "build_info", "preload"):
        assert told[key] is None
        assert "could not be imported" in str(facts["ort." + key]["error"])


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
@pytest.mark.parametrize(
    ("where", "imported"), [("import", False), ("create", True), ("run", True)], ids=["import", "create", "run"]
)
def test_a_crash_is_told_where_it_happened(where: str, imported: bool, site: Path) -> None:
    crash = "import ctypes; ctypes.string_at(0)"
    text = {
        "import": crash + "\n",
        "create": fake().replace("self.providers = providers", crash),
        "run": fake().replace("return [_Result", f"{crash}; return [_Result"),
    }[where]
    install(site, "onnxruntime", "1.19.0", {"onnxruntime/__init__.py": text})
    box = context(site, PYTHONFAULTHANDLER="1")
    facts = ort.collect(box)
    told = values(facts)
    assert told["import"]["ok"] is imported
    assert told["import"]["signal"] == (None if imported else "SIGSEGV")
    if imported:
        assert told["session"]["cpu"]["signal"] == "SIGSEGV"
        assert "SIGSEGV" in told["session"]["cpu"]["error"]
        assert told["session"]["cpu"]["active"] == (["CPUExecutionProvider"] if where == "run" else [])
        assert "Fatal Python error" not in told["session"]["cpu"]["stderr"]
    else:
        assert "could not be imported" in str(facts["ort.session"]["error"])
    assert not list(Path(box.cwd).iterdir())  # no core file


def test_wrong_numbers_are_an_error(site: Path) -> None:
    install(site, "onnxruntime", "1.19.0", {"onnxruntime/__init__.py": fake(output="[207.0, 306.0, 351.0, 0.0]")})
    session = values(ort.collect(context(site)))["session"]["cpu"]
    assert session["error_type"] == "WrongResult"
    assert "522.0" in session["error"]


def test_an_import_that_hangs_is_told_as_one(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "onnxruntime", "1.19.0", {"onnxruntime/__init__.py": "import time; time.sleep(60)"})
    monkeypatch.setattr(ort_use, "LIMIT", 1.5)
    facts = ort.collect(context(site))
    imported = values(facts)["import"]
    assert (imported["ok"], imported["hangs"], imported["exit"]) == (False, True, None)
    assert "gave no answer within 1.5 s" in imported["error"]
    assert facts["ort.session"]["value"] is None


@pytest.mark.parametrize(
    ("source", "signal", "error"),
    [
        ("import os; os.kill(os.getpid(), 7)", "SIGBUS", "was ended by SIGBUS"),
        ("raise ImportError('the file is cut')", None, "ImportError: the file is cut"),
        ("import time; time.sleep(60)", None, "gave no answer within 1.5 s"),
    ],
)
def test_numpy_is_asked_alone_where_the_import_fails(
    site: Path, monkeypatch: pytest.MonkeyPatch, source: str, signal: str | None, error: str
) -> None:
    install(site, "onnxruntime", "1.19.0", {"onnxruntime/__init__.py": "import numpy", "numpy/__init__.py": source})
    monkeypatch.setattr(ort_use, "LIMIT", 1.5)
    monkeypatch.setattr(ort_use, "NUMPY_LIMIT", 1.5)
    told = values(ort.collect(context(site)))["import"]["numpy"]
    assert (told["ok"], told["signal"]) == (False, signal)
    assert error in told["error"]


def test_numpy_is_whole_where_only_onnxruntime_fails(site: Path) -> None:
    broken = {"onnxruntime/__init__.py": "raise ImportError('no')", "numpy/__init__.py": ""}
    install(site, "onnxruntime", "1.19.0", broken)
    assert values(ort.collect(context(site)))["import"]["numpy"] == {"ok": True, "error": None, "signal": None}


SESSIONS = {
    "0.5.0": """
class InferenceSession:
    def __init__(self, model, options): pass
    def run(self, names, feeds): return [_Result(OUT)]
""",
    "1.0.0": """
class InferenceSession:
    def __init__(self, model, options): self.providers = []
    def set_providers(self, providers): self.providers = providers
    def get_providers(self): return self.providers
    def run(self, names, feeds): return [_Result(OUT)]
""",
    "1.2.0": """
class InferenceSession:
    def __init__(self, model, options, providers=[]): self.providers = providers
    def get_providers(self): return self.providers
    def run(self, names, feeds): return [_Result(OUT)]
""",
}

#: What these releases have apart from the session.
REST = """
__version__ = "{version}"
OUT = [207.0, 306.0, 351.0, 522.0]
class SessionOptions: pass
class _Result(list):
    def ravel(self): return self
    def tolist(self): return list(self)
def get_device(): return "CPU"
"""


@pytest.mark.parametrize("version", SESSIONS)
def test_providers_are_chosen_by_the_way_of_the_release(version: str, site: Path) -> None:
    text = REST.format(version=version) + SESSIONS[version]
    install(site, "onnxruntime", version, {"onnxruntime/__init__.py": text})
    session = values(ort.collect(context(site)))["session"]["cpu"]
    assert (session["error"], session["active"]) == (None, ["CPUExecutionProvider"])


def test_the_gpu_is_tried_where_a_file_or_the_release_itself_tells_of_it(site: Path) -> None:
    both = '["CUDAExecutionProvider", "CPUExecutionProvider"]'
    text = fake(providers=both).replace(
        'return ["CPU', "import os; os.write(2, b'\\x1b[31mFailed\\x1b[m'); return [\"CPU"
    )
    install(site, "onnxruntime-gpu", "1.19.0", {"onnxruntime/__init__.py": text})
    late = values(ort.collect(context(site)))["session"]["cuda"]
    library(site / "onnxruntime" / "capi" / "libonnxruntime_providers_cuda.so")
    told = values(ort.collect(context(site)))
    assert late == told["session"]["cuda"]
    assert late["requested"] == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert (late["active"], late["stderr"]) == (["CPUExecutionProvider"], "Failed")
    assert [item["provider"] for item in told["provider_libraries"]] == ["CUDAExecutionProvider"]


def test_nothing_installed_is_told_with_the_search(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    hide = tmp_path / "hide"
    hide.mkdir()
    # An import hook of the child's own site hides the onnxruntime that the tests' interpreter has.
    (hide / "sitecustomize.py").write_text(
        "import sys\nsys.path[:] = [p for p in sys.path if not p.endswith('site-packages')]\n"
    )
    box = here()._replace(cwd=str(empty), env=dict(os.environ, PYTHONPATH=str(hide)))
    facts = ort.collect(box)
    told = values(facts)
    assert (told["module"], told["folder"], told["distributions"]) == (None, None, [])
    assert facts["ort.module"]["error"] is None
    assert str(hide) in str(facts["ort.module"]["source"])
    assert told["import"]["error_type"] == "ModuleNotFoundError"
    assert sys.executable in str(facts["ort.import"]["source"])
