import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ortdoctor.probe import elf, loader
from ortdoctor.probe.context import Context, here

from .boxes import Box, program
from .native import library

#: Loads a library in a fresh interpreter and prints where the libraries of a name came from.
_TRUTH = """
import ctypes, sys
try: ctypes.CDLL(sys.argv[1])
except OSError as error: print("none", error, file=sys.stderr); sys.exit()
print(next(line.split()[-1] for line in open("/proc/self/maps") if line.rstrip().endswith(sys.argv[2])))
"""

NAME = "libortdoctordep.so.1"

#: A library without needs and search paths.
BLANK = elf.Elf(
    machine="x86_64",
    bits=64,
    little=True,
    interpreter=None,
    soname=None,
    needed=[],
    rpath=[],
    runpath=[],
    glibc=None,
    glibcxx=None,
    exec_stack=None,
    default_dirs=True,
)

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks the dynamic loader of Linux")


def truth(library_path: Path, env: dict[str, str], cwd: Path) -> str | None:
    """Return where the real loader finds NAME when it loads ``library_path``."""
    command = [sys.executable, "-c", _TRUTH, str(library_path), NAME]
    done = subprocess.run(command, env=env, cwd=cwd, check=True, capture_output=True, text=True, timeout=30)
    return done.stdout.strip() or None


def context(env: dict[str, str], cwd: Path) -> Context:
    return here()._replace(env=env, cwd=str(cwd))


