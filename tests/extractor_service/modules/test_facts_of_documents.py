"""Texts' language, sound's loudness, what identifies somebody, and what ExifTool says of the rest."""

import io
import os
import struct
import zipfile

import pytest

from extractor_service.document import Document, Field
from extractor_service.modules.base import ModuleContext
from extractor_service.modules.exiftool import process
from extractor_service.modules.exiftool.module import ExifToolModule
from extractor_service.modules.privacy import PrivacyModule, kind_of
from extractor_service.modules.sound.facts import SoundModule
from extractor_service.sources.descriptor import BytesSource
from tests.golden.samples import SAMPLES
from tests.support.modules_run import run, values

TEXTS = {
    "en": "When the sun rose over the harbour, the fishermen had been at sea for hours, and nobody in the village was surprised that the boats came home late.",
    "de": "Als die Sonne über dem Hafen aufging, waren die Fischer schon seit Stunden auf See, und niemand im Dorf wunderte sich, dass die Boote spät heimkehrten.",
    "fr": "Quand le soleil se leva sur le port, les pêcheurs étaient en mer depuis des heures, et personne au village ne s'étonna que les bateaux rentrent tard.",
    "es": "Cuando salió el sol sobre el puerto, los pescadores llevaban horas en el mar, y nadie en el pueblo se sorprendió de que los barcos volvieran tarde.",
    "ja": "港に日が昇ったとき、漁師たちはもう何時間も海に出ていて、船の帰りが遅いことに村の誰も驚かなかった。その日も風は穏やかで、空には雲ひとつなかったという。",
    "ru": "Когда солнце взошло над гаванью, рыбаки уже несколько часов были в море, и никто в деревне не удивился, что лодки вернулись поздно.",
}  # fmt: skip


@pytest.mark.parametrize("language", TEXTS)
def test_the_language_of_a_text_is_told(language):
    told = values(run(TEXTS[language].encode(), "text_facts", name="a.txt"), "text_facts")
    assert told["Language"] == language and told["LanguageCertainty"] >= 0.98
    assert told["CharacterCount"] == len(TEXTS[language])


@pytest.mark.parametrize("text", ["OK", "1234 5678 9012", "Ann Lee, 12 May"])
def test_the_language_of_a_few_words_isnt(text):
    assert "Language" not in values(run(text.encode(), "text_facts", name="a.txt"), "text_facts")


def office(words):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        )
        made.writestr("_rels/.rels", "<Relationships/>")
        made.writestr(
            "word/document.xml",
            "<w:document><w:body>"
            + "".join(f"<w:p><w:r><w:t>{word}</w:t></w:r></w:p>" for word in words)
            + "</w:body></w:document>",
        )
    return file.getvalue()


def test_words_of_office_files_markup_and_rtf_are_counted():
    words = TEXTS["de"].split()
    told = values(run(office(words), "text_facts", name="a.docx"), "text_facts")
    assert told["WordCount"] == len(words) and told["Language"] == "de"
    page = f"<html><head><title>x</title><style>a b c</style></head><body><p>{TEXTS['fr']}</p><script>var a = 1</script></body></html>"
    told = values(run(page.encode(), "text_facts", name="a.html"), "text_facts")
    assert told["Language"] == "fr" and told["WordCount"] == len(
        TEXTS["fr"].replace("'étonna", "étonna").split()
    )
    rtf = (
        rb"{\rtf1\ansi{\fonttbl{\f0 Arial;}}\f0 "
        + TEXTS["es"].encode("cp1252").replace(b"\xf3", rb"\'f3")
        + rb"\par}"
    )
    told = values(run(rtf, "text_facts", name="a.rtf"), "text_facts")
    assert told["Language"] == "es" and told["WordCount"] == len(TEXTS["es"].split())


def test_pages_of_a_pdf_are_counted():
    told = values(run(SAMPLES["two-pages.pdf"](), "text_facts", name="a.pdf"), "text_facts")
    assert told["PageCount"] == 2


def sound(section, fields):
    document = Document()
    for name, value in fields:
        document.add(section, Field(name, value))
    from extractor_service.formats.registry import BY_NAME

    SoundModule().run(BytesSource(b""), document, ModuleContext(BY_NAME["flac"]))
    return {field.name: field.value for field in document.sections.get("sound_facts", ())}


def test_gains_are_told_and_nonsense_isnt():
    assert sound("vorbis", [("ReplaygainTrackGain", "-7.89 dB"), ("ReplaygainTrackPeak", "0.988"), ("R128TrackGain", "-512")]) == {
        "TrackGain": -7.89, "TrackPeak": 0.988, "R128TrackGain": -2.0,
    }  # fmt: skip
    assert (
        sound(
            "vorbis",
            [
                ("ReplaygainTrackGain", "loud"),
                ("ReplaygainAlbumGain", "700 dB"),
                ("ReplaygainTrackPeak", "-1"),
            ],
        )
        == {}
    )
    assert sound("quicktime", [("ITunSMPB", " 00000000 00000840 000001C0 00000000000A2F00 0")]) == {
        "EncoderDelay": 0x840, "EncoderPadding": 0x1C0, "SampleCount": 0xA2F00,
    }  # fmt: skip


