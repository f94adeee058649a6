"""The form of every fact, as docs/facts.md gives it: the one place that says what a rule may rely on.

A shape is a type name (``"str"``, ``"int"``, ``"bool"``, ``"any"``), a list of one shape, a record (names to
shapes; a name that ends in ``?`` may be null or left out) or :class:`Mapping` (any names to one shape).
"""

from typing import Any, Dict, List, NamedTuple, Union


class Mapping(NamedTuple):
    """A JSON object whose names are data, such as ``{distribution: version}``."""

    values: str


Shape = Union[str, List[Any], Dict[str, Any], Mapping]

_SESSION = {
    "requested?": ["str"],
    "active?": ["str"],
    "error?": "str",
    "error_type?": "str",
    "stderr?": "str",
    "exit?": "int",
    "signal?": "str",
}

SHAPES: Dict[str, Shape] = {
    "system.os": "str",
    "system.kernel": "str",
    "system.arch": "str",
    "system.distribution": {
        "id": "str",
        "version_id?": "str",
        "pretty_name?": "str",
        "id_like?": ["str"],
        "codename?": "str",
    },
    "system.libc": {"name": "str", "version?": "str"},
    "system.container": "str",
    "system.wsl": "int",
    "system.jetson": {"l4t": "str", "release?": "any", "revision?": "any", "board?": "str", "model?": "str"},
    "system.cpu": {"model?": "str", "flags?": ["str"]},
    "system.pci_gpus": [{"vendor": "str", "device?": "str", "address?": "str"}],
    "python.version": "str",
    "python.implementation": "str",
    "python.abi_tag": "str",
    "python.executable": "str",
    "python.prefix": "str",
    "python.bits": "int",
    "python.environment": {"kind": "str", "path?": "str", "tool?": "str", "externally_managed?": "bool"},
    "python.pip": {"version": "str", "path?": "str"},
    "python.wheel_tags": {
        "platforms": ["str"],
        "manylinux2014?": "bool",
        "manylinux_2_28?": "bool",
        "musllinux?": "bool",
    },
    "python.packages": Mapping("str"),
    "python.env": Mapping("str"),
    "gpu.driver_version": "str",
    "gpu.driver_cuda": "str",
    "gpu.cuda_api": {
        "library?": "str",
        "version?": "str",
        "init_code?": "int",
        "init_name?": "str",
        "device_count?": "int",
    },
    "gpu.nvidia_smi": "any",
    "gpu.proc_driver": "any",
    "gpu.devices": [
        {
            "index?": "int",
            "name?": "str",
            "memory_mib?": "int",
            "compute_capability?": "str",
            "uuid?": "str",
            "source?": "str",
        }
    ],
    "cuda.nvcc": [{"path": "str", "cuda?": "str", "version?": "str"}],
    "cuda.toolkits": [{"path": "str", "version?": "str", "cuda?": "str", "read_from?": "str"}],
    "cuda.libraries": [
        {
            "name": "str",
            "soname?": "str",
            "version?": "str",
            "major?": "any",
            "path": "str",
            "supply?": "str",
            "loader?": "bool",
            "wheel?": "str",
            "error?": "str",
        }
    ],
    "cudnn.header": [{"path": "str", "cudnn?": "str", "partial?": "any"}],
    "cudnn.runtime": {"path?": "str", "version": "str"},
    "cudnn.wheels": [{"distribution": "str", "version": "str"}],
    "ort.distributions": [
        {
            "name": "str",
            "version": "str",
            "location?": "str",
            "missing?": ["str"],
            "changed?": ["str"],
            "files?": "int",
        }
    ],
    "ort.folder": {"path": "str", "has_init": "bool", "native?": ["str"], "plugin?": "any"},
    "ort.module": {"file?": "str", "kind": "str", "shadows?": "bool", "location?": "str"},
    "ort.elsewhere": [{"python": "str", "version?": "str", "distribution?": "str"}],
    "ort.import": {
        "ok": "bool",
        "version?": "str",
        "error?": "str",
        "error_type?": "str",
        "warnings?": ["str"],
        "stderr?": "str",
        "exit?": "int",
        "signal?": "str",
        "hangs?": "bool",
        "numpy?": {"ok": "bool", "error?": "str", "signal?": "str"},
    },
    "ort.version": "str",
    "ort.build_info": "str",
    "ort.cuda_build": "str",
    "ort.device": "str",
    "ort.available_providers": ["str"],
    "ort.provider_libraries": [
        {
            "path": "str",
            "provider?": "str",
            "needed": [{"soname": "str", "path?": "str", "searched?": ["str"], "needed_by?": "str"}],
            "runpath?": ["str"],
            "glibc?": "str",
            "glibcxx?": "str",
            "error?": "str",
        }
    ],
    "ort.session": {"cpu?": _SESSION, "cuda?": _SESSION},
    "ort.preload": {"available": "bool"},
    "ort.extension": {
        "path": "str",
        "python?": "str",
        "machine?": "str",
        "bits?": "int",
        "glibc?": "str",
        "glibcxx?": "str",
        "glibcxx_here?": "str",
        "exec_stack?": "bool",
        "needed?": [{"soname": "str", "path?": "str", "searched?": ["str"]}],
        "error?": "str",
    },
    "model.file": {"path": "str", "size?": "int", "code?": "str", "problem?": "str"},
    "model.content": {
        "ir_version": "int",
        "opsets": Mapping("int"),
        "producer?": "str",
        "producer_version?": "str",
        "nodes?": "int",
        "subgraphs?": "int",
        "functions?": "int",
        "types?": ["str"],
    },
    "model.operators": [{"domain": "str", "name": "str", "count?": "int", "where?": "str", "local?": "bool"}],
    "model.external_data": [
        {"location": "str", "tensors?": "int", "needs?": "int", "size?": "int", "problem?": "str"}
    ],
    "model.session": {"cpu?": _SESSION, "cuda?": _SESSION},
}

