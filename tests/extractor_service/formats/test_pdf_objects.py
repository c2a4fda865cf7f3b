"""PDF's own object reader: syntax there and back, cross-references of each kind, and what it leaves to qpdf."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.formats.containers.pdf import own
from extractor_service.formats.containers.pdf.crossings import unpacked
from extractor_service.formats.containers.pdf.syntax import CutError, Keyword, Name, Reference, Text, parse
from extractor_service.formats.reading.damage import NONSENSE
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.sources.descriptor import BytesSource

_NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
_ATOMS = st.one_of(
    st.integers(-(10**15), 10**15),
    st.booleans(),
    st.none(),
    st.binary(max_size=20).map(Text),
    _NAMES.map(lambda text: Name("/" + text)),
    st.builds(Reference, st.integers(1, 10**6), st.integers(0, 65535)),
)
_VALUES = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_NAMES.map(lambda text: "/" + text), inner, max_size=4)
    ),
    max_leaves=12,
)


def written(value) -> bytes:
    """As a writer puts it (7.3)."""
    if isinstance(value, bool) or value is None:
        return {True: b"true", False: b"false", None: b"null"}[value]
    if isinstance(value, Reference):
        return b"%d %d R" % value
    if isinstance(value, Name) or (isinstance(value, str) and value.startswith("/")):
        return b"/" + b"".join(
            bytes((each,)) if chr(each).isalnum() else b"#%02x" % each for each in value[1:].encode()
        )
    if isinstance(value, bytes):
        return b"(" + b"".join(b"\\%03o" % each for each in value) + b")" if len(value) % 2 else b"<" + value.hex().encode() + b">"  # fmt: skip
    if isinstance(value, list):
        return b"[" + b" ".join(map(written, value)) + b"]"
    if isinstance(value, dict):
        return (
            b"<<"
            + b"\n".join(written(Name(key)) + b" " + written(each) for key, each in value.items())
            + b">>"
        )
    return str(value).encode()


def known(value):
    """What comes back: a key whose value is null isn't there (7.3.7)."""
    if isinstance(value, dict):
        return {key: known(each) for key, each in value.items() if each is not None}
    return [known(each) for each in value] if isinstance(value, list) else value


@given(_VALUES)
def test_what_is_written_comes_back(value):
    data = written(value) + b" endobj"
    found, end = parse(data, 0)
    assert found == known(value) and data[end:].strip() == b"endobj"


@given(st.binary(max_size=120))
def test_chance_is_an_object_or_an_error_that_is_expected(data):
    try:
        _, end = parse(data, 0)
    except ValueError:
        return
    assert 0 < end <= len(data)


@given(_VALUES, st.integers(0, 200))
def test_a_cut_object_is_cut_or_shorter(value, keep):
    data = written(value)
    try:
        parse(data[: min(keep, len(data) - 1)], 0)
    except CutError:
        return
    except ValueError:  # "<" of "<<" may begin a string
        return


def test_words_that_are_no_objects():
    assert parse(b"endobj ", 0) == (Keyword(b"endobj"), 6)
    with pytest.raises(ValueError, match="inside"):
        parse(b"[ 1 endobj ]", 0)
    with pytest.raises(ValueError, match="deep"):
        parse(b"[" * 200 + b" ", 0)
    assert parse(b"(a\\(b(c)\\n\\101\\\n) ", 0)[0] == b"a(b(c)\nA"
    assert parse(b"--5.0. ", 0)[0] == -5.0, "as other readers take it"


