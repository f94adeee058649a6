"""The laws of the house that a machine can keep; CONTRIBUTING.md says them in words."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interpreters import interpreter

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ortdoctor"

#: What each room may import of ours. Arrows never turn back.
MAY_IMPORT = {
    "probe": {"probe"},
    "diagnose": {"diagnose"},
    "treat": {"treat", "diagnose", "probe"},
    "report": {"report", "treat", "diagnose", "model", "bundle"},
    "data": {"data", "diagnose", "errors"},
    "commands": {"commands", "report", "treat", "diagnose", "probe", "data", "errors", ""},
    "pocket": {"pocket", "commands", "report", "diagnose", "data", "errors", ""},
    "quick": {"commands", "report", "probe"},
    "model": {"model", "diagnose", "probe", "data", "errors"},
    "bundle": {"bundle", "model", "diagnose", "data", "errors", ""},
    "cli": {"cli", "commands", "pocket", "bundle", "model", "report", "diagnose", "probe", "data", "errors", ""},
}

#: Modules through which a rule could reach the machine it only judges.
INPUT_OUTPUT = {"os", "io", "pathlib", "subprocess", "socket", "shutil", "tempfile", "glob", "ctypes", "urllib"}

#: Packages that a bare install does not have, or that take long to import.
HEAVY = {"onnx", "onnxruntime", "numpy", "cv2", "torch"}

FLOOR = [
    *sorted((PACKAGE / "probe").rglob("*.py")),
    *sorted((PACKAGE / "diagnose").rglob("*.py")),
    *sorted((PACKAGE / "treat").rglob("*.py")),
    *sorted((PACKAGE / "commands").rglob("*.py")),
    # How the zipapp is made is no part of it.
    *sorted(path for path in (PACKAGE / "pocket").rglob("*.py") if path.name != "build.py"),
    *[PACKAGE / "report" / f"{name}.py" for name in ("text", "json", "recommend", "matrix", "treatment")],
    PACKAGE / "__init__.py",
    PACKAGE / "data.py",
    PACKAGE / "errors.py",
    *sorted((ROOT / "templates").glob("*.py")),
]


def modules(room: str) -> list[Path]:
    single = PACKAGE / f"{room}.py"
    return [single] if single.is_file() else sorted((PACKAGE / room).rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Absolute names of what a module imports, relative imports resolved."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = parts if path.name == "__init__.py" else parts[:-1]
    package = tuple(part for part in package if part != "__init__")
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            names.add(origin)
            names.update(f"{origin}.{alias.name}" for alias in node.names)
    return names


def room_of(name: str) -> str | None:
    """Return the room of ours that a dotted name lies in; None for what is not ours."""
    parts = name.split(".")
    if parts[0] != "ortdoctor":
        return None
    return parts[1] if len(parts) > 1 and not parts[1].startswith("__") else ""


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_arrows_never_turn_back(room: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(room)
        for name in imports(path)
        if (target := room_of(name)) is not None and target not in MAY_IMPORT[room] and name != "ortdoctor"
    }
    assert not wrong


def test_probe_uses_relative_imports_and_the_standard_library_only() -> None:
    for path in modules("probe"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                continue
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            foreign = [name for name in names if name.partition(".")[0] not in sys.stdlib_module_names]
            assert not foreign, f"{path.relative_to(ROOT)} imports {foreign}"


def test_diagnose_does_no_input_or_output() -> None:
    for path in modules("diagnose"):
        tops = {name.partition(".")[0] for name in imports(path)}
        assert not tops & INPUT_OUTPUT, path
        calls = {
            node.func.id
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not calls & {"open", "print", "input", "exec", "eval"}, path


@pytest.mark.parametrize("path", FLOOR, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_floor_parses_as_python_36(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 6))


def test_the_floor_compiles_on_a_real_python_36() -> None:
    python = interpreter("3.6")
    program = "import sys\nfor p in sys.argv[1:]: compile(open(p, encoding='utf-8').read(), p, 'exec')"
    subprocess.run([python, "-c", program, *map(str, FLOOR)], check=True, timeout=60)


def test_the_floor_imports_on_a_real_python_36() -> None:
    python = interpreter("3.6")
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).replace(".__init__", "")
        for path in FLOOR
        # Entry points and the scripts of children run when they are imported.
        if path.is_relative_to(PACKAGE) and path.name != "__main__.py" and path.parent.name != "scripts"
    ]
    program = "import importlib, sys\nfor n in sys.argv[1:]: importlib.import_module(n)"
    subprocess.run([python, "-c", program, *names], check=True, timeout=60, cwd=ROOT)


def test_the_command_line_imports_heavy_packages_inside_commands_only() -> None:
    program = "import sys, ortdoctor.cli\nprint(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert not set(done.stdout.split()) & HEAVY


def test_modules_stay_small() -> None:
    sizes = {
        path: len(path.read_text(encoding="utf-8").splitlines())
        for folder in (PACKAGE, ROOT / "templates", ROOT / "tools")
        for path in folder.rglob("*.py")
    }
    large = {str(path.relative_to(ROOT)): size for path, size in sizes.items() if size > 400}
    # The runner is one file on purpose: people take it out of a bundle and into their own program.
    assert set(large) <= {"templates/scrfd.py"}
    assert large.get("templates/scrfd.py", 0) <= 450
    assert sorted(sizes.values())[len(sizes) // 2] < 150


def test_no_package_index_is_named_by_its_host() -> None:
    hosts = [
        ".".join(parts)
        for parts in (("pypi", "org"), ("pythonhosted", "org"), ("pkgs", "visualstudio"), ("pkgs", "dev", "azure"))
    ]
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, cwd=ROOT, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout: the files of the project cannot be listed")
    for name in filter(None, listed.stdout.split("\0")):
        text = (ROOT / name).read_bytes().decode("utf-8", "replace")
        assert not [host for host in hosts if host in text], name
