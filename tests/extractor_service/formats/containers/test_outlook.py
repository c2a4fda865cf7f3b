"""Mails of Outlook: a signed one keeps the whole mail as its one attachment."""

import struct

from tests.extractor_service.formats.test_documents import document, told


def outlook(files: list[dict[int, bytes]]) -> bytes:
    """A mail of Outlook with these attachments, by the ids of their properties (MS-OXMSG 2, MS-CFB 2): each value takes long sectors."""
    entries = [("Root Entry", 5, b""), ("__properties_version1.0", 2, bytes(4096))]
    inside = []
    for number, properties in enumerate(files):
        inside.append(len(entries))
        entries.append((f"__attach_version1.0_#{number:08X}", 1, b""))
        entries += [
            (f"__substg1.0_{key:08X}", 2, value.ljust(4096, b"\0")) for key, value in properties.items()
        ]
    top = [1, *inside]
    directory, content = b"", b""
    first_sector = 1 + -(-len(entries) // 4)
    table = [0xFFFFFFFD, *range(2, first_sector), 0xFFFFFFFE]
    for number, (name, kind, data) in enumerate(entries):
        text = name.encode("utf-16-le")
        later = top[top.index(number) + 1 :] if number in top else [number + 1]
        is_last = not later or later[0] >= len(entries) or (number not in top and later[0] in top)
        child = 1 if number == 0 else number + 1 if kind == 1 else 0xFFFFFFFF
        sector = len(table) if data else 0xFFFFFFFE
        directory += text.ljust(64, b"\0") + struct.pack(
            "<HBBIII",
            len(text) + 2,
            kind,
            1,
            0xFFFFFFFF,
            0xFFFFFFFF if is_last or not number else later[0],
            child,
        )
        directory += bytes(36) + struct.pack("<IQ", sector, len(data))
        if data:
            sectors = -(-len(data) // 512)
            table += [*range(sector + 1, sector + sectors), 0xFFFFFFFE]
            content += data.ljust(512 * sectors, b"\0")
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(10)
    )
    header += struct.pack("<IIIIIIIII", 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0) + b"\xff" * 432
    fat = struct.pack(f"<{len(table)}I", *table).ljust(512, b"\xff")
    assert len(fat) == 512
    return header + fat + directory.ljust(512 * (first_sector - 1), b"\0") + content


SIGNED = b"""MIME-Version: 1.0
Content-Type: multipart/signed; protocol="application/x-pkcs7-signature"; boundary="b"

--b
Content-Type: multipart/mixed; boundary="c"

--c
Content-Type: text/plain

Read it.
--c
Content-Type: application/pdf; name="Vertrag.pdf"
Content-Transfer-Encoding: base64

AAAA
--c--
--b
Content-Type: application/x-pkcs7-signature; name="smime.p7s"
Content-Transfer-Encoding: base64

AAAAAAAA
--b--
"""


def test_the_attachments_of_a_signed_mail_of_outlook_are_those_inside_the_one_that_keeps_it():
    kept = {0x37010102: SIGNED, 0x370E001F: "multipart/signed".encode("utf-16-le")}
    found = document(outlook([kept]), "a.msg")
    attached = [dict(each.value.entries) for each in found.sections["mail"] if each.name == "Attachment"]
    assert [(each["Name"], each["Size"]) for each in attached] == [("Vertrag.pdf", 3), ("smime.p7s", 6)]
    assert told(found, "mail")["Signed"] is True and told(found, "mail")["AttachmentCount"] == 2
    assert not any(each.origin for each in found.sections["mail"] if each.name == "Attachment")


def test_a_signed_mail_of_outlook_that_is_no_mail_is_listed_as_it_is_kept():
    named = {
        0x37010102: b"x" * 4096,
        0x370E001F: "application/pdf".encode("utf-16-le"),
        0x3707001F: "ä.pdf".encode("utf-16-le"),
    }
    found = document(outlook([named, named]), "a.msg")
    attached = [dict(each.value.entries) for each in found.sections["mail"] if each.name == "Attachment"]
    assert [(each["Name"], each["Size"]) for each in attached] == [("ä.pdf", 4096)] * 2
    assert "Signed" not in told(found, "mail") and told(found, "mail")["AttachmentCount"] == 2
