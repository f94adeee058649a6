"""Child: say what this interpreter would import, import onnxruntime, then run a session with the providers asked for.

Everything that is printed, by Python or natively, goes to standard error, in order; the answers go to
what standard output was. Between import and session STAGE is written there, so that
both texts can be told apart.
"""

import base64
import faulthandler
import importlib
import importlib.util
import json
import os
import re
import sys
import warnings
from typing import Any, Callable, Dict, List, Optional, Union

MARK = "\n@ortdoctor@ "
STAGE = "\n@ortdoctor-stage@\n"

#: Severity 2 is WARNING: what a provider says when it cannot be loaded is an error or a warning, by release.
SEVERITY = 2

#: Not for users of a package, but for its authors.
_NOT_KEPT = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)

#: Libraries of CUDA, cuDNN and TensorRT.
_CUDA = re.compile(r"lib(cu[a-zA-Z]+|nv[a-zA-Z]+)[\w-]*\.so")

Request = Dict[str, Any]


class Answers:
    """The way back to the parent: the old standard output, which nobody else prints to any more."""

    def __init__(self) -> None:
        self.stream = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def say(self, **said: Any) -> None:
        """Send a part of the answer now: the next call may be the one that crashes."""
        self.stream.write("%s%s\n" % (MARK, json.dumps(said)))
        self.stream.flush()


def look(answers: Answers) -> None:
    """Report ``sys.path`` made absolute, and where pip and onnxruntime would come from; ``spec`` comes last."""
    answers.say(path=[os.path.abspath(item) for item in sys.path])
    try:
        answers.say(pip=pip(), own_manylinux=importlib.util.find_spec("_manylinux") is not None)
    except Exception as error:  # noqa: BLE001 - finders of the user's may raise anything
        answers.say(pip_trouble="%s: %s" % (type(error).__name__, error))
    try:
        answers.say(spec=spec("onnxruntime"))
    except Exception as error:  # noqa: BLE001 - as above
        answers.say(spec_trouble="%s: %s" % (type(error).__name__, error), spec=None)


def spec(name: str) -> Optional[Dict[str, Any]]:
    """Return where a top-level module would come from, or None; a top-level find_spec imports nothing."""
    found = importlib.util.find_spec(name)
    if found is None:
        return None
    locations = found.submodule_search_locations
    return {
        "origin": os.path.abspath(found.origin) if found.has_location and found.origin else None,
        "locations": None if locations is None else [os.path.abspath(item) for item in locations],
    }


def pip() -> Optional[Dict[str, Optional[str]]]:
    """Return ``{version, path}`` of the pip that ``-m pip`` runs, as its text states them; importing it takes long."""
    found = importlib.util.find_spec("pip")
    if found is None:
        return None
    source_of = getattr(found.loader, "get_source", None)
    text = source_of("pip") if source_of else None
    version = re.search(r"^__version__ *= *['\"]([^'\"\n]+)['\"]", text or "", re.MULTILINE)
    return {
        "version": version.group(1) if version else None,
        "path": os.path.abspath(os.path.dirname(found.origin)) if found.origin else None,
    }


def import_it(answers: Answers) -> Any:
    """Import onnxruntime, report how that went and what it says of itself; None where it fails."""
    module: Any = None
    outcome: Dict[str, Any] = {"ok": True}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            module = importlib.import_module("onnxruntime")
        except BaseException as error:  # noqa: BLE001 - whatever an import raises, SystemExit included, is the answer
            outcome = {"ok": False, "error": str(error), "error_type": type(error).__name__}
    outcome["warnings"] = [
        "%s: %s" % (item.category.__name__, item.message) for item in caught if not issubclass(item.category, _NOT_KEPT)
    ]
    outcome["version"] = getattr(module, "__version__", None)
    answers.say(**{"import": outcome})
    if module is not None:
        providers = getattr(module, "get_available_providers", None) or getattr(module, "get_all_providers", None)
        answers.say(preload=hasattr(module, "preload_dlls"))
        answers.say(opened=opened())
        answers.say(device=asked(getattr(module, "get_device", None)))
        answers.say(build_info=asked(getattr(module, "get_build_info", None)))
        answers.say(providers=asked(providers))
    return module


