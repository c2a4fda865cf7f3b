"""Certificates, keys and tokens for trying things out: an authority and an issuer in one folder.

For development: whoever can read the folder can be anybody. In production they come from where yours come from.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import secrets
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

ISSUER = "https://metaextract.invalid/development"
AUDIENCE = "metaextract"
_DAYS = 30  # of certificates and of the extractor's token: long enough for a try, and it ends by itself
_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Claims:
    """What a token says of its bearer."""

    subject: str
    tenant: str
    roles: Sequence[str]
    plan: str = ""
    seconds: float = 3600.0


class Authority:
    """Signs certificates; its key and certificate are `ca.key` and `ca.pem` of a folder."""

    def __init__(self, folder: Path, name: str = "MetaExtract development") -> None:
        """Reads them, or makes them where they aren't there."""
        from cryptography import x509  # noqa: PLC0415 - large
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / "ca.pem").exists():
            key = _new_key()
            _write_key(folder / "ca.key", key)
            _write(folder / "ca.pem", _pem(_certificate(name, key, key, name, is_authority=True)))
        loaded = load_pem_private_key((folder / "ca.key").read_bytes(), None)
        self._key: EllipticCurvePrivateKey = loaded  # type: ignore[assignment]  # it is ours
        self._certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())

    def issue(self, name: str, *, hosts: Sequence[str] = _NAMES, spiffe: str = "") -> tuple[Path, Path]:
        """Paths of a new certificate and its key, `NAME.pem` and `NAME.key`; those before are replaced."""
        key = _new_key()
        issuer = self._certificate.subject.rfc4514_string().partition("=")[2]
        certificate = _certificate(name, key, self._key, issuer, hosts=hosts, spiffe=spiffe)
        paths = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        _write(paths[0], _pem(certificate))
        _write_key(paths[1], key)
        return paths


class Issuer:
    """Signs tokens; its keys are `issuer.key` and `jwks.json` of a folder."""

    def __init__(self, folder: Path) -> None:
        """Reads the key, or makes it where it isn't there."""
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - large

        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        if not (folder / "issuer.key").exists():
            _write_key(folder / "issuer.key", _new_key())
            _write(folder / "jwks.json", json.dumps({"keys": []}).encode())
        loaded = load_pem_private_key((folder / "issuer.key").read_bytes(), None)
        self._key: EllipticCurvePrivateKey = loaded  # type: ignore[assignment]  # it is ours
        self.key_id = _key_id(self._key)
        self._publish()

    def token(self, claims: Claims) -> str:
        """A signed token."""
        import jwt  # noqa: PLC0415 - large

        now = time.time()
        said = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": claims.subject,
            "tenant": claims.tenant,
            "roles": list(claims.roles),
            "iat": int(now),
            "exp": int(now + claims.seconds),
            "jti": secrets.token_hex(8),
            **({"plan": claims.plan} if claims.plan else {}),
        }
        return jwt.encode(said, self._key, algorithm="ES256", headers={"kid": self.key_id})

    def rotate(self) -> None:
        """A new key signs from now on; tokens of the old one stay good, for it stays in the set."""
        key = _new_key()
        _write_key(self._folder / "issuer.key", key)
        self._key, self.key_id = key, _key_id(key)
        self._publish()

    def _publish(self) -> None:
        from jwt.algorithms import ECAlgorithm  # noqa: PLC0415 - large

        path = self._folder / "jwks.json"
        known = json.loads(path.read_bytes())["keys"] if path.exists() else []
        if any(each["kid"] == self.key_id for each in known):
            return
        public = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        known.append({**public, "kid": self.key_id, "alg": "ES256", "use": "sig"})
        _write(path, json.dumps({"keys": known}, indent=1).encode())


def prepare(folder: Path) -> Issuer:
    """The folder with all that a pair and its clients need, and `env`, which names it; made where it isn't there."""
    folder = folder.resolve()
    issuer = Issuer(folder)
    authority = Authority(folder)
    if not (folder / "server.pem").exists():
        authority.issue("server")
    _write(
        folder / "extractor.token",
        issuer.token(Claims("extractor", "*", ["results"], seconds=_DAYS * 86_400.0)).encode(),
    )
    variables = {
        "TLS_CERT": folder / "server.pem",
        "TLS_KEY": folder / "server.key",
        "TLS_CA": folder / "ca.pem",
        "JWT_KEYS": folder / "jwks.json",
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
        "CACHE_TOKEN_FILE": folder / "extractor.token",
        "TOKEN_FILE": folder / "token",
    }
    lines = [f"export METAEXTRACT_{name}={shlex.quote(str(value))}\n" for name, value in variables.items()]
    _write(folder / "env", "".join(lines).encode())
    return issuer


def save_token(folder: Path, token: str) -> None:
    """Keeps the token where `env` says."""
    _write(folder / "token", token.encode())


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - large

    return ec.generate_private_key(ec.SECP256R1())


def _certificate(  # what a certificate has
    name: str,
    key: EllipticCurvePrivateKey,
    signer: EllipticCurvePrivateKey,
    issuer: str,
    *,
    hosts: Sequence[str] = (),
    spiffe: str = "",
    is_authority: bool = False,
) -> x509.Certificate:
    from cryptography import x509  # noqa: PLC0415 - large
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - large
    from cryptography.x509.oid import NameOID  # noqa: PLC0415 - large

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=_DAYS))
        # All that RFC 5280 asks for: Python verifies strictly since 3.13.
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(_key_usage(is_authority=is_authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    names: list[x509.GeneralName] = [_general_name(host) for host in hosts]
    if spiffe:
        names.append(x509.UniformResourceIdentifier(spiffe))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _key_usage(*, is_authority: bool) -> x509.KeyUsage:
    from cryptography import x509  # noqa: PLC0415 - large

    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    from cryptography import x509  # noqa: PLC0415 - large

    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_id(key: EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - large

    public = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
    )
    return public.hex()[:16]


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - large

    return certificate.public_bytes(Encoding.PEM)


def _write_key(path: Path, key: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - large

    _write(
        path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, and for the owner's eyes."""
    partial = path.with_name(f"{path.name}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    partial.replace(path)
