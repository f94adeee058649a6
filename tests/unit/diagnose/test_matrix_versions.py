"""versions.py must order as packaging does: a Python 3.6 box has no packaging to ask."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion
from packaging.version import Version as Reference

from ortdoctor.diagnose.versions import major_minor, numbers, parse

NUMBER = st.integers(0, 12).map(str)
SEPARATOR = st.sampled_from(["", ".", "-", "_"])
OPTIONAL_NUMBER = st.one_of(st.just(""), NUMBER)
VERSIONS = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "v", "V"]),
        st.sampled_from(["", "", "", "1!"]),
        st.lists(NUMBER, min_size=1, max_size=4).map(".".join),
        st.one_of(
            st.just(""),
            st.builds(
                "{}{}{}{}".format,
                SEPARATOR,
                st.sampled_from(["a", "b", "c", "rc", "alpha", "beta", "pre", "preview", "RC"]),
                SEPARATOR,
                OPTIONAL_NUMBER,
            ),
        ),
        st.one_of(
            st.just(""),
            st.builds("-{}".format, NUMBER),
            st.builds(
                "{}{}{}{}".format,
                SEPARATOR,
                st.sampled_from(["post", "rev", "r"]),
                SEPARATOR,
                OPTIONAL_NUMBER,
            ),
        ),
        st.one_of(st.just(""), st.builds("{}dev{}{}".format, SEPARATOR, SEPARATOR, OPTIONAL_NUMBER)),
        st.one_of(
            st.just(""),
            st.lists(st.sampled_from(["cu118", "1", "01", "nv", "Ubuntu", "2"]), min_size=1, max_size=3).map(
                lambda words: "+" + ".".join(words)
            ),
        ),
    ),
)


@settings(deadline=None, max_examples=150)
@given(VERSIONS, VERSIONS)
def test_order_is_that_of_packaging(a: str, b: str) -> None:
    for compare in (operator.eq, operator.lt, operator.le, operator.gt, operator.ge):
        assert compare(parse(a), parse(b)) == compare(Reference(a), Reference(b)), (compare, a, b)
    if Reference(a) == Reference(b):
        assert hash(parse(a)) == hash(parse(b))


@settings(deadline=None, max_examples=150)
@given(st.one_of(VERSIONS, st.text("0123456789.abrcdevpost+-_! ", max_size=12)))
def test_the_same_texts_are_versions(text: str) -> None:
    try:
        reference = Reference(text)
    except InvalidVersion:
        with pytest.raises(ValueError, match="expected a version"):
            parse(text)
        return
    version = parse(text)
    assert version.release == reference.release
    assert version.pre == reference.pre
    assert version.post == reference.post
    assert version.dev == reference.dev
    assert version.local is None or reference.local is not None
    plain = not (reference.is_prerelease or reference.is_postrelease or reference.local)
    assert version.plain == plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("535.104.05", (535, 104, 5)),
        ("13", (13,)),
        ("13.0", (13,)),
        ("12.10", (12, 10)),
        (" 580 ", (580,)),
        ("0", (0,)),
    ],
)
def test_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize("text", ["", "N/A", "12.", "535.104a", "-1", "12 .8", "[N/A]"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected numbers"):
        numbers(text)


def test_major_minor_keeps_an_unknown_minor_apart() -> None:
    assert major_minor("12") == (12, None)
    assert major_minor("12.0") == (12, 0)
    assert major_minor("11.0.3") == (11, 0)
