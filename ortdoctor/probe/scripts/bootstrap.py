"""Load the probe's folder into this interpreter and print its facts between two fences.

Arguments: the folder, the fence, the tool's version, and a model's path or nothing. Whatever an interpreter
meets before the check of its version also runs on Python 2.7.
"""

import sys

NAME = "ortdoctor_probe"


def facts(folder, version, model):
    # type: (str, str, str) -> str
    """Import the probe in ``folder`` under a name of its own; return its facts as a text of ASCII characters."""
    # The current folder comes first on the path of ``python -c``: a json.py of the user's must not break us.
    path = sys.path[:]
    sys.path[:] = [entry for entry in path if entry]
    sys.dont_write_bytecode = True  # a diagnosis leaves no files behind
    import importlib.util  # noqa: PLC0415 - Python 2.7 has no such module, and the path must be clean first
    import os  # noqa: PLC0415 - as above
    import types  # noqa: PLC0415 - as above

    file = os.path.join(folder, "__init__.py")
    if os.path.isdir(folder):
        spec = importlib.util.spec_from_file_location(NAME, file, submodule_search_locations=[folder])
    else:
        # In a zipapp; its own name for the package is another, so that zipimport cannot be asked for it.
        from zipimport import zipimporter  # noqa: PLC0415 - the path must be clean first

        loader = zipimporter(os.path.dirname(folder))
        spec = importlib.util.spec_from_loader(NAME, loader, origin=file, is_package=True)
    if spec is None or spec.loader is None:
        raise ImportError("no module can be loaded from %s" % folder)
    package = types.ModuleType(NAME)  # the probe's __init__.py is empty
    package.__spec__, package.__loader__, package.__file__ = spec, spec.loader, file
    package.__package__, package.__path__ = NAME, [folder]
    sys.modules[NAME] = package
    probe = importlib.import_module(NAME + ".__main__")
    sys.path[:] = path
    return str(probe.text(version, model))


def tell(text):
    # type: (str) -> None
    """Write past whatever a site hook made of sys.stdout."""
    sys.stdout.flush()
    with open(1, "wb", closefd=False) as out:
        out.write(text.encode("ascii"))


def main(folder, fence, version, model=""):
    # type: (str, str, str, str) -> None
    """Print the facts, or which interpreter this is where it is too old for the probe."""
    if sys.version_info < (3, 6):
        sys.stdout.write(fence + '{"too_old": "%d.%d.%d"}' % tuple(sys.version_info[:3]) + fence)
    else:
        tell(fence + facts(folder, version, model) + fence)


if __name__ == "__main__":
    main(*sys.argv[1:])
