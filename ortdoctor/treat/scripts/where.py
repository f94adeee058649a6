"""Child: where this interpreter keeps packages and scripts, as one line of JSON behind MARK."""

import json
import os
import site
import sys
import sysconfig

MARK = "@ortdoctor@ "


def main():
    # type: () -> None
    """Print the folders that an installer may write to, those for packages first."""
    packages = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    packages += getattr(site, "getsitepackages", list)()
    scripts = [sysconfig.get_path("scripts")]
    if getattr(site, "ENABLE_USER_SITE", False):
        packages.append(site.getusersitepackages())
        scripts.append(os.path.join(site.getuserbase(), "Scripts" if os.name == "nt" else "bin"))
    data = []
    if sys.prefix != getattr(sys, "base_prefix", sys.prefix):
        data = [os.path.join(sys.prefix, name) for name in ("share", "etc", "include")]
    answer = {"packages": packages, "scripts": scripts, "data": data, "prefix": sys.prefix}
    sys.stdout.write("\n%s%s\n" % (MARK, json.dumps(answer)))


if __name__ == "__main__":
    main()
