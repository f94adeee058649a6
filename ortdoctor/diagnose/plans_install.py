"""The commands of a plan: what removes, fetches and installs, in a shell of the machine that it is for."""

import re
from typing import List

from ortdoctor.diagnose import fits, installed, machine, remedies
from ortdoctor.diagnose.facts import FOUND, Facts, version_tuple
from ortdoctor.diagnose.matrix_rows import Build
from ortdoctor.diagnose.plans_rank import has_file_address
from ortdoctor.diagnose.plans_ways import Way

#: Where the commands of a plan expect a wheel that a person has to bring, or that is fetched first.
WHEEL_FOLDER = "wheels"


def in_the_way(facts: Facts, build: Build) -> List[str]:
    """Return what to remove first: all, where there is another one, whose removal takes shared files with it."""
    names = [str(row["name"]) for row in installed.distributions(facts)]
    return names if any(name != build.distribution for name in names) else []


def requirements(facts: Facts, build: Build, way: Way) -> List[str]:
    """Return what pip has to install, as requirements: the release, NumPy held back where needed, the libraries."""
    held = ["numpy" + build.numpy] if build.numpy and _has_numpy_2(facts) else []
    return ["%s==%s" % (build.distribution, build.version)] + held + way.requirements


def commands(facts: Facts, build: Build, way: Way, uninstall: List[str]) -> List[str]:
    """Return the commands that leave ``build`` as the only distribution in the shared folder, with its libraries.

    A wheel that no index has any more is expected in the folder ``wheels``; one of an extra index is fetched into it.
    """
    release, *beside = requirements(facts, build, way)
    fetch: List[str] = []
    if build.availability == "jetson":
        release = _wheel_name(facts, build)
        fetch = remedies.download(facts, build.where, release)
    elif build.availability == "extra-index":
        fetch = _from_index(facts, build)
    upgrade = fits.platform(facts, build).reason == "pip"
    install = remedies.install(facts, [release] + beside, uninstall=uninstall, upgrade_pip=upgrade)
    if build.availability not in ("index", "jetson"):
        install[-1] = _of_folder(facts, build, install[-1], release)
    return fetch + install + _search_path(facts, way)


def is_page_only(build: Build) -> bool:
    """Return whether a person has to fetch the wheel from a page: ``where`` names no file."""
    return build.availability == "jetson" and not has_file_address(build)


def _search_path(facts: Facts, way: Way) -> List[str]:
    if way.kind == "wheels":
        return remedies.loader_path(facts)
    return remedies.search_path(facts, way.folders)


def _of_folder(facts: Facts, build: Build, command: str, release: str) -> str:
    """Return ``command`` with the wheel of the folder in place of ``release``.

    By name, an index that has the same release would win over the folder; ``cmd`` fills in no patterns.
    """
    named = remedies.quote(release, machine.os_of(facts))
    if build.availability != "extra-index":
        return command.replace(named, "--find-links %s %s" % (WHEEL_FOLDER, named))
    pattern = "%s-%s-*.whl" % (build.distribution.replace("-", "_"), build.version)
    if machine.os_of(facts) != "windows":
        return command.replace(named, "%s/%s" % (WHEEL_FOLDER, pattern))
    return "for %%f in (%s\\%s) do %s" % (WHEEL_FOLDER, pattern, command.replace(named, "%f"))


def index_variable(build: Build) -> str:
    """Return the variable that a person sets to the address of an extra index; rows name indexes, not addresses."""
    return re.sub(r"[^A-Z0-9]+", "_", build.channel.upper()) + "_INDEX"


def _from_index(facts: Facts, build: Build) -> List[str]:
    """Return the command that fetches the wheel alone: installed by name, the index would win over the extra one."""
    variable = index_variable(build)
    address = "%%%s%%" % variable if machine.os_of(facts) == "windows" else '"$%s"' % variable
    return [
        "%s -m pip download --no-deps --index-url %s -d %s %s==%s"
        % (remedies.python(facts), address, WHEEL_FOLDER, build.distribution, build.version)
    ]


def _wheel_name(facts: Facts, build: Build) -> str:
    """Return the name that a Jetson wheel needs: pip reads its tags, and the file server gives it another name."""
    tag = machine.python_tag(facts) or (build.python[0] if build.python else "")
    abi = tag + "m" if tag in ("cp35", "cp36", "cp37") else tag
    return "%s-%s-%s-%s-linux_aarch64.whl" % (build.distribution.replace("-", "_"), build.version, tag, abi)


def _has_numpy_2(facts: Facts) -> bool:
    """Python 3.9 and later offer NumPy 2 to a fresh install; earlier ones cannot have it."""
    if facts.state("python.packages") == FOUND and "numpy" in facts.record("python.packages"):
        return version_tuple(facts.record("python.packages")["numpy"]) >= (2,)
    return version_tuple(facts.text("python.version")) >= (3, 9)
