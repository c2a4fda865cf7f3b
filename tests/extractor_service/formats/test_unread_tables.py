"""Every listed table of maker notes is read, or is on the committed list of those that aren't, with its reason."""

from tests.support import unread


def test_each_table_that_nobody_reads_has_its_reason():
    left = unread.unread()
    assert not [table for table in left if not unread.reason(table)]


def test_the_committed_list_names_every_tag_that_no_document_has():
    assert unread.LISTED.read_text(encoding="utf-8") == unread.text(), (
        "run `python -m tests.support.unread`, and read what it adds: a table lost its reader, or a tag its meaning"
    )


def test_the_list_grows_only_by_decision():
    left = unread.unread()
    assert (len(left), len(unread.rows())) <= (55, 502), (
        "a table lost its reader: read it, or say why not and raise this"
    )


def test_what_readers_name_and_structures_lead_to_counts_as_read():
    left = unread.unread()
    assert "Canon::CameraSettings" not in left
    assert "Pentax::KelvinWB" not in left, "only a structure leads there"
    assert "Nikon::MenuSettingsZ9" not in left, "behind a pointer within an enciphered block"
    assert "Sony::SR2SubIFD" not in left, "a reader names it"
    assert "Sony::SRF2" in left
