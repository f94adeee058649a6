import os
from pathlib import Path

import pytest

from ortdoctor.probe import ort_installed

from .sites import install


def test_only_distributions_with_files_in_the_folder_are_listed(tmp_path: Path) -> None:
    install(tmp_path, "onnxruntime-gpu", "1.22.0", {"onnxruntime/__init__.py": "x", "onnxruntime/a.pyc": "y"})
    install(tmp_path, "ort-nightly", "1.9.dev1", {"onnxruntime/capi/b.py": "x"})
    install(tmp_path, "onnxruntime-tools", "1.7", {"onnxruntime_tools/__init__.py": "x"})
    install(tmp_path, "onnx", "1.16", {"onnx/onnxruntime/__init__.py": "x"})
    install(tmp_path, "~nnxruntime", "1.0", {"onnxruntime/c.py": "x"})
    found = ort_installed.distributions([str(tmp_path), str(tmp_path), str(tmp_path / "gone.zip")])
    assert [(item.name, item.version, item.location) for item in found] == [
        ("onnxruntime-gpu", "1.22.0", str(tmp_path)),
        ("ort-nightly", "1.9.dev1", str(tmp_path)),
    ]
    assert [file.path for file in found[0].files] == ["onnxruntime/__init__.py"]


def test_two_packages_in_one_folder_show_as_changed_and_missing_files(tmp_path: Path) -> None:
    shared = {"onnxruntime/__init__.py": "gpu", "onnxruntime/capi/state.so": "gpu state", "onnxruntime/LICENSE": "same"}
    install(tmp_path, "onnxruntime-gpu", "1.22.0", {**shared, "onnxruntime/capi/cuda.so": "cuda"})
    install(
        tmp_path,
        "onnxruntime",
        "1.22.0",
        {
            "onnxruntime/__init__.py": "cpu",
            "onnxruntime/capi/state.so": "longer cpu state",
            "onnxruntime/LICENSE": "same",
        },
    )
    (tmp_path / "onnxruntime/capi/cuda.so").unlink()
    cpu, gpu = ort_installed.distributions([str(tmp_path)])
    assert ort_installed.check(cpu) == ([], [])
    assert ort_installed.check(gpu) == (
        ["onnxruntime/capi/cuda.so"],
        ["onnxruntime/__init__.py", "onnxruntime/capi/state.so"],
    )


def test_large_files_are_compared_by_size_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "onnxruntime", "1.0", {"onnxruntime/big.so": b"a" * 100, "onnxruntime/small.so": b"a" * 10})
    (tmp_path / "onnxruntime/big.so").write_bytes(b"b" * 100)
    (tmp_path / "onnxruntime/small.so").write_bytes(b"b" * 10)
    monkeypatch.setattr(ort_installed, "HASH_LIMIT", 50)
    (found,) = ort_installed.distributions([str(tmp_path)])
    assert ort_installed.check(found) == ([], ["onnxruntime/small.so"])


def test_a_larger_file_is_hashed_where_it_was_written_after_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "onnxruntime", "1.0", {"onnxruntime/state.so": b"a" * 100})
    state, record = tmp_path / "onnxruntime/state.so", next(tmp_path.glob("*.dist-info/RECORD"))
    monkeypatch.setattr(ort_installed, "HASH_ANY", 50)
    state.write_bytes(b"b" * 100)
    for later, changed in ((10.0, ["onnxruntime/state.so"]), (-10.0, [])):
        os.utime(state, (record.stat().st_mtime + later,) * 2)
        (found,) = ort_installed.distributions([str(tmp_path)])
        assert ort_installed.check(found) == ([], changed)


def test_an_egg_info_lists_its_files_without_hashes(tmp_path: Path) -> None:
    egg = tmp_path / "onnxruntime-1.2.0-py3.6.egg-info"
    egg.mkdir()
    (egg / "PKG-INFO").write_text("Name: onnxruntime\nVersion: 1.2.0\n")
    (egg / "installed-files.txt").write_text(
        "../onnxruntime/__init__.py\n../onnxruntime/gone.py\nPKG-INFO\n../other/x.py\n"
    )
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime/__init__.py").write_text("")
    (found,) = ort_installed.distributions([str(tmp_path)])
    assert (found.name, found.version, len(found.files)) == ("onnxruntime", "1.2.0", 2)
    assert ort_installed.check(found) == (["onnxruntime/gone.py"], [])


def test_metadata_without_a_list_counts_by_its_top_level_name(tmp_path: Path) -> None:
    for name, top in (("onnxruntime-1.4.0-py3.8.egg-info", "onnxruntime\n"), ("onnx-1.4.0.egg-info", "onnx\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "top_level.txt").write_text(top)
    (found,) = ort_installed.distributions([str(tmp_path)])
    assert found == ort_installed.Distribution("onnxruntime", "1.4.0", str(tmp_path), [])


def test_windows_records_may_have_backslashes_and_quotes(tmp_path: Path) -> None:
    folder = install(tmp_path, "onnxruntime-directml", "1.24.4", {})
    (folder / "RECORD").write_text('onnxruntime\\__init__.py,,\n"onnxruntime/a,b.py",,\n')
    (found,) = ort_installed.distributions([str(tmp_path)])
    assert [file.path for file in found.files] == ["onnxruntime/__init__.py", "onnxruntime/a,b.py"]


def test_the_installed_folder_is_a_distributions_else_a_leftover_never_a_plain_folder(tmp_path: Path) -> None:
    plain, site = tmp_path / "work", tmp_path / "lib" / "site-packages"
    for folder in (plain, site):
        (folder / "onnxruntime").mkdir(parents=True)
    assert ort_installed.installed_folder([str(plain)], []) is None
    assert ort_installed.installed_folder([str(plain), str(site)], []) == str(site / "onnxruntime")
    owner = ort_installed.Distribution("onnxruntime", "1", str(plain), [])
    assert ort_installed.installed_folder([str(site)], [owner]) == str(plain / "onnxruntime")


def test_the_folder_tells_its_native_files_and_a_plugin_beside_it(tmp_path: Path) -> None:
    install(
        tmp_path,
        "onnxruntime",
        "1.31.0",
        {
            "onnxruntime/capi/libonnxruntime.so.1.31.0": "",
            "onnxruntime/capi/onnxruntime_pybind11_state.pyd": "",
            "onnxruntime/capi/code.py": "",
            "onnxruntime_ep_cuda/__init__.py": "",
        },
    )
    value = ort_installed.describe(str(tmp_path / "onnxruntime"))
    assert value["native"] == ["libonnxruntime.so.1.31.0", "onnxruntime_pybind11_state.pyd"]
    assert value["has_init"] is False
    assert value["plugin"] == str(tmp_path / "onnxruntime_ep_cuda")


@pytest.mark.parametrize(
    "record", [b"onnxruntime/a.py,,\n\0\xff\xfe", b"onnxruntime/" + b"a" * 200000], ids=["bytes", "long"]
)
def test_a_broken_record_still_names_the_owner(record: bytes, tmp_path: Path) -> None:
    (install(tmp_path, "onnxruntime", "1.0", {}) / "RECORD").write_bytes(record)
    (found,) = ort_installed.distributions([str(tmp_path)])
    assert (found.name, found.version) == ("onnxruntime", "1.0")
