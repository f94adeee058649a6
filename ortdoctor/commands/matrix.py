"""What ``matrix`` does, whichever command line asked: the table in one of its forms, or one release explained."""

import json
from typing import Optional

from ortdoctor import data
from ortdoctor.errors import UsageError
from ortdoctor.report import matrix as report


def matrix(
    action: Optional[str],
    version: Optional[str],
    as_json: bool = False,
    as_csv: bool = False,
    as_markdown: bool = False,
) -> str:
    """Return the table, or with the ``action`` ``explain`` the release ``version``, as text that ends in a line end."""
    if as_json + as_csv + as_markdown > 1:
        raise UsageError("--json, --csv and --markdown exclude each other: give one of them")
    if action is not None:
        return _explained(action, version, as_json=as_json, tabular=as_csv or as_markdown)
    rows = data.matrix()
    if as_json:
        return json.dumps(report.document(rows), indent=2) + "\n"
    form = report.as_csv if as_csv else report.as_markdown if as_markdown else report.as_text
    return form(rows)


def _explained(action: str, version: Optional[str], as_json: bool, tabular: bool) -> str:
    if action != "explain" or version is None:
        found = "%s %s" % (action, version or "")
        raise UsageError("expected: matrix explain VERSION; found: %s" % found.strip())
    if tabular:
        raise UsageError("a release is explained as text or with --json; --csv and --markdown are for the table")
    known = data.matrix()
    whole = report.explained(known, version)
    if whole is None:
        newest = known.releases()[-1].version
        raise UsageError("the matrix knows no release %r; its table lists those up to %s" % (version, newest))
    return json.dumps(whole, indent=2) + "\n" if as_json else report.explanation(whole)
