"""How a client proves who it is, and whom it believes: certificates and tokens, from `METAEXTRACT_…` or by hand."""

from __future__ import annotations

import os
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import grpc

if TYPE_CHECKING:
    from collections.abc import Mapping

_PREFIX = "METAEXTRACT_"
_LOOK_SECONDS = 1.0  # between two looks at the files: what is rotated is valid for minutes on both sides
SYSTEM = "system"


class Security(NamedTuple):
    """What a client presents and believes. All empty: plaintext, and nobody in particular."""

    tls_ca: str = ""
    """PEM file with the authority of the servers' certificates, or "system" for those of this machine. "": plaintext."""
    tls_cert: str = ""
    """PEM file with the client's own certificate, where the server asks for one."""
    tls_key: str = ""
    """PEM file with its key."""
    tls_server_name: str = ""
    """The name that the server's certificate has, where it isn't the address's."""
    token: str = ""
    """A bearer token."""
    token_file: str = ""
    """File with a bearer token, read again when it changes."""

    def __repr__(self) -> str:
        """Without the token: what is printed is kept."""
        shown = self._asdict() | {"token": "…" if self.token else ""}
        return f"Security({', '.join(f'{name}={value!r}' for name, value in shown.items() if value)})"

    @property
    def is_encrypted(self) -> bool:
        """Whether calls go by TLS."""
        return bool(self.tls_ca)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Security:
        """METAEXTRACT_TLS_CA, _TLS_CERT, _TLS_KEY, _TLS_SERVER_NAME, _TOKEN, _TOKEN_FILE.

        The certificate is left out without an authority: it is then the one of a server, which has the same variables.
        """
        values = environ if environ is not None else os.environ
        found = cls(**{name: values.get(_PREFIX + name.upper(), "") for name in cls._fields})
        return found if found.tls_ca else found._replace(tls_cert="", tls_key="")


class SecurityError(ValueError):
    """Certificates or tokens can't be used; the text says which file and why."""


class WatchedFiles:
    """Files that are read again when they change; looked at once a second at most."""

    def __init__(self, *paths: str) -> None:
        self._paths = [Path(path) for path in paths]
        self._state: list[tuple[int, int, int]] | None = None
        self._looked_at = -1e9

    def changed(self) -> list[bytes] | None:
        """The contents, when they are new; None when they are as before.

        Raises:
            SecurityError: one can't be read.
        """
        now = time.monotonic()
        if now - self._looked_at < _LOOK_SECONDS:
            return None
        self._looked_at = now
        try:
            found = [path.stat() for path in self._paths]
            state = [(each.st_mtime_ns, each.st_size, each.st_ino) for each in found]
            if state == self._state:
                return None
            contents = [path.read_bytes() for path in self._paths]
        except OSError as error:
            raise SecurityError(f"{error.filename}: {error.strerror}") from error
        self._state = state
        return contents

    def forget(self) -> None:
        """What was read isn't good: the next look reads it again."""
        self._state = None


class Token:
    """The token as it is now."""

    def __init__(self, security: Security) -> None:
        """Raises SecurityError when its file can't be read."""
        self._text = _clean(security.token)
        self._file = WatchedFiles(security.token_file) if security.token_file else None
        self.metadata()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What every call carries. A file that can't be read any more leaves the token as it was."""
        if self._file is not None:
            try:
                contents = self._file.changed()
            except SecurityError:
                if not self._text:
                    raise
                contents = None
            if contents is not None:
                self._text = _clean(contents[0].decode("utf-8", "replace")) or self._text
        return (("authorization", f"Bearer {self._text}"),) if self._text else ()


def _clean(text: str) -> str:
    text = text.strip()
    if not (text.isascii() and text.isprintable()):
        raise SecurityError("a token is one line of ASCII")
    return text


class ClientCertificates:
    """Authority, certificate and key as they are in their files."""

    def __init__(self, security: Security) -> None:
        """Raises SecurityError when they can't be read."""
        if bool(security.tls_cert) != bool(security.tls_key):
            raise SecurityError("a certificate and its key belong together")
        self._security = security
        self._has_authority = security.tls_ca != SYSTEM
        own = [security.tls_cert, security.tls_key] if security.tls_cert else []
        self._files = WatchedFiles(*([security.tls_ca] if self._has_authority else []), *own)

    def changed(self) -> grpc.ChannelCredentials | None:
        """Credentials from the files, when they are new; raises SecurityError."""
        contents = self._files.changed()
        if contents is None:
            return None
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if self._has_authority:
                context.load_verify_locations(self._security.tls_ca)
            if self._security.tls_cert:
                context.load_cert_chain(self._security.tls_cert, self._security.tls_key, password=_refuse)
        except (ssl.SSLError, OSError, ValueError) as error:
            self._files.forget()  # half replaced, maybe
            named = self._security.tls_cert or self._security.tls_ca
            raise SecurityError(f"{named}: {error}") from error
        authority = contents.pop(0) if self._has_authority else None
        certificate, key = contents or (None, None)
        return grpc.ssl_channel_credentials(authority, key, certificate)


def _refuse() -> str:
    raise ValueError("the key is protected by a password")
