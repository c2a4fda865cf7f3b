"""What a server listens with: TLS whose certificates are read again when they change, or plaintext where that is safe.

TLS 1.2 and 1.3, with gRPC's own ciphers. A changed pair counts from the next handshake on, when it is whole: a new
certificate with the old key is a pair that is being replaced.
"""

from __future__ import annotations

import logging
import os
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from service_runtime.addresses import is_private, is_unix, unix_path
from service_runtime.settings import InvalidSettingError

if TYPE_CHECKING:
    from service_runtime.settings import RuntimeSettings

_log = logging.getLogger(__name__)


class ServerCertificates:
    """Key, certificate and the authority of clients, as they are in their files."""

    def __init__(self, certificate: str, key: str, client_authority: str) -> None:
        """Paths of PEM files; `client_authority` may be "".

        Raises:
            OSError: they can't be read.
            ValueError: key and certificate don't belong together.
        """
        self._paths = [Path(path) for path in (certificate, key, client_authority) if path]
        self._has_authority = bool(client_authority)
        self._said = ""
        self._state = self._look()
        self._current = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """For a port. Every client has to show a certificate where an authority for them is named."""
        return grpc.dynamic_ssl_server_credentials(
            self._current,
            self._changed,  # type: ignore[arg-type]  # None is allowed: nothing has changed
            require_client_authentication=self._has_authority,
        )

    def _changed(self) -> grpc.ServerCertificateConfiguration | None:
        """What is new since the last handshake; None when nothing is. Called by threads of gRPC."""
        try:
            state = self._look()
            if state == self._state:
                return None
            self._current = self._read()
            self._state = state
        except (OSError, ValueError) as error:  # half replaced: the pair before goes on
            if str(error) != self._said:  # not at every handshake of every stranger
                self._said = str(error)
                _log.warning("the certificate can't be read again yet", extra={"error": self._said})
            return None
        self._said = ""
        _log.info("the certificate has been read again")
        return self._current

    def _look(self) -> list[tuple[int, int, int]]:
        found = [path.stat() for path in self._paths]
        return [(each.st_mtime_ns, each.st_size, each.st_ino) for each in found]

    def _read(self) -> grpc.ServerCertificateConfiguration:
        certificate, key, *authority = [path.read_bytes() for path in self._paths]
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._paths[0], self._paths[1], password=_refuse)
            if authority:
                context.load_verify_locations(cadata=authority[0].decode("ascii"))
        except (ssl.SSLError, UnicodeDecodeError) as error:
            raise ValueError(f"{self._paths[0]}, {self._paths[1]}: {error}") from error
        if [path.read_bytes() for path in self._paths] != [certificate, key, *authority]:
            raise ValueError("they are being replaced")
        return grpc.ssl_server_certificate_configuration([(key, certificate)], *authority)


def _refuse() -> str:
    raise ValueError("the key is protected by a password")


def check_address(variable: str, address: str, settings: RuntimeSettings) -> None:
    """Makes the folder of a Unix socket, and refuses what would let strangers listen or call.

    Raises:
        InvalidSettingError: plaintext where others can reach it, or a socket in a folder that is open to others.
    """
    if is_unix(address):
        if "%" in address:  # gRPC decodes it, and would use another folder than the one that is checked
            raise InvalidSettingError(f"{variable}={address!r}: a path without % is expected")
        _check_folder(variable, Path(unix_path(address)).parent)
    elif not is_private(address) and not settings.tls_cert:
        if not settings.allow_plaintext:
            raise InvalidSettingError(
                f"{variable}={address!r}: others can reach it, and METAEXTRACT_TLS_CERT isn't set;"
                " METAEXTRACT_ALLOW_PLAINTEXT=true, where the network itself is trusted"
            )
        _log.warning(
            "plaintext: everybody on the way can read and change what is sent", extra={"address": address}
        )


def _check_folder(variable: str, folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError as error:
        raise InvalidSettingError(f"{variable}: the folder {folder} can't be used: {error}") from error
    if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.geteuid():
        raise InvalidSettingError(
            f"{variable}: the folder {folder} is open to others; `chmod 700` it, since whoever can enter it can call"
        )


def server_credentials(settings: RuntimeSettings) -> grpc.ServerCredentials | None:
    """What the settings ask for; None: plaintext.

    Raises:
        InvalidSettingError: the files can't be used.
    """
    if not settings.tls_cert:
        return None
    try:
        files = ServerCertificates(settings.tls_cert, settings.tls_key, settings.tls_client_ca)
    except (OSError, ValueError) as error:
        raise InvalidSettingError(f"METAEXTRACT_TLS_CERT, _KEY, _CLIENT_CA: {error}") from error
    return files.credentials()
