"""No pattern tries blanks in all the ways in which they can be cut: each of these would take hours, and the first one the front itself."""

import pytest

from extractor_service.formats.containers.pdf import own, syntax
from extractor_service.formats.identification.identify import identify
from extractor_service.formats.identification.text import kind_of

BLANKS = [" ", "\t", "\n", "\u00a0", "\u2003", " \n", "#a\n", "# \n "]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("blank", BLANKS)
def test_blanks_are_text_of_no_kind(blank):
    text = "\u00a0" + blank * (4000 // len(blank))
    assert kind_of(text) == ""
    identify(text.encode(), len(text.encode()))


@pytest.mark.timeout(10)
@pytest.mark.parametrize("blank", [b" ", b"\n", b"% a\n", b"%\r\n "])
def test_blanks_in_a_pdf_are_passed_once(blank):
    data = blank * (4000 // len(blank))
    assert own._STREAM.match(data) is None and syntax._TOKEN.match(data) is None


@pytest.mark.parametrize(
    "text", ["~VERSION INFORMATION\n VERS. 2.0:\n", "# a comment\n\n~V\n", "\n\n# a\n  ~Version\n"]
)
def test_wells_are_known_behind_comments(text):
    assert kind_of(text) == "las_well"
