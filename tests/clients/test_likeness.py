import datetime as dt

from metaextract_client.likeness import Likeness, groups


def file(path, content="", digest="", phash=0, dhash=0, pdq=0, quality=100, device="Maker X", at=None):
    return Likeness(
        path, content or f"b3:{path}", digest or f"d:{path}", phash, dhash, pdq, quality, device, at
    )


def told(files):
    return {(group.kind, tuple(member.path for member in group.members)) for group in groups(files)}


AT = dt.datetime(2024, 5, 6, 7, 8, 9)


def test_files_are_grouped_by_what_they_share_the_closest_first():
    far = (1 << 255) - 1
    files = [
        file("a", content="same", phash=1), file("b", content="same", phash=1),
        file("c", digest="content", phash=0xFFFF << 40, pdq=far), file("d", digest="content", phash=0xFFFF << 40, pdq=far),
        file("e", phash=3, pdq=0b11), file("f", phash=0xFF << 20, pdq=0),
    ]  # fmt: skip
    assert told(files) == {
        ("identical", ("a", "b")),
        ("same content", ("c", "d")),
        ("near duplicate", ("a", "e")),
    }


def test_near_means_both_hashes_and_says_something():
    assert told([file("a"), file("b", pdq=(1 << 32) - 1)]) == set()  # 32 bits of PDQ
    assert told([file("a"), file("b", pdq=(1 << 31) - 1)]) == {("near duplicate", ("a", "b"))}
    assert told([file("a"), file("b", phash=0x1FF)]) == set()  # nine bits of pHash
    assert told([file("a", quality=10), file("b", quality=10)]) == set()  # blank pictures are alike all
    assert told([file("a", phash=None, pdq=None), file("b", phash=None, pdq=None)]) == set()


def test_bursts_are_of_one_device_and_two_seconds():
    def shot(name, seconds, **more):
        return file(name, phash=None, pdq=None, at=AT + dt.timedelta(seconds=seconds), **more)

    assert told([shot("a", 0), shot("b", 1), shot("c", 3), shot("d", 9)]) == {("burst", ("a", "b", "c"))}
    assert told([shot("a", 0), shot("b", 1, device="Maker Y")]) == set()
    assert told([shot("a", 0), shot("b", 1, dhash=(1 << 30) - 1)]) == set()
    assert told([shot("a", 0, device=""), shot("b", 1, device="")]) == set()


def test_every_member_but_the_first_says_why():
    for group in groups(
        [
            file("a", content="x"),
            file("b", content="x"),
            file("c", digest="y", phash=99),
            file("d", digest="y", phash=99),
        ]
    ):
        assert [bool(member.evidence) for member in group.members] == [
            False,
            *[True] * (len(group.members) - 1),
        ]


def test_thousands_of_others_cost_little():
    files = [
        file(str(number), phash=number * 0x9E3779B97F4A7C15 % 2**64, pdq=pow(3, number + 200, 2**256))
        for number in range(3000)
    ]
    assert not [each for each in told(files) if each[0] == "near duplicate"]
