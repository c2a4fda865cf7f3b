"""`--tls-…` and `--token-file`, of every command that calls a service."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from metaextract_client.security import SecurityError

if TYPE_CHECKING:
    import argparse

_OPTIONS = {
    "tls_ca": "authority of the services' certificates, or `system`; without one, plaintext",
    "tls_cert": "our own certificate, where they ask for one",
    "tls_key": "its key",
    "tls_server_name": "name in their certificate, where it isn't the address's",
    "token_file": "bearer token",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options; what isn't given comes from METAEXTRACT_TLS_CA and so on."""
    group = parser.add_argument_group(
        "security", "what isn't given comes from METAEXTRACT_TLS_CA and so on, and METAEXTRACT_TOKEN_FILE"
    )
    for name, text in _OPTIONS.items():
        metavar = "NAME" if name == "tls_server_name" else "FILE"
        group.add_argument(f"--{name.replace('_', '-')}", default="", metavar=metavar, help=text)


def apply(options: argparse.Namespace) -> None:
    """From here on, every client of this process is made so.

    Raises:
        SecurityError: a certificate is given, and nobody to trust: without an authority the call would go in plaintext.
    """
    own = getattr(options, "tls_cert", "") or getattr(options, "tls_key", "")
    if own and not (options.tls_ca or os.environ.get("METAEXTRACT_TLS_CA")):
        raise SecurityError("--tls-cert and --tls-key need --tls-ca, or METAEXTRACT_TLS_CA")
    for name in _OPTIONS:
        if value := getattr(options, name, ""):
            os.environ[f"METAEXTRACT_{name.upper()}"] = value
