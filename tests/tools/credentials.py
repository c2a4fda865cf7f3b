"""Makes pictures with content credentials (C2PA 2.4, claim version 1): a store of one manifest, signed by a certificate made for it.

Own writers of CBOR and JUMBF, so that readers aren't tried by themselves. What `spoil` names is changed after it was hashed or signed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import struct

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.golden.jumbf import TYPE_END, box, cbor


def superbox(kind: str, label: str, *inner: bytes) -> bytes:
    described = kind.encode() + TYPE_END + b"\x03" + label.encode() + b"\0"
    return box(b"jumb", box(b"jumd", described) + b"".join(inner))


def certificate(name: str):
    """A key and its own certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, f"{name} Ltd"),
        ]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(4242)
        .not_valid_before(dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2034, 1, 1, tzinfo=dt.UTC))
        .sign(key, hashes.SHA256())
    )
    return key, made


def store(jpeg: bytes, *, source_type: str = "", spoil: str = "", title: str = "made.jpg") -> bytes:
    """The store for a JPEG into which it will be put behind the first two bytes."""
    size = 0
    for _ in range(3):  # the hash leaves out the store's own length, which its numbers' widths depend on
        made = _store(jpeg, size, source_type, spoil, title)
        if len(made) == size:
            break
        size = len(made)
    return made


def _store(jpeg: bytes, size: int, source_type: str, spoil: str, title: str) -> bytes:
    segment_bytes = 4 + 8 + size
    hashed = hashlib.sha256(jpeg).digest()
    if spoil == "content":
        hashed = hashlib.sha256(b"another picture").digest()
    action = {"action": "c2pa.created", "softwareAgent": "Maker 1.0", "when": (0, "2024-05-06T07:08:09Z")}
    if source_type:
        action["digitalSourceType"] = f"http://cv.iptc.org/newscodes/digitalsourcetype/{source_type}"
    assertions = {
        "c2pa.actions": superbox("cbor", "c2pa.actions", box(b"cbor", cbor({"actions": [action]}))),
        "c2pa.ingredient": superbox("cbor", "c2pa.ingredient", box(b"cbor", cbor({"dc:title": "older.jpg", "dc:format": "image/jpeg", "relationship": "parentOf", "instanceID": "xmp:iid:1"}))),
        "c2pa.hash.data": superbox("cbor", "c2pa.hash.data", box(b"cbor", cbor({"exclusions": [{"start": 2, "length": segment_bytes}], "alg": "sha256", "hash": hashed, "name": "jumbf manifest", "pad": bytes(8)}))),
    }  # fmt: skip
    references = [
        {"url": f"self#jumbf=c2pa.assertions/{label}", "hash": hashlib.sha256(made[8:]).digest()}
        for label, made in assertions.items()
    ]
    if spoil == "assertion":
        assertions["c2pa.actions"] = assertions["c2pa.actions"].replace(b"c2pa.created", b"c2pa.cropped")
    claim = cbor({
        "alg": "sha256", "claim_generator": "maker/1.0", "signature": "self#jumbf=c2pa.signature", "assertions": references,
        "dc:format": "image/jpeg", "dc:title": title, "instanceID": "xmp:iid:2",
    })  # fmt: skip
    key, made = certificate("Somebody")
    protected = cbor({1: -7, 33: made.public_bytes(Encoding.DER)})
    message = cbor(["Signature1", protected, b"", claim])
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
    signed = r.to_bytes(32) + s.to_bytes(32)
    if spoil == "signature":
        claim = claim.replace(b"maker/1.0", b"taker/1.0")
    signature = cbor((18, [protected, {"pad": bytes(900 - len(protected))}, None, signed]))
    manifest = superbox(
        "c2ma", "urn:uuid:made",
        superbox("c2as", "c2pa.assertions", *assertions.values()),
        superbox("c2cl", "c2pa.claim", box(b"cbor", claim)),
        superbox("c2cs", "c2pa.signature", box(b"cbor", signature)),
    )  # fmt: skip
    return superbox("c2pa", "c2pa", manifest)


def with_credentials(jpeg: bytes, **options: str) -> bytes:
    """The JPEG with its store in an application segment."""
    data = store(jpeg, **options)
    segment = b"\xff\xeb" + struct.pack(">H", 2 + 8 + len(data)) + b"JP" + struct.pack(">HI", 529, 1) + data
    return jpeg[:2] + segment + jpeg[2:]
