import sys
from pathlib import Path

from ortdoctor.probe.context import Context
from ortdoctor.probe.ort_elsewhere import elsewhere, prefixes

from .boxes import Box
from .sites import install

PACKAGE = {"onnxruntime/__init__.py": ""}


def test_finds_other_pythons_of_path_pyenv_and_the_project_without_running_them(box: Box) -> None:
    machine = box(
        {"/opt/py/bin/python3": "not run", "/opt/py/bin/python3.9": "not run"},
        env={"PATH": "/opt/py/bin:/nothing", "HOME": "/home/me"},
    )
    root = Path(machine.root)
    install(root / "opt/py/lib/python3.9/site-packages", "onnxruntime", "1.16.3", PACKAGE)
    install(root / "home/me/.pyenv/versions/3.8.1/lib/python3.8/site-packages", "onnxruntime-gpu", "1.14.1", PACKAGE)
    install(root / "home/me/.local/lib/python3.10/site-packages", "ort-nightly", "1.9.dev2", PACKAGE)
    machine = machine._replace(cwd="/project")
    install(root / "project/.venv/lib/python3.12/site-packages", "onnxruntime", "1.20.1", PACKAGE)
    found = {(item["distribution"], item["version"]) for item in elsewhere(machine, [])}
    assert found == {
        ("onnxruntime", "1.16.3"),
        ("onnxruntime-gpu", "1.14.1"),
        ("ort-nightly", "1.9.dev2"),
        ("onnxruntime", "1.20.1"),
    }


def test_own_site_folders_and_leftovers_without_a_package_do_not_count(box: Box) -> None:
    machine = box({"/opt/py/bin/python3": ""}, env={"PATH": "/opt/py/bin", "HOME": "/home/me"})
    site = Path(machine.root, "opt/py/lib/python3.9/site-packages")
    install(site, "onnxruntime", "1.16.3", {"onnxruntime/__init__.py": ""})
    assert elsewhere(machine, [str(site)]) == []
    (site / "onnxruntime" / "__init__.py").unlink()
    assert elsewhere(machine, []) == []


def test_names_the_interpreter_that_the_site_folder_belongs_to(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    install(tmp_path / "lib/python3.9/site-packages", "onnxruntime", "1.16.3", PACKAGE)
    machine = Context("linux", "x86_64", {"PATH": str(tmp_path / "bin")}, "", str(tmp_path))
    mine = [item for item in elsewhere(machine, []) if item["python"].startswith(str(tmp_path))]
    assert mine == [{"python": str(tmp_path / "bin" / "python3"), "version": "1.16.3", "distribution": "onnxruntime"}]


def test_windows_looks_where_its_installers_put_pythons(tmp_path: Path) -> None:
    home = tmp_path / "AppData" / "Local"
    install(home / "Programs/Python/Python310/Lib/site-packages", "onnxruntime-directml", "1.17.0", PACKAGE)
    machine = Context("windows", "x86_64", {"LOCALAPPDATA": str(home), "PATH": "D:\\x"}, "", str(tmp_path))
    (found,) = elsewhere(machine, [])
    assert (found["distribution"], found["version"]) == ("onnxruntime-directml", "1.17.0")


def test_a_variable_that_is_not_set_asks_nowhere(box: Box) -> None:
    assert prefixes(box({"/usr/bin/x": ""}, env={})) == ["/usr"]
    assert all(Path(path).is_absolute() for path in prefixes(box({}, env={"HOME": "/root"})))
