"""Write a bundle: everything is made in memory, then put in place in one step or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ortdoctor.bundle.archive import archive_format, archive_name, pack
from ortdoctor.bundle.golden import golden_files, runner_files
from ortdoctor.bundle.manifest import NAME, manifest, to_bytes
from ortdoctor.bundle.place import check_file, check_folder, place_file, place_folder
from ortdoctor.bundle.plan import BundlePlan, make_plan
from ortdoctor.bundle.readme import readme
from ortdoctor.bundle.requirements import requirements
from ortdoctor.bundle.targets import find
from ortdoctor.bundle.zipapp import zipapp
from ortdoctor.data import compat_json
from ortdoctor.errors import DowngradeError
from ortdoctor.model.load import Model, load
from ortdoctor.model.restamp import Restamped, restamp
from ortdoctor.model.running import noise
from ortdoctor.model.scrfd import require_spec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortdoctor.diagnose.matrix import Matrix


@dataclass(frozen=True)
class BundleResult:
    """What was written: ``path`` is the folder or the archive, ``archive`` its format or None for a folder.

    ``detections`` is the number of faces in the golden picture; with none, the smoke test on the target
    compares raw outputs only. ``difference`` is that of the changed model from the original, None unchanged.
    """

    path: Path
    archive: str | None
    plan: BundlePlan
    spec: dict[str, Any]
    manifest: dict[str, Any]
    changes: tuple[str, ...]
    difference: float | None
    detections: int


def write_bundle(
    model_path: str | Path,
    target_id: str,
    out: str | Path,
    *,
    archive: bool | str = False,
    facts: Mapping[str, Any] | None = None,
    image: str | Path | None = None,
    size: tuple[int, int] | None = None,
    matrix: Matrix,
) -> BundleResult:
    """Pack the model for a target and return what was written.

    ``archive`` True or a format (``"zip"``, ``"tar.gz"``) writes one file instead of a folder; so does an
    ``out`` that ends like one. ``facts`` are those of the target, ``image`` a picture for the golden data,
    ``size`` (width, height) for a model that takes any. Raises :class:`ModelError` for what is no usable
    SCRFD model, :class:`DowngradeError` where it cannot be brought down to the target, :class:`BundleError`
    where ``out`` holds anything that is not an unchanged bundle, :class:`UsageError` for a target that needs
    facts and has none. Until the last step nothing is at ``out``, and what was there stays.
    """
    out, kind = _destination(out, archive)
    check_file(out) if kind else check_folder(out)
    model = load(model_path)
    spec = require_spec(model, size=size)
    plan = make_plan(find(target_id, compat_json("targets")), matrix, facts)
    restamped = _restamp(model, spec, plan)
    files = _files(restamped, spec, plan, matrix, None if image is None else Path(image))
    document = manifest(plan, model, restamped, files)
    files[NAME] = to_bytes(document)
    if kind:
        place_file(out, pack(files, kind))
    else:
        place_folder(out, files)
    faces = files["golden/detections.json"].count(b'"bbox"')
    return BundleResult(out, kind, plan, spec, document, restamped.changes, restamped.difference, faces)


def _destination(out: str | Path, archive: bool | str) -> tuple[Path, str | None]:
    if archive is False and archive_format(str(out)) is None:
        return Path(out).absolute(), None
    name, kind = archive_name(str(out), True if archive is False else archive)
    return Path(name).absolute(), kind


def _restamp(model: Model, spec: dict[str, Any], plan: BundlePlan) -> Restamped:
    width, height = spec["input"]["size"]
    feeds = {spec["input"]["name"]: noise((1, 3, height, width))}
    try:
        return restamp(model, opset=plan.opset, ir=plan.ir, feeds=feeds)
    except DowngradeError as error:
        raise DowngradeError(
            f"{model.path} cannot be packed for the target {plan.target.id!r}, which takes opset {plan.opset} and "
            f"IR version {plan.ir} at most: {error}"
        ) from error


def _files(
    restamped: Restamped, spec: dict[str, Any], plan: BundlePlan, matrix: Matrix, image: Path | None
) -> dict[str, bytes]:
    """Return every file but the manifest by its name in the bundle."""
    opset = restamped.opsets.get("ai.onnx", 0)
    return {
        "model.onnx": restamped.data,
        "spec.json": to_bytes(spec),
        "requirements.txt": requirements(plan, matrix, opset, restamped.ir).encode("ascii"),
        "README.md": readme(plan, spec, restamped).encode("ascii"),
        "ortdoctor.pyz": zipapp(),
        **runner_files(),
        **golden_files(restamped.data, spec, image),
    }