def test_the_encoders_silence_is_read_from_the_lame_tag():
    frame = (
        b"\xff\xfb\x90\x64"
        + bytes(32)
        + b"Info"
        + bytes(4 + 112)
        + b"LAME3.100"
        + bytes(12)
        + ((576 << 12) | 1105).to_bytes(3)
        + bytes(12)
    )
    data = frame + bytes(417 - len(frame)) + (b"\xff\xfb\x90\x64" + bytes(413)) * 4
    told = values(run(data, "sound_facts", name="a.mp3"), "sound_facts")
    assert (told["EncoderDelay"], told["EncoderPadding"]) == (576, 1105)


def test_opus_says_what_to_skip():
    head = b"OpusHead\1\2" + struct.pack("<HIhB", 312, 48000, -256, 0)
    page = b"OggS\0\2" + bytes(8) + struct.pack("<II", 7, 0) + bytes(4) + bytes((1, len(head))) + head
    told = values(run(page, "sound_facts", name="a.opus"), "sound_facts")
    assert told == {"EncoderDelay": 312, "OutputGain": -1.0}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("GPSLatitude", "Place"), ("City", "Place"), ("GPSMapDatum", None), ("Artist", "Person"), ("OwnerName", "Person"), ("PatientName", "Person"),
        ("BodySerialNumber", "Device"), ("LensSerialNumber", "Device"), ("Make", "Device"), ("DateTimeOriginal", "Time"), ("ThumbnailImage", "Content"),
        ("ISO", None), ("ImageWidth", None), ("ColorSpace", None), ("GPSVersionID", None), ("ExposureTime", None),
    ],
)  # fmt: skip
def test_what_a_field_gives_away(name, kind):
    found = kind_of(name)
    assert (found.name if found else None) == kind


def test_the_report_names_values_and_what_to_drop():
    document = Document()
    document.add("exif", Field("Artist", "Ann Lee"))
    document.add("exif", Field("GPSLatitude", 52.5, "52 deg 30' N"))
    document.add("exif", Field("ISO", 100))
    document.add("pdf", Field("Creator", "TextEdit"))
    PrivacyModule().run(None, document, ModuleContext(None))
    told = [(field.group, field.name, field.value) for field in document.sections["privacy"]]
    assert ("Person", "exif.Artist", "Ann Lee") in told and (
        "Place",
        "exif.GPSLatitude",
        "52 deg 30' N",
    ) in told
    assert ("Summary", "IdentifyingFields", 2) in told
    assert {group for group, name, _ in told if name == "ToShare"} == {"Person", "Place"}


exiftool = pytest.mark.skipif(
    not process.program(), reason="exiftool isn't installed: apt-get install libimage-exiftool-perl"
)
SWF = b"FWS\x0a\x30\0\0\0\x78\0\5\x5f\0\0\x0f\xa0\0\0\x0c\1\0\x44\x11\0\0\0\x40\0\0\0"


@exiftool
def test_exiftool_reads_what_has_no_reader_and_says_so():
    document = Document()
    module = ExifToolModule()
    for _ in range(2):  # the same program is asked again
        module.run(BytesSource(SWF), document, ModuleContext(None, mime_type="application/x-shockwave-flash"))
    told = {field.name: field for field in document.sections["exiftool"]}
    assert told["FlashVersion"].value == 10 and told["ImageWidth"].value == 550
    assert all(field.note == "read by ExifTool" for field in told.values())
    module._running.close()


@exiftool
def test_a_late_exiftool_is_ended_and_another_one_asked(monkeypatch):
    running = process.ExifTool(process.program())
    running.ask(BytesSource(SWF))
    pid = running._process.pid
    monkeypatch.setattr(process, "_ANSWER_SECONDS", 0.0)
    with pytest.raises(process.LateError):
        running.ask(BytesSource(SWF))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    monkeypatch.undo()
    assert running.ask(BytesSource(SWF))["Flash:FlashVersion"] == 10
    running.close()


@exiftool
def test_what_a_file_says_is_never_taken_for_the_end_of_an_answer():
    """Answers that shift by one file would be another's: the marker is a number that no file knows."""

    def tiff(text):
        body = text.encode() + b"\0"
        return b"II*\0\x08\0\0\0\1\0\x0e\1\2\0" + struct.pack("<II", len(body), 26) + bytes(4) + body

    running = process.ExifTool(process.program())
    for text in (
        "{ready}" * 12_000,
        "first",
        '{ready}\n[{"SourceFile": "x"}]',
        "second",
        "{ready1}\n" * 500,
        "third",
    ):
        told = running.ask(BytesSource(tiff(text)))
        assert told["IFD0:ImageDescription"].replace("..", "\n")[:5] == text.replace("\n", ".")[:5]
    running.close()


def test_exiftool_is_never_asked_of_dicom_or_what_has_a_reader():
    from extractor_service.formats.registry import BY_NAME

    module = ExifToolModule()
    assert not module.applies(ModuleContext(None, mime_type="application/dicom"))
    assert not module.applies(ModuleContext(None, mime_type="application/octet-stream"))
    assert not module.applies(ModuleContext(BY_NAME["jpeg"], mime_type="image/jpeg"))
    assert module.applies(ModuleContext(None, mime_type="application/x-shockwave-flash"))
