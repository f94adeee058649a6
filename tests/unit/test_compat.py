"""The data under compat/: it fits its schemas, and what it says holds together."""

from __future__ import annotations

import json
import re
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.matrix_answers import COMPATIBLE
from ortdoctor.diagnose.versions import major_minor, numbers, parse
from tools import import_facts
from tools.import_facts_builds import glibc_floor, platforms_of
from tools.import_facts_evidence import expand
from tools.import_facts_wheels import gpu_code
from tools.read_index import wheels_in

if TYPE_CHECKING:
    from ortdoctor.diagnose.matrix_rows import Build

ROOT = Path(__file__).resolve().parents[2]
COMPAT = ROOT / "compat"
STEMS = sorted(path.stem for path in COMPAT.glob("*.json"))
FILES: dict[str, Any] = {stem: json.loads((COMPAT / f"{stem}.json").read_text(encoding="utf-8")) for stem in STEMS}
WHEELS = {row["id"]: row for row in FILES["wheels"]}
FACTS = ROOT.parent / "shared" / "facts" / "facts.json"


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return Matrix(FILES)


@pytest.mark.parametrize("stem", STEMS)
def test_a_file_fits_its_schema(stem: str) -> None:
    schema = json.loads((COMPAT / "schema" / f"{stem}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(FILES[stem])]
    assert errors == []


def test_schemas_refuse_what_they_should() -> None:
    schema = json.loads((COMPAT / "schema" / "releases.schema.json").read_text(encoding="utf-8"))
    row = FILES["releases"][0]
    for wrong in ({**row, "evidence": []}, {**row, "colour": "green"}, {**row, "opset": "11"}):
        assert not jsonschema.Draft202012Validator(schema).is_valid([wrong])


def test_no_index_is_named_by_its_address() -> None:
    words = re.compile(r"pypi\.org|pkgs\.visualstudio|pkgs\.dev\.azure|pypi\.jetson-ai-lab|pythonhosted|PyPI")
    for path in [*COMPAT.rglob("*.json"), ROOT / "docs" / "matrix.md", ROOT / "tools" / "index_listing.json"]:
        assert words.findall(path.read_text(encoding="utf-8")) == [], path


def test_evidence_names_fields_that_the_row_has(matrix: Matrix) -> None:
    for stem in STEMS:
        for row_id in matrix.row_ids(stem):
            row = matrix.raw(row_id)
            for entry in matrix.evidence(row_id):
                assert set(entry.fields) <= set(row) | {"first_cuda", "last_cuda"}, (row_id, entry.fields)


def test_every_release_has_its_builds(matrix: Matrix) -> None:
    built = {build.version for build in matrix.builds() if build.channel == "index"}
    assert built == {release.version for release in matrix.releases()}
    newest_cpu = matrix.builds("onnxruntime")[-1]
    newest_gpu = [build for build in matrix.builds("onnxruntime-gpu") if build.availability == "index"][-1]
    assert (newest_cpu.version, newest_gpu.version) == ("1.32.0", "1.31.1")


def test_opset_and_ir_never_go_down(matrix: Matrix) -> None:
    enforced = [release for release in matrix.releases() if release.enforced]
    assert enforced[0].version == "1.2.0"
    for older, newer in pairwise(enforced):
        assert older.opset <= newer.opset, newer.version
        assert older.ir <= newer.ir, newer.version
        assert (older.ml_opset or 0) <= (newer.ml_opset or 0), newer.version


MEASURED = {row["version"]: row for row in FILES["limits"] if row["measured"]}


@pytest.mark.parametrize("field", ["max_opset", "max_ir", "max_ml_opset"])
def test_measured_limits_never_go_down(field: str) -> None:
    # Where nothing is enforced there is no limit; from the first release that has one on, every one has.
    limits = [MEASURED[version][field] for version in sorted(MEASURED, key=parse)]
    enforced = [limit for limit in limits if limit is not None]
    assert limits == [None] * (len(limits) - len(enforced)) + sorted(enforced)


def test_releases_have_the_limits_that_were_measured(matrix: Matrix) -> None:
    for release in matrix.releases():
        row = MEASURED.get(release.version)
        if row is None:
            continue
        assert release.enforced == row["enforced"], release.version
        assert matrix.confidence(release.row_id, "enforced") == "measured"
        for field in ("opset", "ir", "ml_opset"):
            assert row[f"max_{field}"] in (None, getattr(release, field)), (release.version, field)
            if row["enforced"]:
                assert matrix.confidence(release.row_id, field) == "measured"


def test_a_limit_that_was_not_measured_is_not_said_to_be(matrix: Matrix) -> None:
    versions = {row["version"] for row in FILES["limits"]}
    for release in matrix.releases():
        assert release.version in versions
        if release.version not in MEASURED:
            assert matrix.confidence(release.row_id) != "measured", release.version
            assert all(entry.where.startswith("not measured (") for entry in release.evidence), release.version


def test_a_limit_has_its_refusal_and_no_limit_was_tried_far_enough() -> None:
    newest = {kind: max(row[kind] for row in FILES["onnx"]) for kind in ("opset", "ir", "ml_opset")}
    for row in MEASURED.values():
        limited = {kind for kind in newest if row[f"max_{kind}"] is not None}
        assert set(row.get("refusal", {})) == limited, row["id"]
        assert all("/" not in text for text in row.get("refusal", {}).values()), row["id"]
        assert all(row["tried"][kind] > newest[kind] for kind in set(newest) - limited), row["id"]


@pytest.mark.parametrize("os", ["linux", "windows"])
def test_a_newer_driver_never_supports_less(matrix: Matrix, os: str) -> None:
    rows = [*FILES["drivers"]["toolkits"], *FILES["drivers"]["minor_version"]]
    drivers = sorted({row[f"{os}_min"] for row in rows if f"{os}_min" in row}, key=numbers)
    toolkits = sorted({row["cuda"] for row in FILES["drivers"]["toolkits"]} | {"11", "12", "13"}, key=numbers)
    before: set[str] = set()
    newest: tuple[int, ...] = (0,)
    for driver in drivers:
        now = {cuda for cuda in toolkits if matrix.driver_supports(driver, cuda, os).value == COMPATIBLE}
        assert before <= now, driver
        found = matrix.newest_cuda_for_driver(driver, os)
        assert found is not None
        assert newest <= numbers(found.cuda), driver
        # The newest CUDA that a driver is said to know is one that it runs.
        assert matrix.driver_supports(driver, found.cuda, os).value == COMPATIBLE, driver
        before, newest = now, numbers(found.cuda)


def test_drivers_rise_with_the_toolkit() -> None:
    for os in ("linux", "windows"):
        lowest: dict[tuple[int, ...], tuple[int, ...]] = {}
        for row in FILES["drivers"]["toolkits"]:
            if f"{os}_min" in row:
                cuda, driver = numbers(row["cuda"]), numbers(row[f"{os}_min"])
                lowest[cuda] = min(driver, lowest.get(cuda, driver))
        ordered = [lowest[cuda] for cuda in sorted(lowest)]
        assert ordered == sorted(ordered), os


#: Major of each library's soname per CUDA: libcufft and libcurand count by themselves
#: (NVIDIA CUDA toolkit release notes, component versions). cudart of 11 is named 11.0 throughout.
SONAMES = {
    11: {"cublas": "11", "cublasLt": "11", "cudart": "11.0", "cufft": "10", "curand": "10", "nvrtc": "11.2"},
    12: {"cublas": "12", "cublasLt": "12", "cudart": "12", "cufft": "11", "curand": "10", "nvrtc": "12"},
    13: {"cublas": "13", "cublasLt": "13", "cudart": "13", "cufft": "12", "curand": "10", "nvrtc": "13"},
}


def soname(build: Build, name: str) -> tuple[str, str]:
    """Return ("cudart", "11.0") of libcudart.so.11.0 and of cudart64_110.dll."""
    if build.os == "windows":
        match = re.fullmatch(r"([a-zA-Z]+)64_(\d+)\.dll", name)
        assert match, name
        version = "11.0" if match[2] == "110" else match[2]
        return match[1], version
    match = re.fullmatch(r"lib(\w+)\.so\.([\d.]+)", name)
    assert match, name
    return match[1], match[2]


def test_sonames_fit_the_cuda_that_the_build_links(matrix: Matrix) -> None:
    checked = 0
    for build in matrix.builds():
        for name, version in (soname(build, text) for text in build.sonames):
            assert build.cuda is not None, build.id
            if name == "cuda":
                continue
            if name.startswith("cudnn"):
                assert build.cudnn is not None, build.id
                assert version == build.cudnn.split(".")[0], build.id
            else:
                assert version == SONAMES[major_minor(build.cuda)[0]][name], (build.id, name)
            checked += 1
    assert checked > 200


def test_builds_hold_together(matrix: Matrix) -> None:
    for build in matrix.builds():
        if build.cuda_build:
            assert build.cuda is not None, build.id
            assert major_minor(build.cuda_build)[0] == major_minor(build.cuda)[0], build.id
        if build.availability in ("index", "jetson"):
            assert build.python, build.id
        if build.availability == "jetson":
            assert build.where, build.id
            assert build.jetpack, build.id
        if build.availability == "never":
            assert build.cuda is None, build.id
            assert build.python == (), build.id
        if build.distribution == "onnxruntime-gpu" and build.availability in ("index", "removed"):
            assert build.cuda, build.id
        floor = glibc_floor(list(build.platform_tags))
        # Symbols of the wheel that was read may need a newer one than its tag says.
        symbols = WHEELS.get(build.id, {}).get("glibc", "0") if floor else "0"
        assert build.glibc == (max(floor, symbols, key=numbers) if floor else None), build.id
        known = {row.jetpack for row in matrix.jetpacks()}
        assert set(build.jetpack) <= known, build.id


def test_a_build_that_was_read_says_which_wheel(matrix: Matrix) -> None:
    for build in matrix.builds():
        read = [entry for entry in build.evidence if entry.kind == "wheel" and entry.confidence == "measured"]
        if build.availability == "index" and read:
            assert build.sha256 == WHEELS[build.id]["sha256"], build.id
        if build.sha256:
            assert build.availability == "index", build.id
            assert any(WHEELS[build.id]["file"] in entry.where for entry in read), build.id


def test_a_wheel_is_the_one_that_its_row_names() -> None:
    for row in WHEELS.values():
        python, _, platform = row["file"].removesuffix(".whl").split("-")[-3:]
        assert row["id"] == "-".join((row["distribution"], row["version"], row["os"], row["arch"]))
        assert (python, platform) == (row["tag"].removesuffix("t"), row["platform_tag"])
        assert row["tag"] in row["python"]
        assert (row["os"], row["arch"]) in platforms_of(platform)
        assert bool(row.get("gpu_code")) == (row["distribution"] == "onnxruntime-gpu"), row["id"]


def test_a_jetpack_has_the_cuda_of_its_wheels(matrix: Matrix) -> None:
    cuda = {row.jetpack: row.cuda for row in matrix.jetpacks()}
    for build in matrix.builds():
        for jetpack in build.jetpack:
            assert build.cuda is not None, build.id
            assert major_minor(build.cuda) == major_minor(cuda[jetpack] or ""), (build.id, jetpack)


def test_one_l4t_is_on_one_jetpack() -> None:
    l4t = [numbers(name) for row in FILES["jetpack"] for name in row["l4t"]]
    assert len(l4t) == len(set(l4t))


@pytest.mark.parametrize(
    ("version", "cuda", "availability"),
    [
        ("1.1.2", "10.0", "removed"),
        ("1.4.0", "10.1", "removed"),
        ("1.6.0", "10.2", "removed"),
        ("1.10.0", "11.4", "removed"),
        ("1.16.2", "11.8", "removed"),
        ("1.18.1", "11.8", "index"),
        ("1.20.1", "12", "removed"),
        ("1.26.0", "12", "index"),
        ("1.27.0", "13.0", "index"),
    ],
)
@pytest.mark.parametrize("os", ["linux", "windows"])
def test_cuda_of_the_releases_that_people_have(
    matrix: Matrix, version: str, cuda: str, availability: str, os: str
) -> None:
    build = matrix.build("onnxruntime-gpu", version, os, "x86_64")
    assert build is not None
    assert (build.cuda, build.availability) == (cuda, availability)


def test_releases_up_to_1_1_take_any_opset(matrix: Matrix) -> None:
    assert [row.version for row in matrix.releases() if not row.enforced and parse(row.version) >= parse("1.0")] == [
        "1.0.0",
        "1.1.0",
        "1.1.1",
        "1.1.2",
    ]
    assert matrix.loads("1.1.0", 13, 7).why == "not-enforced"


def test_the_matrix_loads_on_python_3_6() -> None:
    python = Path.home() / ".pyenv" / "versions" / "3.6.15" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no Python 3.6 at {python}")
    code = """
import json, os
from ortdoctor.diagnose.matrix import Matrix
names = [name for name in os.listdir("compat") if name.endswith("json")]
matrix = Matrix({name[:-5]: json.load(open("compat/" + name, encoding="utf-8")) for name in names})
print(len(matrix.releases()), matrix.cuda_of("onnxruntime-gpu", "1.22.0", "linux", "x86_64"))
"""
    done = subprocess.run([str(python), "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == [str(len(FILES["releases"])), "12"], done.stderr


# The tools that write the data


def test_the_importer_writes_the_files_that_are_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not FACTS.exists():
        pytest.skip(f"the collection of facts is not at {FACTS}")
    monkeypatch.setattr("sys.argv", ["import_facts", str(FACTS), "-o", str(tmp_path)])
    import_facts.main()
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (COMPAT / path.name).read_bytes(), path.name


KNOWN = ["1.0.0", "1.1.2", "1.2.0", "1.10.0", "1.19.0", "1.19.2", "1.20.0"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.0-1.1", ["1.0.0", "1.1.2"]),
        ("1.1", ["1.1.2"]),
        ("1.10", ["1.10.0"]),
        ("1.19.x", ["1.19.0", "1.19.2"]),
        ("1.19.2", ["1.19.2"]),
        ("1.19+", ["1.19.0", "1.19.2", "1.20.0"]),
        ("1.2-1.19", ["1.2.0", "1.10.0", "1.19.0", "1.19.2"]),
    ],
)
def test_a_range_names_single_releases(text: str, expected: list[str]) -> None:
    assert expand(text, KNOWN) == expected


@pytest.mark.parametrize(
    ("tags", "floor"),
    [
        (["manylinux1_x86_64"], "2.5"),
        (["manylinux2010_x86_64"], "2.12"),
        (["manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_27_x86_64"], "2.17"),
        (["manylinux_2_27_aarch64.manylinux_2_28_aarch64"], "2.27"),
        (["win_amd64"], None),
        ([], None),
    ],
)
def test_glibc_floor(tags: list[str], floor: str | None) -> None:
    assert glibc_floor(tags) == floor


def test_platforms_of_tags() -> None:
    assert platforms_of("macosx_13_0_universal2") == [("macos", "x86_64"), ("macos", "aarch64")]
    assert platforms_of("macosx_14_0_arm64") == [("macos", "aarch64")]
    assert platforms_of("win_amd64") == [("windows", "x86_64")]
    assert platforms_of("manylinux_2_34_aarch64") == [("linux", "aarch64")]


def test_gpu_code_is_spelled_out() -> None:
    assert gpu_code(["PTX+SASS 52,80"]) == ["PTX_52", "PTX_80", "SASS_52", "SASS_80"]
    assert gpu_code(["SASS_120", "SASS_75", "PTX_90"]) == ["PTX_90", "SASS_75", "SASS_120"]


def test_wheels_are_read_from_what_pip_says() -> None:
    tags = "manylinux_2_27_x86_64.manylinux_2_28_x86_64"
    said = f"""
      Skipping link: no tag fits: scheme://h/onnxruntime_gpu-1.11.0-cp37-cp37m-win_amd64.whl (from x)
      Found link scheme://h/onnxruntime_gpu-1.24.4-cp313-cp313t-{tags}.whl#sha256=0 (from x), version: 1.24.4
      Found link scheme://h/onnxruntime_gpu-1.24.4-cp313-cp313-{tags}.whl (from x)
      Found link scheme://h/onnxruntime_gpu-1.24.4.tar.gz (from x)
    """
    assert wheels_in(said, "onnxruntime-gpu") == {
        "1.11.0": {"win_amd64": ["cp37"]},
        "1.24.4": {tags: ["cp313", "cp313t"]},
    }
    assert wheels_in(said, "onnxruntime") == {}