_TYPES = {"str": str, "int": int, "bool": bool}


class ShapeError(ValueError):
    """A value is not of its shape; ``str()`` says where and what was expected."""


def fit(value: Any, shape: Shape, where: str = "value") -> Any:
    """Return ``value`` rebuilt in its ``shape``: a rule may then index every name of a record.

    Names that may be left out are there as None (lists as ``[]``); names that are not known are dropped.
    Raises :class:`ShapeError` where the value is of another type.
    """
    if isinstance(shape, str):
        return _fit_plain(value, shape, where)
    if isinstance(shape, list):
        if not isinstance(value, list):
            raise ShapeError("%s should be a list and is %s" % (where, type(value).__name__))
        return [fit(item, shape[0], "%s[%d]" % (where, at)) for at, item in enumerate(value)]
    if not isinstance(value, dict):
        raise ShapeError("%s should be an object and is %s" % (where, type(value).__name__))
    if isinstance(shape, Mapping):
        return {str(name): _fit_plain(item, shape.values, where) for name, item in value.items()}
    return _fit_record(value, shape, where)


def _fit_plain(value: Any, shape: str, where: str) -> Any:
    # bool is an int in Python and is not one in JSON.
    if shape != "any" and (
        not isinstance(value, _TYPES[shape]) or (shape == "int" and isinstance(value, bool))
    ):
        raise ShapeError("%s should be %s and is %s" % (where, shape, type(value).__name__))
    return value


def _fit_record(value: Dict[str, Any], shape: Dict[str, Any], where: str) -> Dict[str, Any]:
    record: Dict[str, Any] = {}
    for named, inner in shape.items():
        name = named.rstrip("?")
        item = value.get(name)
        if item is not None:
            record[name] = fit(item, inner, "%s.%s" % (where, name))
        elif named.endswith("?"):
            record[name] = [] if isinstance(inner, list) else None
        else:
            raise ShapeError("%s should have %r and has not" % (where, name))
    return record


def json_schema() -> Dict[str, Any]:
    """Return the JSON schema of a facts document, ``compat/schema/facts.schema.json``."""
    facts = {}
    for key, shape in SHAPES.items():
        value = _schema_of(shape)
        facts[key] = {
            "type": "object",
            "required": ["value", "source", "error"],
            "properties": {
                "value": {"anyOf": [{"type": "null"}, value]},
                "source": {"type": ["string", "null"]},
                "error": {"type": ["string", "null"]},
            },
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Facts: what is true of a machine",
        "type": "object",
        "required": ["schema", "facts"],
        "properties": {
            "schema": {"type": "string", "pattern": "^ortdoctor\\.facts/1$"},
            "ortdoctor": {"type": "string"},
            "collected": {"type": "string"},
            "mode": {"enum": ["full", "static"]},
            "root": {"type": "string"},
            "facts": {"type": "object", "properties": facts},
        },
    }


def _schema_of(shape: Shape) -> Dict[str, Any]:
    if isinstance(shape, str):
        return (
            {} if shape == "any" else {"type": {"str": "string", "int": "integer", "bool": "boolean"}[shape]}
        )
    if isinstance(shape, list):
        return {"type": "array", "items": _schema_of(shape[0])}
    if isinstance(shape, Mapping):
        return {"type": "object", "additionalProperties": _schema_of(shape.values)}
    properties = {}
    for named, inner in shape.items():
        schema = _schema_of(inner)
        properties[named.rstrip("?")] = (
            {"anyOf": [{"type": "null"}, schema]} if named.endswith("?") else schema
        )
    required = [name for name in shape if not name.endswith("?")]
    return {"type": "object", "required": required, "properties": properties}
