"""Who signed a claim, when by their own word, and whether the signature fits the claim. Not whether anyone should trust them.

COSE_Sign1 (RFC 9052), certificates (RFC 5280, by the package cryptography), time-stamp tokens (RFC 3161); C2PA 2.4, section 13.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from extractor_service.formats.reading import cbor
from extractor_service.formats.reading.cbor import CborError
from extractor_service.formats.reading.cbor_values import Tagged
from extractor_service.modules.provenance.binding import Match
from extractor_service.modules.provenance.manifest import octets

if TYPE_CHECKING:
    from extractor_service.modules.provenance.manifest import Manifest

_NAMES = {-7: "ES256", -35: "ES384", -36: "ES512", -37: "PS256", -38: "PS384", -39: "PS512", -8: "EdDSA"}
_X5CHAIN, _ALG = 33, 1  # labels of COSE headers
# TSTInfo: genTime is its first GeneralizedTime, behind a messageImprint; a token has one TSTInfo.
_MOST_TOKENS = 16  # of time, of one signature: there is one
_TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")
_TIME = re.compile(rb"\x18[\x0f-\x17](\d{14}(?:\.\d+)?)Z")


class Signer(NamedTuple):
    """What the signature says of itself."""

    algorithm: str
    organization: str
    common_name: str
    issuer: str
    serial: str
    valid_from: str
    valid_to: str
    claimed_time: str
    """By the time-stamp, whose own signature isn't checked; "" where it isn't about this claim."""
    match: Match
    """Whether the signature fits the claim."""
    reason: str = ""


def signer(manifest: Manifest) -> Signer | None:
    """Who signed; None where there is no signature that can be read."""
    try:
        value = cbor.decode(manifest.signature)
    except CborError:
        return None
    parts = value.value if isinstance(value, Tagged) else value
    if not isinstance(parts, list) or len(parts) != 4 or not isinstance(parts[0], bytes):
        return None
    protected, unprotected, _, signed = parts
    try:
        headers = cbor.decode(protected) if protected else {}
    except CborError:
        return None
    if not isinstance(headers, dict) or not isinstance(unprotected, dict) or not isinstance(signed, bytes):
        return None
    number = headers.get(_ALG)
    algorithm = _NAMES.get(number, str(number)) if isinstance(number, int) else ""
    chain = next(
        (each[key] for each in (headers, unprotected) for key in (_X5CHAIN, "x5chain") if key in each), None
    )
    leaf = octets(chain[0] if isinstance(chain, list) and chain and isinstance(chain[0], bytes) else chain)
    time = _claimed_time(unprotected, protected, signed, manifest.claim_bytes)
    return _with_certificate(algorithm, leaf, time, protected, signed, manifest.claim_bytes)


def _with_certificate(
    algorithm: str, leaf: bytes, time: str, protected: bytes, signed: bytes, claim: bytes
) -> Signer:
    unknown = Signer(algorithm, "", "", "", "", "", "", time, Match.UNCHECKED)
    try:
        from cryptography import x509  # noqa: PLC0415 - 20 MiB, and seldom needed
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.x509.oid import NameOID  # noqa: PLC0415
    except ImportError:
        return unknown._replace(reason="the package cryptography isn't installed")
    try:
        certificate = x509.load_der_x509_certificate(leaf)

        def name(of: x509.Name, oid: x509.ObjectIdentifier) -> str:
            found = of.get_attributes_for_oid(oid)
            return str(found[0].value) if found else ""

        match = _check(
            algorithm, certificate.public_key(), signed, _structure("Signature1", protected, claim)
        )
        return Signer(
            algorithm,
            name(certificate.subject, NameOID.ORGANIZATION_NAME),
            name(certificate.subject, NameOID.COMMON_NAME),
            name(certificate.issuer, NameOID.COMMON_NAME)
            or name(certificate.issuer, NameOID.ORGANIZATION_NAME),
            str(certificate.serial_number),
            certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            time,
            match,
        )
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        return unknown._replace(reason=str(error)[:200])


def _check(algorithm: str, key: Any, signed: bytes, message: bytes) -> Match:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils  # noqa: PLC0415

    digest = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}.get(algorithm[-3:])
    try:
        if algorithm.startswith("PS") and isinstance(key, rsa.RSAPublicKey) and digest is not None:
            key.verify(signed, message, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        elif algorithm.startswith("ES") and isinstance(key, ec.EllipticCurvePublicKey) and digest is not None:
            half = len(signed) // 2
            pair = int.from_bytes(signed[:half]), int.from_bytes(signed[half:])
            key.verify(utils.encode_dss_signature(*pair), message, ec.ECDSA(digest))
        elif algorithm == "EdDSA" and isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signed, message)
        else:
            return Match.UNCHECKED
    except InvalidSignature:
        return Match.DIFFERS
    except UnsupportedAlgorithm:
        return Match.UNCHECKED
    return Match.MATCHES


def _claimed_time(unprotected: dict[object, Any], protected: bytes, signed: bytes, claim: bytes) -> str:
    """The time of a token that is about this claim, or about its signature."""
    for key, payload in (("sigTst2", _octets_item(signed)), ("sigTst", claim)):
        held = unprotected.get(key)
        tokens = held.get("tstTokens") if isinstance(held, dict) else None
        if not isinstance(tokens, list) or not tokens:
            continue
        message = _structure("CounterSignature", protected, payload)
        imprints = [make(message).digest() for make in (hashlib.sha256, hashlib.sha384, hashlib.sha512)]
        for token in tokens[:_MOST_TOKENS]:
            data = octets(token.get("val")) if isinstance(token, dict) else b""
            at = data.find(_TST_INFO)
            found = _TIME.search(data, at) if at >= 0 else None
            if found is not None and any(imprint in data for imprint in imprints):
                digits = found[1].decode()
                day = f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}"
                return f"{day}T{digits[8:10]}:{digits[10:12]}:{digits[12:14]}Z"
    return ""


def _structure(context: str, protected: bytes, payload: bytes) -> bytes:
    """Sig_structure of RFC 9052, 4.4."""
    return (
        b"\x84"
        + bytes((0x60 | len(context),))
        + context.encode()
        + _octets_item(protected)
        + b"\x40"
        + _octets_item(payload)
    )


def _octets_item(data: bytes) -> bytes:
    """`data` as CBOR's byte string."""
    length = len(data)
    if length < 24:
        return bytes((0x40 | length,)) + data
    width = 0 if length < 256 else 1 if length < 65536 else 2
    return bytes((0x58 + width,)) + length.to_bytes(1 << width) + data
