"""The matrix's reader and queries, over rows made for the tests."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ortdoctor.diagnose.matrix import Matrix
from ortdoctor.diagnose.matrix_answers import CANNOT_TELL, COMPATIBLE, INCOMPATIBLE, read_gpu_code
from ortdoctor.diagnose.matrix_rows import Build, MatrixDataError

WHEN = "2026-01-02"


def ev(confidence: str = "measured", *fields: str, kind: str = "measurement") -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": kind, "where": "here", "when": WHEN, "confidence": confidence}
    return {**entry, "fields": list(fields)} if fields else entry


def with_evidence(**row: Any) -> dict[str, Any]:
    return {"evidence": [ev()], **row}


def release(version: str, opset: int, ir: int, *, enforced: bool = True) -> dict[str, Any]:
    return with_evidence(version=version, opset=opset, ir=ir, ml_opset=2, enforced=enforced)


def build(version: str, **more: Any) -> dict[str, Any]:
    row = {
        "distribution": "onnxruntime-gpu",
        "version": version,
        "os": "linux",
        "arch": "x86_64",
        "channel": "index",
        "availability": "index",
        "sonames": [],
        "gpu_code": [],
        "python": ["cp310"],
        "platform_tags": [],
        **more,
    }
    row.setdefault("id", f"{row['distribution']}-{version}-{row['os']}-{row['arch']}-{row['channel']}")
    return with_evidence(**row)


FILES: dict[str, Any] = {
    "releases": [
        release("1.0.0", 11, 6, enforced=False),
        release("1.2.0", 11, 6),
        release("1.10.0", 15, 8),
        release("1.17.0", 20, 9),
        release("1.17.3", 20, 9),
        release("1.20.1", 21, 10),
    ],
    "builds": [
        build("1.17.0", cuda="11.8", channel="index"),
        build("1.17.0", cuda="12.2", channel="onnxruntime-cuda-12", availability="extra-index"),
        build("1.2.0", cuda="10.1", availability="removed"),
        build("1.10.0", cuda="11.4", os="windows"),
        build("1.11.0", cuda="10.2", arch="aarch64", channel="jetson", availability="jetson", jetpack=["4.6"]),
    ],
    "drivers": {
        "toolkits": [
            with_evidence(cuda="10.1", update="10.1.105", linux_min="418.39", windows_min="418.96"),
            with_evidence(cuda="10.2", update="10.2.89", linux_min="440.33", windows_min="441.22"),
            with_evidence(cuda="11.0", update="GA", linux_min="450.51.05", windows_min="451.48"),
            with_evidence(cuda="11.0", update="Update 1", linux_min="450.51.06", windows_min="451.82"),
            with_evidence(cuda="12.0", update="GA", linux_min="525.60.13", windows_min="527.41"),
            with_evidence(cuda="12.8", update="GA", linux_min="570.26", windows_min="570.65"),
            with_evidence(cuda="13.0", update="GA", linux_min="580.65.06"),
        ],
        "minor_version": [
            with_evidence(cuda_major=11, linux_min="450.80.02", windows_min="452.39"),
            with_evidence(cuda_major=12, linux_min="525.60.13", windows_min="528.33"),
            with_evidence(cuda_major=13, linux_min="580", windows_min="580"),
        ],
    },
    "gpus": [
        with_evidence(compute_capability="6.1", architecture="Pascal", first_cuda="8.0", last_cuda="12.9"),
        with_evidence(compute_capability="8.0", architecture="Ampere", first_cuda="11.0"),
        with_evidence(compute_capability="8.6", architecture="Ampere", first_cuda="11.1"),
        with_evidence(compute_capability="8.7", architecture="Ampere", first_cuda="11.4", tegra=True),
        with_evidence(compute_capability="9.0", architecture="Hopper", first_cuda="11.8"),
        with_evidence(compute_capability="12.0", architecture="Blackwell", first_cuda="12.8"),
    ],
    "jetpack": [
        with_evidence(jetpack="4.6", l4t=["32.6.1"], cuda="10.2", compute_capability=["5.3"]),
        with_evidence(jetpack="4.6.1", l4t=["32.7.1"], cuda="10.2", compute_capability=["5.3"]),
        with_evidence(jetpack="6.2.1", l4t=["36.4.4", "36.4.7"], cuda="12.6", compute_capability=["8.7"]),
    ],
    "distributions": [
        with_evidence(name="onnxruntime", folder="onnxruntime", conflicts=True),
        with_evidence(name="onnxruntime-qnn", versions="<2", folder="onnxruntime", conflicts=True),
        with_evidence(name="onnxruntime-qnn", versions=">=2", folder="onnxruntime_qnn", conflicts=False),
    ],
    "python_api": [
        with_evidence(api="onnxruntime.preload_dlls", first_version="1.21.0"),
        with_evidence(api="signature", first_version="1.15.0"),
        with_evidence(api="signature", first_version="1.4.0"),
    ],
    "conflicts": [with_evidence(topic="IR version of 1.15", a="8", b="9", chosen="b")],
    "causes": [with_evidence(id="cuda_libs_missing")],
}


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return Matrix(FILES)


def changed(stem: str, index: int, **values: Any) -> dict[str, Any]:
    files = copy.deepcopy(FILES)
    files[stem][index].update(values)
    return files


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (changed("releases", 0, evidence=[]), "needs a list of evidence"),
        (changed("causes", 0, evidence=None), "causes:cuda_libs_missing"),
        (changed("builds", 0, evidence=[{**ev(), "kind": "hearsay"}]), "kind of evidence"),
        (changed("builds", 0, evidence=[{**ev(), "confidence": "sure"}]), "confidence of evidence"),
        (changed("builds", 0, evidence=[{**ev(), "where": ""}]), "says 'where'"),
        (changed("builds", 0, evidence=[{**ev(), "page": 3}]), "evidence is an object"),
        (changed("builds", 0, availability="maybe"), "availability"),
        (changed("gpus", 0, colour="green"), "unknown fields"),
        (changed("releases", 1, version="1.0.0"), "twice"),
        ({**FILES, "gpus": {}}, "list of rows"),
        ({**FILES, "drivers": []}, "toolkits and minor_version"),
        ({stem: rows for stem, rows in FILES.items() if stem != "jetpack"}, "missing: jetpack"),
    ],
)
def test_a_broken_matrix_is_refused(files: dict[str, Any], words: str) -> None:
    with pytest.raises(MatrixDataError, match=words):
        Matrix(files)


def test_a_missing_field_is_refused() -> None:
    files = copy.deepcopy(FILES)
    del files["releases"][0]["ir"]
    with pytest.raises(MatrixDataError, match=r"releases:1\.0\.0: .*missing fields \['ir'\]"):
        Matrix(files)


def test_rows_are_found_by_id(matrix: Matrix) -> None:
    assert "drivers:12.8-GA" in matrix.row_ids("drivers")
    assert "drivers:12.x" in matrix.row_ids("drivers")
    assert "drivers:11.0-Update-1" in matrix.row_ids("drivers")
    assert matrix.raw("causes:cuda_libs_missing")["id"] == "cuda_libs_missing"
    assert matrix.evidence_text("gpus:8.6") == "measurement: here (2026-01-02, measured)"
    assert [row.topic for row in matrix.conflicts()] == ["IR version of 1.15"]
    with pytest.raises(KeyError):
        matrix.evidence("gpus:1.0")


@pytest.mark.parametrize(
    ("entries", "field", "expected"),
    [
        ([ev("measured")], "", "measured"),
        ([ev("doc", "cuda"), ev("measured", "cuda")], "cuda", "measured"),
        ([ev("measured", "python"), ev("derived", "gpu_code")], "", "derived"),
        ([ev("measured", "python"), ev("derived", "gpu_code")], "python", "measured"),
        # An entry for the whole row speaks for each of its fields too.
        ([ev("doc"), ev("memory", "cudnn")], "cudnn", "doc"),
        # A field that no entry names rests on what there is.
        ([ev("secondary", "python")], "cuda", "secondary"),
    ],
)
def test_confidence(entries: list[dict[str, Any]], field: str, expected: str) -> None:
    matrix = Matrix(changed("builds", 0, evidence=entries))
    assert matrix.confidence(f"builds:{FILES['builds'][0]['id']}", field) == expected


@pytest.mark.parametrize(
    ("version", "nearest", "exact"),
    [
        ("1.17.0", "1.17.0", True),
        ("1.17", "1.17.0", True),
        ("1.17.0+cu118", "1.17.0", False),
        ("1.17.0.post1", "1.17.0", False),
        ("1.17.1", "1.17.0", False),
        ("1.17.9", "1.17.3", False),
        ("1.20.0.dev20241001", "1.20.1", False),
        ("1.18.1", "1.17.3", False),
        ("2.0", "1.20.1", False),
        ("0.4.0", "1.0.0", False),
    ],
)
def test_release(matrix: Matrix, version: str, nearest: str, exact: bool) -> None:
    match = matrix.release(version)
    assert match is not None
    assert (match.release.version, match.exact) == (nearest, exact)


def test_release_of_unreadable_text(matrix: Matrix) -> None:
    assert matrix.release("unknown") is None
    assert matrix.limits("unknown") is None
    assert matrix.loads("unknown", 11, 6).value == CANNOT_TELL


@pytest.mark.parametrize(
    ("version", "opset", "ir", "value", "why"),
    [
        ("1.2.0", 11, 6, COMPATIBLE, "within"),
        ("1.2.0", 12, 6, INCOMPATIBLE, "opset"),
        ("1.2.0", 11, 7, INCOMPATIBLE, "ir"),
        # 1.0 loads any opset: what it does not promise it may compute wrongly.
        ("1.0.0", 11, 6, COMPATIBLE, "within"),
        ("1.0.0", 12, 6, CANNOT_TELL, "not-enforced"),
        ("1.18.1", 20, 9, CANNOT_TELL, "version-unknown"),
    ],
)
def test_loads(matrix: Matrix, *, version: str, opset: int, ir: int, value: str, why: str) -> None:
    verdict = matrix.loads(version, opset, ir)
    assert (verdict.value, verdict.why) == (value, why)
    assert verdict.rows[0].startswith("releases:")


def test_releases_for(matrix: Matrix) -> None:
    assert [row.version for row in matrix.releases_for(20, 9)] == ["1.17.0", "1.17.3", "1.20.1"]
    assert [row.version for row in matrix.releases_for(11, 6, ml_opset=3)] == []
    assert matrix.releases_for(99, 6) == []


def test_builds_are_filtered_and_the_index_comes_first(matrix: Matrix) -> None:
    found = matrix.builds("ONNXRuntime_GPU", "1.17", "linux", "x86_64")
    assert [row.channel for row in found] == ["index", "onnxruntime-cuda-12"]
    assert matrix.builds(version="not a version") == []
    assert matrix.builds("onnxruntime-gpu", "1.17.0", "macos") == []
    assert len(matrix.builds()) == len(FILES["builds"])


def test_cuda_of_is_that_of_a_plain_install(matrix: Matrix) -> None:
    assert matrix.cuda_of("onnxruntime-gpu", "1.17.0", "linux", "x86_64") == "11.8"
    assert matrix.cuda_of("onnxruntime-gpu", "1.2.0", "linux", "x86_64") == "10.1"
    # A wheel for a Jetson is nothing that pip finds.
    assert matrix.cuda_of("onnxruntime-gpu", "1.11.0", "linux", "aarch64") is None


@pytest.mark.parametrize(
    ("cuda", "os", "driver", "rule"),
    [
        ("12.8", "linux", "525.60.13", "minor-version"),
        ("12", "windows", "528.33", "minor-version"),
        ("11.8", "linux", "450.80.02", "minor-version"),
        ("10.2", "linux", "440.33", "toolkit"),
        ("10.2.89", "windows", "441.22", "toolkit"),
        ("10.1", "linux", "418.39", "toolkit"),
    ],
)
def test_driver_floor(matrix: Matrix, cuda: str, os: str, driver: str, rule: str) -> None:
    floor = matrix.driver_floor(cuda, os)
    assert floor is not None
    assert (floor.driver, floor.rule) == (driver, rule)


@pytest.mark.parametrize(
    ("cuda", "os"), [("10", "linux"), ("9.2", "linux"), ("14.0", "linux"), ("12.8", "macos"), ("", "linux")]
)
def test_no_floor_where_no_document_says(matrix: Matrix, cuda: str, os: str) -> None:
    assert matrix.driver_floor(cuda, os) is None


@pytest.mark.parametrize(
    ("driver", "cuda", "os", "value", "why"),
    [
        ("525.60.13", "12.8", "linux", COMPATIBLE, "minor-version"),
        ("525.60.12", "12.8", "linux", INCOMPATIBLE, "older"),
        ("470.82.01", "12", "linux", INCOMPATIBLE, "older"),
        ("470.82.01", "11.8", "linux", COMPATIBLE, "minor-version"),
        # No minor-version compatibility before CUDA 11: the driver of 10.1 does not run 10.2.
        ("418.39", "10.1", "linux", COMPATIBLE, "toolkit"),
        ("418.39", "10.2", "linux", INCOMPATIBLE, "older"),
        ("570.26", "10.2", "linux", COMPATIBLE, "toolkit"),
        # Between a toolkit's own row and the floor of its major.
        ("450.51.06", "11.0", "linux", COMPATIBLE, "toolkit"),
        ("450.51.06", "11.4", "linux", INCOMPATIBLE, "older"),
        ("527.41", "12.0", "windows", COMPATIBLE, "toolkit"),
        ("527.41", "12.8", "windows", INCOMPATIBLE, "older"),
        ("527.41", "12", "windows", CANNOT_TELL, "major-unclear"),
        ("580.1", "13.0", "windows", COMPATIBLE, "minor-version"),
        ("999", "14.0", "linux", CANNOT_TELL, "no-row"),
        ("N/A", "12.8", "linux", CANNOT_TELL, "unreadable"),
        ("570.26", "twelve", "linux", CANNOT_TELL, "unreadable"),
    ],
)
def test_driver_supports(matrix: Matrix, *, driver: str, cuda: str, os: str, value: str, why: str) -> None:
    verdict = matrix.driver_supports(driver, cuda, os)
    assert (verdict.value, verdict.why) == (value, why)
    assert bool(verdict.rows) == (why not in ("no-row", "unreadable"))


@pytest.mark.parametrize(
    ("driver", "os", "cuda"),
    [
        ("535.104.05", "linux", "12.0"),
        ("570.26", "linux", "12.8"),
        ("580.65.06", "linux", "13.0"),
        # The toolkit table has no Windows drivers past 12.9.
        ("591.44", "windows", "13.0"),
        ("418.38", "linux", None),
        ("driver", "linux", None),
    ],
)
def test_newest_cuda_for_driver(matrix: Matrix, driver: str, os: str, cuda: str | None) -> None:
    newest = matrix.newest_cuda_for_driver(driver, os)
    assert (newest.cuda if newest else None) == cuda


def gpu_build(*codes: str, cuda: str | None = "12", cuda_build: str | None = "12.8") -> Build:
    return Build(
        "builds:x",
        (),
        "x",
        "onnxruntime-gpu",
        "1.0.0",
        "linux",
        "x86_64",
        "index",
        "index",
        (),
        codes,
        cuda=cuda,
        cuda_build=cuda_build,
    )


@pytest.mark.parametrize(
    ("codes", "capability", "driver_cuda", "value", "why"),
    [
        (["SASS_80"], "8.6", None, COMPATIBLE, "sass"),
        (["SASS_86"], "8.0", "13.0", INCOMPATIBLE, "no-code"),
        (["SASS_80"], "9.0", "13.0", INCOMPATIBLE, "no-code"),
        (["SASS_120"], "12.0", None, COMPATIBLE, "sass"),
        (["SASS_120"], "12.1", None, COMPATIBLE, "sass"),
        (["SASS_80", "PTX_90"], "12.0", "12.8", COMPATIBLE, "ptx"),
        (["SASS_80", "PTX_90"], "12.0", "13.0", COMPATIBLE, "ptx"),
        # PTX of 12.8 needs a driver of 12.8, whatever minor-version compatibility says of the rest.
        (["SASS_80", "PTX_90"], "12.0", "12.2", INCOMPATIBLE, "ptx-driver-older"),
        (["SASS_80", "PTX_90"], "12.0", None, CANNOT_TELL, "ptx-driver-unknown"),
        (["SASS_80", "PTX_90"], "12.0", "N/A", CANNOT_TELL, "ptx-driver-unknown"),
        (["PTX_90"], "8.6", "13.0", INCOMPATIBLE, "no-code"),
        # Architecture-specific code does not go forward, family-specific code stays in its major.
        (["SASS_90a", "PTX_90a"], "9.0", "13.0", COMPATIBLE, "sass"),
        (["PTX_90a"], "9.0", "13.0", COMPATIBLE, "ptx"),
        (["SASS_90a", "PTX_90a"], "12.0", "13.0", INCOMPATIBLE, "no-code"),
        (["SASS_120a"], "12.1", "13.0", INCOMPATIBLE, "no-code"),
        (["PTX_120f"], "12.1", "13.0", COMPATIBLE, "ptx"),
        (["PTX_100f"], "12.0", "13.0", INCOMPATIBLE, "no-code"),
        # Desktop and Tegra do not promise to share machine code.
        (["SASS_80"], "8.7", "13.0", CANNOT_TELL, "sass-across-tegra"),
        (["SASS_87"], "8.7", None, COMPATIBLE, "sass"),
        (["SASS_80", "PTX_80"], "8.7", "13.0", COMPATIBLE, "ptx"),
        (["SASS_87"], "8.9", "13.0", CANNOT_TELL, "sass-across-tegra"),
        (["SASS_89", "SASS_90"], "8.7", "13.0", INCOMPATIBLE, "no-code"),
        (["SASS_80"], "eight", None, CANNOT_TELL, "capability-unreadable"),
        (["SASS_80"], "8", None, CANNOT_TELL, "capability-unreadable"),
    ],
)
def test_gpu_supported(
    matrix: Matrix, *, codes: list[str], capability: str, driver_cuda: str | None, value: str, why: str
) -> None:
    verdict = matrix.gpu_supported(gpu_build(*codes), capability, driver_cuda)
    assert (verdict.value, verdict.why) == (value, why)
    assert verdict.rows[0] == "builds:x"


@pytest.mark.parametrize(
    ("cuda", "cuda_build", "driver_cuda", "value", "why"),
    [
        ("11.8", None, "11.8", COMPATIBLE, "ptx"),
        ("11.8", None, "11.4", INCOMPATIBLE, "ptx-driver-older"),
        ("12", None, "12.2", CANNOT_TELL, "ptx-toolkit-unknown"),
        ("12", None, "11.8", INCOMPATIBLE, "ptx-driver-older"),
        ("12", None, "13.0", COMPATIBLE, "ptx"),
        (None, None, "13.0", CANNOT_TELL, "ptx-toolkit-unknown"),
    ],
)
def test_who_wrote_the_ptx(
    matrix: Matrix, *, cuda: str | None, cuda_build: str | None, driver_cuda: str, value: str, why: str
) -> None:
    verdict = matrix.gpu_supported(gpu_build("PTX_80", cuda=cuda, cuda_build=cuda_build), "9.0", driver_cuda)
    assert (verdict.value, verdict.why) == (value, why)


@pytest.mark.parametrize(
    ("cuda", "capability", "value", "why"),
    [
        ("13.0", "6.1", INCOMPATIBLE, "capability-dropped"),
        ("13", "6.1", INCOMPATIBLE, "capability-dropped"),
        ("12", "6.1", CANNOT_TELL, "code-unknown"),
        ("12.9", "6.1", CANNOT_TELL, "code-unknown"),
        ("10.2", "8.6", CANNOT_TELL, "gpu-newer-than-toolkit"),
        ("11", "8.6", CANNOT_TELL, "code-unknown"),
        ("11.8", "9.9", CANNOT_TELL, "code-unknown"),
        (None, "8.6", CANNOT_TELL, "code-unknown"),
    ],
)
def test_a_build_that_nobody_read(matrix: Matrix, cuda: str | None, capability: str, value: str, why: str) -> None:
    verdict = matrix.gpu_supported(gpu_build(cuda=cuda, cuda_build=None), capability, "13.0")
    assert (verdict.value, verdict.why) == (value, why)


def test_gpu_code_that_is_none_is_not_read() -> None:
    assert read_gpu_code("SASS_8") is None
    assert read_gpu_code("sm_86") is None
    code = read_gpu_code("PTX_120a")
    assert code is not None
    assert (code.form, code.capability, code.suffix) == ("PTX", "12.0", "a")


@pytest.mark.parametrize(
    ("l4t", "jetpack", "exact"),
    [
        ("32.7.1", "4.6.1", True),
        ("32.7.4", "4.6.1", False),
        ("32.1", "4.6", False),
        ("36.4.7", "6.2.1", True),
        ("36.4.5", "6.2.1", False),
    ],
)
def test_jetpack_of(matrix: Matrix, l4t: str, jetpack: str, exact: bool) -> None:
    match = matrix.jetpack_of(l4t)
    assert match is not None
    assert (match.jetpack.jetpack, match.exact) == (jetpack, exact)


@pytest.mark.parametrize("l4t", ["40.1", "R32", ""])
def test_no_jetpack(matrix: Matrix, l4t: str) -> None:
    assert matrix.jetpack_of(l4t) is None


def test_owners_are_those_that_share_the_folder(matrix: Matrix) -> None:
    assert [(row.name, row.versions) for row in matrix.owners()] == [
        ("onnxruntime", None),
        ("onnxruntime-qnn", "<2"),
    ]
    assert [row.conflicts for row in matrix.distributions("ONNXruntime.QNN")] == [True, False]


def test_python_api_is_sorted_by_release(matrix: Matrix) -> None:
    assert [row.first_version for row in matrix.python_api("signature")] == ["1.4.0", "1.15.0"]
    assert matrix.python_api("no_such_call") == []
