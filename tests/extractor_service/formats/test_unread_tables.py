"""Every listed table of maker notes is read, or is on the list of those that aren't, with its reason."""

from tests.support.unread import reason, unread


def test_each_table_that_nobody_reads_has_its_reason():
    left = unread()
    assert not [table for table in left if not reason(table)]


def test_the_list_grows_only_by_decision():
    left = unread()
    assert (len(left), sum(left.values())) <= (152, 2320), (
        "a table lost its reader: read it, or say why not and raise this"
    )


def test_what_readers_name_and_structures_lead_to_counts_as_read():
    left = unread()
    assert "Canon::CameraSettings" not in left
    assert "Pentax::KelvinWB" not in left, "only a structure leads there"
    assert "Nikon::MenuSettingsZ9" in left