@pytest.fixture(scope="module")
def deps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out the same library in two folders, ``own`` and ``other``."""
    folder = tmp_path_factory.mktemp("deps")
    for name in ("own", "other"):
        library(folder / name / NAME, NAME)
    return folder


@linux_only
@pytest.mark.parametrize("tags", ["--enable-new-dtags", "--disable-new-dtags"], ids=["RUNPATH", "RPATH"])
@pytest.mark.parametrize("spelling", ["{here}/own", "$ORIGIN/own", "${{ORIGIN}}/own", "own"])
def test_finds_what_the_real_loader_finds(tags: str, spelling: str, deps: Path) -> None:
    entry = spelling.format(here=deps)
    top = library(deps / "libtop.so", "", [deps / "own" / NAME], [f"-Wl,{tags}", f"-Wl,-rpath,{entry}"])
    chain = [loader.Object(str(top), elf.read(str(top)))]
    for variable in (None, "{here}/other", "", "{here}/other:", ":{here}/other", "/none;{here}/other", "$ORIGIN/own"):
        env = {name: text for name, text in os.environ.items() if name != "LD_LIBRARY_PATH"}
        if variable is not None:
            env["LD_LIBRARY_PATH"] = variable.format(here=deps)
        found = loader.resolve(loader.of_interpreter(context(env, deps)), NAME, chain)
        assert found.path == truth(top, env, deps), variable


@linux_only
@pytest.mark.parametrize("upper", ["--enable-new-dtags", "--disable-new-dtags"], ids=["RUNPATH", "RPATH"])
@pytest.mark.parametrize("lower", [None, "--enable-new-dtags", "--disable-new-dtags"])
def test_only_an_rpath_is_handed_down_and_a_runpath_refuses_it(
    upper: str, lower: str | None, deps: Path, tmp_path: Path
) -> None:
    dep = deps / "own" / NAME
    options = [f"-Wl,{lower}", f"-Wl,-rpath,{tmp_path / 'nothing'}"] if lower else []
    middle = library(tmp_path / "mid" / "libmid.so.1", "libmid.so.1", [dep], options)
    paths = f"{deps / 'own'}:{tmp_path / 'mid'}"
    top = library(tmp_path / "libtop.so", "", [middle], [f"-Wl,{upper}", f"-Wl,-rpath,{paths}"])
    env = {name: text for name, text in os.environ.items() if name != "LD_LIBRARY_PATH"}
    chain = [loader.Object(str(path), elf.read(str(path))) for path in (middle, top)]
    found = loader.resolve(loader.of_interpreter(context(env, tmp_path)), NAME, chain)
    assert found.path == truth(top, env, tmp_path)


@linux_only
def test_a_file_for_another_architecture_is_passed_over_and_one_that_is_no_elf_ends_the_search(tmp_path: Path) -> None:
    dep = library(tmp_path / "good" / NAME, NAME)
    top = library(tmp_path / "libtop.so", "", [dep])
    foreign = bytearray(dep.read_bytes())
    foreign[18:20] = b"\x08\x00"  # EM_MIPS
    for folder, content in (("foreign", bytes(foreign)), ("text", b"INPUT(libdep.a) " * 20)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / NAME).write_bytes(content)
    for order, wanted in (("foreign:good", str(dep)), ("text:good", None)):
        paths = [str(tmp_path / folder) for folder in order.split(":")]
        env = dict(os.environ, LD_LIBRARY_PATH=":".join(paths))
        found = loader.resolve(loader.of_interpreter(context(env, tmp_path)), NAME)
        assert found.path == wanted == truth(top, env, tmp_path)
        assert found.searched[0] == f"LD_LIBRARY_PATH {paths[0]}"
        assert found.searched[1].startswith(f"{paths[0]}/{NAME}: ")


@linux_only
def test_finds_the_libraries_of_this_system_and_says_where_it_looked_for_others(tmp_path: Path) -> None:
    env = {name: text for name, text in os.environ.items() if name != "LD_LIBRARY_PATH"}
    mine = loader.of_interpreter(context(env, tmp_path))
    for item in mine.program:
        for name in item.elf.needed:
            assert loader.resolve(mine, name, [item]).path, name
    missing = loader.resolve(mine, "libortdoctor_is_not_there.so.1")
    assert missing.path is None
    assert any(where.startswith("system /") for where in missing.searched)


CACHE = """2 libs found in cache `/etc/ld.so.cache'
\tlibdep.so.1 (libc6,x86-64, hwcap: "x86-64-v3") => /opt/v3/libdep.so.1
\tlibdep.so.1 (libc6,x86-64, OS ABI: Linux 3.2.0) => /opt/one/libdep.so.1
\tlibdep.so.1 (libc6) => /opt/32/libdep.so.1
\tlibdep.so (libc6,x86-64) => /opt/one/lib dep.so
"""


@pytest.fixture
def cached(box: Box) -> Context:
    machine = box({}, env={"PATH": "/usr/bin"})
    program(Path(machine.root + "/sbin/ldconfig"), f"cat <<'END'\n{CACHE}END\n")
    return machine


def test_the_cache_keeps_every_path_plain_entries_first(cached: Context) -> None:
    cache, source = loader.read_cache(cached)
    assert cache == {
        "libdep.so.1": ["/opt/one/libdep.so.1", "/opt/32/libdep.so.1", "/opt/v3/libdep.so.1"],
        "libdep.so": ["/opt/one/lib dep.so"],
    }
    assert source.endswith("/sbin/ldconfig -p")


def test_without_ldconfig_the_places_where_it_was_looked_for_are_told(box: Box) -> None:
    assert loader.read_cache(box({}, env={"PATH": "/opt/x"})) == ({}, "there is no ldconfig in /opt/x:/sbin:/usr/sbin")


def test_an_ldconfig_that_prints_nothing_is_told_of(box: Box) -> None:
    machine = box({}, env={"PATH": "/usr/bin"})
    program(Path(machine.root + "/sbin/ldconfig"), "echo 'unrecognized option -p' >&2; exit 1\n")
    assert "printed no library: unrecognized option -p" in loader.read_cache(machine)[1]


def made(machine: Context, *paths: str) -> None:
    source = Path(machine.root) / "source.so"
    library(source)
    for path in paths:
        target = Path(machine.root + path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())


def test_the_cache_comes_before_the_system_folders(cached: Context) -> None:
    mine = loader.Loader(cached, "glibc", [], *loader.read_cache(cached))
    made(cached, "/usr/lib/libdep.so.1")
    assert loader.resolve(mine, "libdep.so.1") == (
        "/usr/lib/libdep.so.1",
        ["ld.so.cache", "system /lib", "system /usr/lib"],
    )
    made(cached, "/opt/one/libdep.so.1")
    assert loader.resolve(mine, "libdep.so.1") == ("/opt/one/libdep.so.1", ["ld.so.cache"])


@pytest.mark.parametrize(
    ("folder", "searched"),
    [
        ("/usr/lib/aarch64-linux-gnu", ["/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/lib", "/usr/lib"]),
        ("/usr/lib64", ["/lib64", "/usr/lib64"]),
        ("/usr/lib", ["/lib", "/usr/lib"]),
    ],
)
def test_the_last_folders_are_those_of_the_distribution(folder: str, searched: list[str], box: Box) -> None:
    machine = box({f"{folder}/x": ""}, arch="aarch64")
    found = loader.resolve(loader.Loader(machine, "glibc", [], {}, ""), "libx.so")
    assert found.searched[1:] == [f"system {item}" for item in searched]


def test_musl_asks_the_variable_first_then_every_path_above_then_its_own_file(box: Box) -> None:
    machine = box({"/etc/ld-musl-x86_64.path": "/lib:/opt/musl/lib\n"}, env={"LD_LIBRARY_PATH": "/ld"})
    chain = [
        loader.Object("/app/a.so", BLANK._replace(runpath=["$ORIGIN/x"])),
        loader.Object("/app/b.so", BLANK._replace(rpath=["/b"])),
    ]
    found = loader.resolve(loader.Loader(machine, "musl", [], {}, ""), "libx.so", chain)
    assert found == (None, ["LD_LIBRARY_PATH /ld", "RUNPATH /app/x", "RPATH /b", "system /lib", "system /opt/musl/lib"])


def test_the_interpreter_tells_which_libc_it_runs_on(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "read", lambda _: BLANK._replace(interpreter="/lib/ld-musl-x86_64.so.1"))
    assert loader.of_interpreter(box({})).libc == "musl"
    monkeypatch.setattr(loader, "read", lambda _: BLANK._replace(interpreter="/lib64/ld-linux-x86-64.so.2"))
    assert loader.of_interpreter(box({})).libc == "glibc"


def test_windows_asks_the_dlls_own_folder_then_the_system_then_path(tmp_path: Path) -> None:
    folder = tmp_path / "cuda"
    folder.mkdir()
    box = Context("windows", "x86_64", {"PATH": f"D:\\tools;{folder}", "SYSTEMROOT": "C:\\Windows"}, "", "C:\\")
    mine = loader.of_interpreter(box)
    chain = [loader.Object("C:\\ort\\capi\\providers.dll", BLANK)]
    asked = [
        "folder of the library C:\\ort\\capi",
        "system C:\\Windows\\System32",
        "system C:\\Windows",
        "PATH D:\\tools",
    ]
    assert loader.resolve(mine, "cudart64_12.dll", chain) == (None, [*asked, f"PATH {folder}"])
    (folder / "cudart64_12.dll").write_bytes(b"MZ")
    assert loader.resolve(mine, "cudart64_12.dll", chain).path == str(folder / "cudart64_12.dll")


def test_no_loader_is_emulated_on_a_mac(box: Callable[..., Context]) -> None:
    assert loader.resolve(loader.of_interpreter(box({}, system="macos")), "libx.dylib") == (None, [])