def table_pdf(objects: dict[int, bytes], trailer: bytes = b"/Root 1 0 R") -> bytes:
    """A file with a table."""
    out, places = bytearray(b"%PDF-1.4\n"), {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    at, size = len(out), max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % places[number] if number in places else b"0000000000 65535 f \n"
    return bytes(out + b"trailer\n<</Size %d%s>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, at))


def stream_pdf(packed: dict[int, bytes], direct: dict[int, bytes], *, predictor: bool) -> bytes:
    """A file with a cross-reference stream; `packed` lie in object stream 90."""
    out, rows = bytearray(b"%PDF-1.7\n"), {0: (0, 0, 255)}

    def put(number: int, body: bytes) -> None:
        rows[number] = (1, len(out), 0)
        out.extend(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    for number, body in direct.items():
        put(number, body)
    heads, bodies = b"", b""
    for member, (number, body) in enumerate(packed.items()):
        heads += b"%d %d " % (number, len(bodies))
        bodies += body + b" "
        rows[number] = (2, 90, member)
    data = zlib.compress(heads + bodies)
    put(90, b"<</Type/ObjStm/N %d/First %d/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(packed), len(heads), len(data), data))  # fmt: skip
    at = len(out)
    rows[91] = (1, at, 0)
    table = b"".join(
        bytes((kind,)) + place.to_bytes(3) + bytes((member,))
        for kind, place, member in (rows.get(number, (0, 0, 0)) for number in range(92))
    )
    extra = b""
    if predictor:
        before, lines = bytes(5), b""
        for start in range(0, len(table), 5):
            row = table[start : start + 5]
            lines += b"\2" + bytes((each - above) & 255 for each, above in zip(row, before, strict=True))
            before = row
        table, extra = lines, b"/DecodeParms<</Predictor 12/Columns 5>>"
    data = zlib.compress(table)
    out += b"91 0 obj\n<</Type/XRef/Size 92/W[1 3 1]/Root 1 0 R/Filter/FlateDecode/Length %d%s>>stream\n%s\nendstream\nendobj\n" % (len(data), extra, data)  # fmt: skip
    return bytes(out + b"startxref\n%d\n%%%%EOF" % at)


def opened(data: bytes) -> own.Pdf:
    return own.Pdf(Reader(BytesSource(data)), 0)


_CATALOG, _PAGES = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Note(page three)>>"


@pytest.mark.parametrize(
    "data",
    [
        table_pdf({1: _CATALOG, 2: _PAGES, 3: _PAGE}),
        stream_pdf({1: _CATALOG, 2: _PAGES, 3: _PAGE}, {}, predictor=False),
        stream_pdf({2: _PAGES, 3: _PAGE}, {1: _CATALOG}, predictor=True),
    ],
)
def test_each_kind_of_cross_reference_leads_to_the_page(data):
    pdf = opened(data)
    page = pdf.Root.get("/Pages").get("/Kids")[0]
    assert page.get("/Note") == b"page three" and [*page.get("/MediaBox")] == [0, 0, 612, 792]
    assert page.objgen == (3, 0)


def test_an_update_wins_over_what_it_replaces():
    data = table_pdf({1: _CATALOG, 2: _PAGES, 3: _PAGE})
    first = data.rindex(b"xref\n0 ")
    changed = len(data)
    data += b"3 0 obj\n<</Type/Page/Parent 2 0 R/Note(changed)>>\nendobj\n"
    at = len(data)
    data += b"xref\n3 1\n%010d 00000 n \ntrailer\n<</Size 4/Root 1 0 R/Prev %d>>\nstartxref\n%d\n%%%%EOF" % (changed, first, at)  # fmt: skip
    assert opened(data).Root.get("/Pages").get("/Kids")[0].get("/Note") == b"changed"


@pytest.mark.parametrize(
    "data",
    [
        table_pdf({1: _CATALOG, 2: _PAGES}).replace(b"startxref", b"startxxxx"),
        table_pdf({1: _CATALOG, 2: _PAGES}, b"/Root 1 0 R/Encrypt 2 0 R"),
        table_pdf({1: _CATALOG, 2: b"<</Type/Pages"}),
        table_pdf({1: b"<</Type/Catalog>>", 2: _PAGES}),
        b"%PDF-1.4\nstartxref\n9\n",
    ],
)
def test_what_needs_a_repair_is_left_to_qpdf(data):
    with pytest.raises(own.NeedsRepairError):
        opened(data)


def test_references_in_a_circle_end():
    data = table_pdf({1: _CATALOG, 2: _PAGES, 3: b"4 0 R", 4: b"3 0 R"})
    assert opened(data).Root.get("/Pages").get("/Kids")[0] is None


def test_objects_that_are_asked_for_again_and_again_are_bounded(monkeypatch):
    monkeypatch.setattr(own.Limits, "max_parsed_bytes", 1_000_000)
    monkeypatch.setattr(own.Limits, "kept_objects", 0)
    pdf = opened(table_pdf({1: _CATALOG, 2: _PAGES, 3: b"[" + b"0 " * 50_000 + b"]"}))
    with pytest.raises(own.TooMuchError):
        for _ in range(100):
            pdf.shown(Reference(3, 0))


@given(st.binary(max_size=300), st.integers(0, 2000))
def test_changed_bytes_are_read_or_left(patch, place):
    data = bytearray(stream_pdf({2: _PAGES, 3: _PAGE}, {1: _CATALOG}, predictor=True))
    place %= len(data)
    data[place : place + len(patch)] = patch
    try:
        kids = opened(bytes(data)).Root.get("/Pages").get("/Kids")
        if isinstance(kids, own.Array) and len(kids):
            kids[0]
    except (own.NeedsRepairError, TruncatedError, *NONSENSE):
        return


def test_a_bomb_is_refused():
    told = {"/Filter": "/FlateDecode"}
    with pytest.raises(ValueError, match="more than"):
        unpacked(zlib.compress(bytes(10_000_000)), told, 1_000_000)


def test_keys_that_come_as_a_set_have_one_order():
    """pikepdf's do, and a document's fonts stood in another order in each process."""
    from extractor_service.formats.containers.pdf.objects import keys_of

    class Qpdf:
        def keys(self):
            return {"/F2", "/F10", "/F1"}

    assert keys_of(Qpdf()) == ["/F1", "/F10", "/F2"]
    assert keys_of({"/b": 1, "/a": 2}) == ["/b", "/a"]
