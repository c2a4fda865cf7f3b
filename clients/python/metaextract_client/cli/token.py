"""`metaextract token`: a development token, and on the first call the keys and certificates for a pair that asks for one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from metaextract_client.cli import exit_codes

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """Prints the token; where everything else is goes to standard error."""
    try:
        import cryptography  # noqa: F401, PLC0415 - large, and optional
        import jwt  # noqa: F401, PLC0415
    except ImportError:
        print("metaextract: this needs `pip install metaextract[identity]`", file=sys.stderr)
        return exit_codes.FAILED
    from metaextract_client.cli import development  # noqa: PLC0415 - after the check

    folder = Path(options.dir)
    if options.rotate:
        development.Issuer(folder).rotate()
    issuer = development.prepare(folder)
    is_own = options.role or (options.subject, options.tenant, options.plan) != ("developer", "default", "")
    claims = development.Claims(
        options.subject, options.tenant, options.role or ["extract", "observe"], options.plan, options.seconds
    )
    token = issuer.token(claims)
    if not is_own:  # another one is for somebody else, and isn't what this terminal goes by
        development.save_token(folder, token)
    print(token)
    print(
        f"for {claims.subject} of tenant {claims.tenant}, {' '.join(claims.roles)}, {claims.seconds:g} s;"
        f" `. {folder / 'env'}` tells the services and the clients of it",
        file=sys.stderr,
    )
    return exit_codes.OK