def opened() -> List[str]:
    """Return the paths of CUDA's libraries that this process has open, as far as /proc tells."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            paths = {"/" + line.rstrip("\n").partition("/")[2] for line in maps if "/" in line}
    except OSError:
        return []
    return sorted(path for path in paths if _CUDA.match(os.path.basename(path)))


def asked(function: Optional[Callable[[], Any]]) -> Any:
    """Call a function that a release may lack; what it raises is no answer."""
    try:
        return function() if function else None
    except Exception:  # noqa: BLE001 - a broken build may raise anything, and the session will say more
        return None


def create(module: Any, model: Union[bytes, str], requested: List[str]) -> Any:
    """Create a session, with the release's way to choose providers: argument since 1.1, method in 1.0."""
    new = module.InferenceSession
    options = module.SessionOptions()
    if hasattr(options, "log_severity_level"):
        options.log_severity_level = SEVERITY
    number = tuple(int(part) for part in re.findall(r"\d+", str(getattr(module, "__version__", "")))[:2])
    if number and number < (1, 1):
        session = new(model, options)
        if hasattr(session, "set_providers"):
            session.set_providers(requested)
        return session
    return new(model, options, providers=requested)


def try_session(answers: Answers, module: Any, request: Request) -> None:
    """Create a session, report its providers, run it once and compare the result; a model by ``path`` is not run."""
    try:
        if hasattr(module, "set_default_logger_severity"):
            module.set_default_logger_severity(SEVERITY)
        model = request.get("path") or base64.b64decode(request["model"])
        session = create(module, model, request["requested"])
        answers.say(active=active(module, session))
        answers.say(trouble={} if request.get("path") else run(session, request))
    except BaseException as error:  # noqa: BLE001 - whatever it raises is the answer
        answers.say(trouble={"error": str(error), "error_type": type(error).__name__})


def active(module: Any, session: Any) -> List[str]:
    """Return the providers of a session; releases before 1.0 cannot tell, but a CPU build has one only."""
    if hasattr(session, "get_providers"):
        return list(session.get_providers())
    return ["CPUExecutionProvider"] if asked(module.get_device) == "CPU" else []


def run(session: Any, request: Request) -> Dict[str, Optional[str]]:
    """Run once; what is wrong with the numbers is an error, too."""
    np = importlib.import_module("numpy")  # not of the standard library, but onnxruntime's own need
    values = np.array(request["input"], dtype=np.float32).reshape(request["shape"])
    result = session.run(None, {"x": values})[0].ravel().tolist()
    wanted = request["output"]
    pairs = zip(result, wanted)  # noqa: B905 - 3.6 has no strict=
    if len(result) == len(wanted) and all(abs(got - want) <= 1e-3 * abs(want) for got, want in pairs):
        return {}
    return {"error": "the model gave %s instead of %s" % (result, wanted), "error_type": "WrongResult"}


def limit_cores() -> None:
    """Let a crash leave no core file in the user's folder."""
    try:
        import resource  # noqa: PLC0415 - there is none on Windows
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(request: Request) -> None:
    """Report what :func:`look` sees; ``import``, ``version`` .. ``providers``; ``active`` and ``trouble`` of a session.

    Without providers that are ``requested`` the look is all. ``only_with`` names a provider without which no
    session is tried.
    """
    limit_cores()
    faulthandler.disable()
    answers = Answers()
    look(answers)
    if not request["requested"]:
        return
    module = import_it(answers)
    sys.stdout.flush()
    os.write(2, STAGE.encode("ascii"))
    providers = asked(getattr(module, "get_available_providers", None)) or []
    if module is None or (request["only_with"] and request["only_with"] not in providers):
        return
    answers.say(tried=True)
    try_session(answers, module, request)
    answers.say(done=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
