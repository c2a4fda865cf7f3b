"""Enciphered blocks: the ciphers themselves, which layout a version names, and what an unknown one says."""

import random

import pytest

from extractor_service.document import ProblemKind
from extractor_service.formats.embedded.makernotes import nikon_crypt, nikon_shot
from tests.extractor_service.formats.test_made_files import read
from tests.golden import made_ciphers, made_reconyx
from tests.golden.makernotes import _NOTE_AT, directory, photograph


def byte_by_byte(data, key, count, start):
    """Nikon's cipher as its description has it."""
    mixed = (count ^ count >> 8 ^ count >> 16 ^ count >> 24) & 0xFF
    first, second, third = nikon_crypt._SERIAL[key & 0xFF], nikon_crypt._COUNT[mixed], 0x60
    opened = bytearray(data)
    for place in range(start, len(data)):
        second = (second + first * third) & 0xFF
        third = (third + 1) & 0xFF
        opened[place] ^= second
    return bytes(opened)


@pytest.mark.parametrize("size", [0, 1, 4, 511, 512, 513, 1024, 5000])
def test_the_cipher_s_period_changes_nothing(size):
    rng = random.Random(size)
    data = rng.randbytes(size)
    for _ in range(5):
        key, count, start = rng.randrange(256), rng.randrange(1 << 32), rng.randrange(9)
        assert nikon_crypt.decrypt(data, key, count, start) == byte_by_byte(data, key, count, start)


def test_a_part_is_opened_and_the_rest_kept():
    data = bytes(range(100))
    opened = nikon_crypt.decrypt(data, 7, 9, 4, 20)
    assert (opened[:4], opened[24:]) == (data[:4], data[24:])
    assert opened[4:24] == byte_by_byte(data, 7, 9, 4)[4:24]


@pytest.mark.parametrize("version", nikon_shot._LAYOUTS, ids=bytes.decode)
def test_every_version_of_nikon_s_block_is_read(version):
    for data in made_ciphers.files(1):
        if version in data:
            document = read(data)
            assert document.find("makernotes", "ShotInfoVersion").value == version.decode()
            assert len(document.sections["makernotes"]) > 5
            assert not [each for each in document.problems if each.kind is ProblemKind.READER]
            return
    pytest.fail("no made file has this version")


def files():
    """One of each kind."""
    yield from made_ciphers.files(1)
    yield from made_ciphers.sony(1)
    yield from made_reconyx.files(1)


def test_mutants_are_survived():
    rng = random.Random("ciphers")
    for data in files():
        for _ in range(12):
            changed = bytearray(data[: rng.randrange(1100, len(data))] if rng.random() < 0.3 else data)
            for _ in range(rng.randrange(1, 8)):
                changed[rng.randrange(min(len(changed), 3000))] = rng.choice((0, 255, rng.randrange(256)))
            assert not [each for each in read(bytes(changed)).problems if each.kind is ProblemKind.READER]


@pytest.mark.parametrize(("battery", "status", "is_told"), [(1, 3, True), (0, 3, False), (1, 5, False)])
def test_a_sony_s_second_battery_counts_only_when_there_is_one(battery, status, is_told):
    data = bytearray(64)
    data[0], data[1], data[4], data[5], data[6], data[7] = 0x40, battery, 3, 80, status, 70
    block = bytes(data[:1]) + bytes(data[1:]).translate(made_ciphers._PLAIN)
    note = b"SONY DSC \0\0\0" + directory([(0x9406, 7, block)], _NOTE_AT + 12)
    document = read(photograph("SONY", "ILCE-7RM4", note))
    assert document.find("makernotes", "BatteryLevel").value == 80
    assert (document.find("makernotes", "BatteryLevel2") is not None) is is_told


@pytest.mark.parametrize(("software", "release"), [("ILCE-9 v4.10", 1), ("ILCE-9 v6.00", 2)])
def test_the_firmware_says_where_a_value_stands(software, release):
    data = bytearray(600)
    data[107], data[115] = 2, 1  # since version 5, and before
    note = b"SONY DSC \0\0\0" + directory(
        [(0x9050, 7, bytes(data).translate(made_ciphers._PLAIN))], _NOTE_AT + 12
    )
    document = read(photograph("SONY", "ILCE-9", note, software=software))
    told = [each.value for each in document.sections["makernotes"] if each.name == "ReleaseMode2"]
    assert told == [0, release], "one that all firmwares have, and this"


def test_reconyx_s_layouts_differ_by_their_first_bytes_alone():
    documents = dict(zip(made_reconyx.LAYOUTS, map(read, made_reconyx.files(1)), strict=True))
    times = {
        name: document.find("makernotes", "DateTimeOriginal").value for name, document in documents.items()
    }
    months_first = dict.fromkeys(("HyperFire", "MicroFire"), "2000:02:01 03:04:05")
    assert times == {**dict.fromkeys(made_reconyx.LAYOUTS, "2000:01:02 03:04:05"), **months_first}
    for document in documents.values():
        assert document.find("makernotes", "AmbientTemperature") is not None
        assert not document.problems


def canon(tag, kind, value, model="Canon EOS R50 V"):
    """What a Canon says in one tag."""
    return read(photograph("Canon", model, directory([(tag, kind, value)], _NOTE_AT)))


@pytest.mark.parametrize(("count", "version", "table"), [(3778, 48, "ColorData11"), (3778, 65, "ColorData12"), (3973, 65, ""), (4528, 64, "ColorData12")])  # fmt: skip
def test_canon_s_colors_of_one_length_are_told_by_their_version(count, version, table):
    document = canon(0x4001, 3, [version, *range(1, count)])
    assert document.find("makernotes", "ColorDataVersion").value == version
    stated = document.find("makernotes", "WB_RGGBLevelsAsShot")
    place = {"ColorData11": 0x69, "ColorData12": 0x69}.get(table)
    assert (stated is None) if place is None else (stated.value[0] == place)


def test_canon_s_contrast_is_read_of_the_known_version_alone():
    assert canon(0x27, 3, [10, 0, 0, 0, 8]).find("makernotes", "IntelligentContrast").text == "On"
    assert canon(0x27, 3, [12, 0, 0, 0, 8]).find("makernotes", "IntelligentContrast") is None


def test_bytes_that_are_no_serial_number_aren_t_told():
    told = canon(0x96, 2, b"AB123456\0WX654321\0", "Canon EOS 5D Mark III")
    assert told.find("makernotes", "InternalSerialNumber2").value == "AB123456"
    assert told.find("makernotes", "InternalSerialNumber").value == "WX654321"
    untold = canon(0x96, 2, b"\1\2\3\4\5\6\7\x08\0E8\r&\7\x08\t\0", "Canon EOS 5D Mark III")
    assert untold.find("makernotes", "InternalSerialNumber") is None
