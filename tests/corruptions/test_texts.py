"""Recorded outputs of commands, corrupted: a parser gives JSON, a reason where it finds nothing, no exception."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ortdoctor.probe.texts import PARSERS, parse
from tests.corruptions.corrupt import corrupted, share
from tests.unit.probe.texts.samples import Sample, samples


@share(0.4)
@given(st.data(), st.sampled_from(samples()))
def test_no_output_makes_a_parser_raise(data: st.DataObject, sample: Sample) -> None:
    text = data.draw(corrupted(sample.text.encode("utf-8", "surrogatepass"))).decode("utf-8", "replace")
    for kind in (sample.kind, data.draw(st.sampled_from(sorted(PARSERS)))):
        found = parse(kind, text)
        assert found, "nothing is found and no reason is given"
        assert json.loads(json.dumps(found)) == found
