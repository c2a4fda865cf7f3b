import pytest

from tests.support.modules_run import run, values
from tests.tools import traces
from tests.tools.credentials import with_credentials

PLANTED = list(traces.planted())
GRAVE = {"WARNING", "ALERT"}


def observed(data, name=""):
    return run(data, "provenance", "thumbnail", name=name).observations


def test_sixty_traces_are_planted():
    assert len(PLANTED) == 60 and len({name for name, _, _ in PLANTED}) == 60


@pytest.mark.parametrize(("name", "data", "kind"), PLANTED, ids=[name for name, _, _ in PLANTED])
def test_each_planted_trace_is_found(name, data, kind):
    found = observed(data, name)
    assert kind in {each.kind for each in found}
    for each in found:
        assert each.statement.endswith(".") and each.disproof and each.evidence
        assert all(
            evidence.origin is None
            or evidence.origin.offset_bytes + evidence.origin.length_bytes <= len(data)
            for evidence in each.evidence
        )
    assert [each.severity.value for each in found] == sorted(
        (each.severity.value for each in found), reverse=True
    )


@pytest.mark.parametrize(
    "data",
    [
        traces.jpeg(),
        traces.png(),
        traces.jpeg(
            exif=traces.exif(
                {0x10F: "Maker", 0x110: "Model"}, {0x9003: "2024:05:06 07:08:09"}, thumbnail=traces._small(0)
            )
        ),
        with_credentials(traces.jpeg()),
    ],
    ids=["jpeg", "png", "camera", "credentials"],
)
def test_a_healthy_file_raises_no_alarm(data):
    assert not [each for each in observed(data) if each.severity.name in GRAVE]


def test_credentials_are_read_and_checked():
    document = run(with_credentials(traces.jpeg(), source_type="algorithmicMedia"), "c2pa")
    told = values(document, "c2pa")
    assert told["ClaimGenerator"] == "maker/1.0" and told["SignerName"] == "Somebody"
    assert told["CertificateSerial"] == "4242" and told["SignatureAlgorithm"] == "ES256"
    assert (
        told["AssertionHashesMatching"] == 3 and told["ClaimSignature"] == told["ContentBinding"] == "matches"
    )
    groups = {(field.group, field.name): field.value for field in document.sections["c2pa"]}
    assert (
        groups["Active action 1", "Action"] == "c2pa.created"
        and groups["Active action 1", "When"] == "2024-05-06T07:08:09Z"
    )
    assert (
        groups["Active ingredient 1", "Title"] == "older.jpg"
        and groups["Active ingredient 1", "HasManifest"] is False
    )
    assert not document.problems


@pytest.mark.parametrize(
    ("spoil", "name", "value"),
    [("content", "ContentBinding", "differs"), ("signature", "ClaimSignature", "differs"), ("assertion", "AssertionHashesDiffering", ["c2pa.actions"])],
)  # fmt: skip
def test_what_was_changed_is_told_and_the_rest_still_fits(spoil, name, value):
    told = values(run(with_credentials(traces.jpeg(), spoil=spoil), "c2pa"), "c2pa")
    assert told[name] == value
    good = {"ContentBinding", "ClaimSignature"} - {name}
    assert all(told[each] == "matches" for each in good)


def test_any_changed_byte_of_the_picture_is_seen():
    data = bytearray(with_credentials(traces.jpeg()))
    data[-100] ^= 1
    assert values(run(bytes(data), "c2pa"), "c2pa")["ContentBinding"] == "differs"


@pytest.mark.parametrize("cut", [20, 60, 200, 700, 1500])
def test_a_damaged_store_is_a_problem(cut):
    data = with_credentials(traces.jpeg())
    broken = data[:30] + bytes(cut) + data[30 + cut :]
    document = run(broken, "c2pa")
    told = values(document, "c2pa")
    assert (
        document.problems
        or told.get("AssertionHashesMatching") != 3
        or told.get("ClaimSignature") != "matches"
    )
