"""Compare version numbers with the standard library only: PEP 440 for packages, plain numbers for the rest.

The ordering is that of ``packaging.version`` (PEP 440, appendix B), which a Python 3.6 box may not have.
"""

import re
from functools import lru_cache
from typing import Optional, Tuple

_PATTERN = re.compile(
    r"""v?
    (?:(?P<epoch>[0-9]+)!)?
    (?P<release>[0-9]+(?:\.[0-9]+)*)
    (?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_n>[0-9]+)?)?
    (?:-(?P<post_implicit>[0-9]+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_n>[0-9]+)?)?
    (?:[-_.]?(?P<dev>dev)[-_.]?(?P<dev_n>[0-9]+)?)?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.IGNORECASE,
)
_PRE = {"alpha": "a", "a": "a", "beta": "b", "b": "b", "c": "rc", "rc": "rc", "pre": "rc", "preview": "rc"}

_Words = Tuple[Tuple[int, int, str], ...]
_Key = Tuple[int, Tuple[int, ...], Tuple[int, str, int], int, Tuple[int, int], _Words]


class Version:
    """A PEP 440 version: comparable, hashable, ``1.0 == 1.0.0``; ``ValueError`` for anything else."""

    __slots__ = ("_key", "dev", "local", "post", "pre", "release", "text")

    def __init__(self, text: str) -> None:
        match = _PATTERN.fullmatch(text.strip())
        if match is None:
            raise ValueError("expected a version such as 1.17.0 or 1.17.0.post1, found %r" % text)
        part = match.groupdict()
        self.text = text.strip()
        self.release = tuple(int(number) for number in part["release"].split("."))  # type: Tuple[int, ...]
        self.pre = None  # type: Optional[Tuple[str, int]]
        if part["pre"]:
            self.pre = (_PRE[part["pre"].lower()], int(part["pre_n"] or 0))
        self.post = None  # type: Optional[int]
        if part["post"] or part["post_implicit"]:
            self.post = int(part["post_n"] or part["post_implicit"] or 0)
        self.dev = int(part["dev_n"] or 0) if part["dev"] else None  # type: Optional[int]
        self.local = part["local"].lower() if part["local"] else None  # type: Optional[str]
        self._key = self._comparable(int(part["epoch"] or 0))

    def _comparable(self, epoch: int) -> _Key:
        """Return the sort key: a missing pre sorts last, unless only a dev number makes it sort first."""
        pre = (1, "", 0)
        if self.pre is not None:
            pre = (0, self.pre[0], self.pre[1])
        elif self.post is None and self.dev is not None:
            pre = (-1, "", 0)
        local = re.split("[-_.]", self.local) if self.local else []
        return (
            epoch,
            _without_trailing_zeros(self.release),
            pre,
            -1 if self.post is None else self.post,
            (1, 0) if self.dev is None else (0, self.dev),
            # A number sorts after a word; a version without a local part sorts before one with.
            tuple((1, int(word), "") if word.isdigit() else (0, 0, word) for word in local),
        )

    @property
    def plain(self) -> bool:
        """True for a final release: no pre, post, dev or local part."""
        return self.pre is None and self.post is None and self.dev is None and self.local is None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __lt__(self, other: "Version") -> bool:
        return self._key < other._key

    def __le__(self, other: "Version") -> bool:
        return self._key <= other._key

    def __gt__(self, other: "Version") -> bool:
        return self._key > other._key

    def __ge__(self, other: "Version") -> bool:
        return self._key >= other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return "Version(%r)" % self.text


# The solver compares the few hundred versions of the matrix thousands of times.
@lru_cache(maxsize=4096)
def parse(text: str) -> Version:
    """Return the :class:`Version`; ``ValueError`` where ``text`` is none."""
    return Version(text)


@lru_cache(maxsize=4096)
def numbers(text: str) -> Tuple[int, ...]:
    """Return the numbers of a driver, CUDA or L4T version, to be compared; ``ValueError`` for other text.

    ``"535.104.05"`` gives ``(535, 104, 5)``. Trailing zeros are dropped: ``13`` equals ``13.0``.
    """
    if not re.fullmatch(r"[0-9]+(?:\.[0-9]+)*", text.strip()):
        raise ValueError("expected numbers with dots between, such as 535.104.05, found %r" % text)
    return _without_trailing_zeros(tuple(int(number) for number in text.strip().split(".")))


@lru_cache(maxsize=4096)
def major_minor(text: str) -> Tuple[int, Optional[int]]:
    """Return ``(12, 8)`` for ``"12.8.61"``, ``(12, None)`` for ``"12"``; ``ValueError`` for other text."""
    numbers(text)
    parts = text.strip().split(".")
    return int(parts[0]), int(parts[1]) if len(parts) > 1 else None


def _without_trailing_zeros(release: Tuple[int, ...]) -> Tuple[int, ...]:
    end = len(release)
    while end > 1 and release[end - 1] == 0:
        end -= 1
    return release[:end]
