"""How the runner asks releases of every age for a provider, and that it tells what it got."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.templates import bundles
from tests.unit.templates.bundles import Network

if TYPE_CHECKING:
    from pathlib import Path

runner = bundles.load_script("scrfd")
CPU, CUDA, TENSORRT = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"


class _Session:
    """A session of any age; ``loads`` are the providers whose libraries can be loaded."""

    loads: tuple[str, ...] = (CUDA, CPU)
    seen: Any = None

    def _take(self, providers: Any) -> None:
        names = [entry if isinstance(entry, str) else entry[0] for entry in providers]
        self.names = [name for name in names if name in self.loads] or [CPU]

    def get_providers(self) -> list[str]:
        return self.names

    def get_outputs(self) -> list[Any]:
        return [SimpleNamespace(name="out")]


class Oldest(_Session):
    """1.0: every provider of the build is used, unless another list is set afterwards."""

    def __init__(self, path_or_bytes: str, sess_options: Any = None) -> None:
        del path_or_bytes, sess_options
        self._take([CUDA, CPU])

    def set_providers(self, providers: list[str]) -> None:
        type(self).seen = providers
        self._take(providers)


class Middle(_Session):
    """1.1 to 1.6: names only, and a provider that cannot be loaded raises."""

    def __init__(self, path_or_bytes: str, sess_options: Any = None, providers: Any = ()) -> None:
        del path_or_bytes, sess_options
        type(self).seen = providers
        if CUDA in providers and CUDA not in self.loads:
            raise RuntimeError("CUDA failure 35: CUDA driver version is insufficient")
        self._take(providers)


class Later(_Session):
    """1.7 and later: names or (name, options); unknown names raise; a missing library only warns."""

    def __init__(
        self,
        path_or_bytes: str,
        sess_options: Any = None,
        providers: Any = None,
        provider_options: Any = None,
    ) -> None:
        del path_or_bytes, provider_options
        if not providers:
            raise ValueError("This ORT build has other providers enabled. ORT 1.9 requires to set providers")
        if any(entry == "Unknown" for entry in providers):
            raise ValueError("Specified provider 'Unknown' is unavailable.")
        type(self).seen = (sess_options, providers)
        print("EP Error: a release that prints")
        self._take(providers)

    def disable_fallback(self) -> None:
        self.fallback = False


def _install(
    monkeypatch: pytest.MonkeyPatch, session: type[_Session], offered: tuple[str, ...], loads: tuple[str, ...]
) -> Any:
    monkeypatch.setattr(session, "loads", loads)
    monkeypatch.setattr(session, "seen", None)
    module: Any = ModuleType("onnxruntime")
    module.__version__ = "1.x"
    module.InferenceSession = session
    module.get_available_providers = lambda: list(offered)
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(bundles.write_model(tmp_path, b"", Network().spec()))


@pytest.mark.parametrize("session", [Oldest, Middle, Later])
def test_a_provider_that_works_is_first_and_no_problem_is_told(
    monkeypatch: pytest.MonkeyPatch, folder: str, session: type[_Session]
) -> None:
    _install(monkeypatch, session, (CUDA, CPU), (CUDA, CPU))
    detector = runner.SCRFD(folder, providers=[CUDA])
    assert (detector.requested, detector.providers, detector.problem) == ([CUDA], [CUDA, CPU], None)


@pytest.mark.parametrize("session", [Oldest, Middle, Later])
def test_the_cpu_is_used_where_it_is_asked_for_although_the_build_has_cuda(
    monkeypatch: pytest.MonkeyPatch, folder: str, session: type[_Session]
) -> None:
    _install(monkeypatch, session, (CUDA, CPU), (CUDA, CPU))
    assert runner.SCRFD(folder, providers=[CPU]).providers == [CPU]


def test_without_a_manifest_the_cpu_is_asked_for_and_with_one_what_it_expects(
    monkeypatch: pytest.MonkeyPatch, folder: str, tmp_path: Path
) -> None:
    _install(monkeypatch, Later, (TENSORRT, CUDA, CPU), (CUDA, CPU))
    assert runner.SCRFD(folder).requested == [CPU]
    (tmp_path / "manifest.json").write_text('{"target": {"expected_providers": ["CUDAExecutionProvider"]}}')
    assert runner.SCRFD(folder).providers == [CUDA, CPU]
    (tmp_path / "manifest.json").write_text('{"target": null}')
    with pytest.raises(runner.ScrfdError, match=r"has no list target\.expected_providers"):
        runner.SCRFD(folder)


@pytest.mark.parametrize("session", [Oldest, Middle, Later])
def test_a_provider_that_the_build_lacks_is_not_asked_for_but_told(
    monkeypatch: pytest.MonkeyPatch, folder: str, session: type[_Session]
) -> None:
    _install(monkeypatch, session, (CPU,), (CPU,))
    detector = runner.SCRFD(folder, providers=["Unknown"])
    assert detector.requested == ["Unknown"]
    assert detector.providers == [CPU]
    assert detector.problem == "onnxruntime 1.x has only CPUExecutionProvider"


def test_a_provider_that_raises_is_left_for_the_cpu_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    _install(monkeypatch, Middle, (CUDA, CPU), (CPU,))
    detector = runner.SCRFD(folder, providers=[CUDA])
    assert detector.providers == [CPU]
    assert "CUDA driver version is insufficient" in detector.problem


def test_a_library_that_does_not_load_shows_in_the_active_providers(
    monkeypatch: pytest.MonkeyPatch, folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _install(monkeypatch, Later, (CUDA, CPU), (CPU,))
    detector = runner.SCRFD(folder, providers=[CUDA])
    assert (detector.requested, detector.providers) == ([CUDA], [CPU])
    assert detector.problem == "onnxruntime offers it, but could not load it: see what it printed"
    assert detector._session.fallback is False
    printed = capsys.readouterr()
    assert printed.out == ""  # standard output may be JSON
    assert "EP Error" in printed.err


def test_options_reach_releases_that_take_them_and_are_refused_by_the_others(
    monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    _install(monkeypatch, Later, (CUDA, CPU), (CUDA, CPU))
    entry = (CUDA, {"device_id": 1})
    detector = runner.SCRFD(folder, providers=[entry], session_options="options")
    assert detector.requested == [CUDA]
    assert Later.seen == ("options", [entry, CPU])
    _install(monkeypatch, Middle, (CUDA, CPU), (CUDA, CPU))
    detector = runner.SCRFD(folder, providers=[entry])
    assert detector.providers == [CPU]
    assert "takes no provider options" in detector.problem


@pytest.mark.parametrize(("asked", "wheels", "calls"), [(CUDA, True, 1), (CUDA, False, 0), (CPU, True, 0)])
def test_cuda_of_the_nvidia_wheels_is_loaded_where_it_is_wanted_and_there(
    monkeypatch: pytest.MonkeyPatch, folder: str, asked: str, wheels: bool, calls: int
) -> None:
    module = _install(monkeypatch, Later, (CUDA, CPU), (CUDA, CPU))
    called = []
    module.preload_dlls = lambda: called.append(1)
    there = {"nvidia": object()} if wheels else {}
    monkeypatch.setattr(runner.importlib.util, "find_spec", there.get)
    runner.SCRFD(folder, providers=[asked])
    assert len(called) == calls


def test_a_model_that_cannot_be_loaded_anywhere_is_a_sentence(tmp_path: Path) -> None:
    bundles.write_model(tmp_path, b"version https://git-lfs.github.com/spec/v1", Network().spec())
    with pytest.raises(runner.ScrfdError, match=r"onnxruntime [\d.]+ cannot load .*model\.onnx: "):
        runner.SCRFD(str(tmp_path))
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(runner.ScrfdError, match="cannot load"):
        runner.SCRFD(str(tmp_path))


def test_a_namespace_left_by_a_half_removed_package_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    module: Any = ModuleType("onnxruntime")
    module.__path__ = ["/site-packages/onnxruntime"]
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    with pytest.raises(runner.ScrfdError, match=r"\['/site-packages/onnxruntime'\] is no whole onnxruntime"):
        runner.SCRFD(folder)
