"""An authority, an issuer and a pair's settings for them: what tests of identities stand on."""

from __future__ import annotations

from pathlib import Path

from metaextract_client import Security
from metaextract_client.cli.development import AUDIENCE, ISSUER, Authority, Claims, Issuer

SPIFFE = "spiffe://example.org"


class Realm:
    """Certificates and tokens in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.issuer = Issuer(folder)
        self.authority = Authority(folder)

    def token(self, tenant: str = "default", *roles: str, subject: str = "", **claims) -> str:
        said = Claims(subject or f"user of {tenant}", tenant, roles or ("extract",), **claims)
        return self.issuer.token(said)

    def metadata(self, tenant: str = "default", *roles: str, subject: str = "", **claims):
        return [("authorization", f"Bearer {self.token(tenant, *roles, subject=subject, **claims)}")]

    def security(
        self, tenant: str = "default", *roles: str, subject: str = "", tls: bool = False
    ) -> Security:
        token = self.token(tenant, *roles, subject=subject)
        return Security(tls_ca=str(self.folder / "ca.pem") if tls else "", token=token)

    def certificate(self, name: str, spiffe: str = "") -> Security:
        """Of a client that presents a certificate."""
        if not (self.folder / f"{name}.pem").exists():
            self.authority.issue(name, spiffe=spiffe)
        return Security(
            tls_ca=str(self.folder / "ca.pem"),
            tls_cert=str(self.folder / f"{name}.pem"),
            tls_key=str(self.folder / f"{name}.key"),
        )

    def access_file(self, text: str) -> str:
        path = self.folder / "access.toml"
        path.write_text(text)
        return str(path)

    def tokens(self) -> dict[str, str]:
        """Settings of a service that knows callers by their tokens; an extractor has its own for the cache."""
        path = self.folder / "extractor.token"
        path.write_text(self.issuer.token(Claims("extractor", "*", ("results",))))
        return {
            "METAEXTRACT_JWT_KEYS": str(self.folder / "jwks.json"),
            "METAEXTRACT_JWT_ISSUER": ISSUER,
            "METAEXTRACT_JWT_AUDIENCE": AUDIENCE,
            "METAEXTRACT_CACHE_TOKEN_FILE": str(path),
        }

    def tls(self, *, clients: bool = False) -> dict[str, str]:
        """Settings of a service with a certificate; of one that asks clients for theirs."""
        if not (self.folder / "server.pem").exists():
            self.authority.issue("server", spiffe=f"{SPIFFE}/server")
        return {
            "METAEXTRACT_TLS_CERT": str(self.folder / "server.pem"),
            "METAEXTRACT_TLS_KEY": str(self.folder / "server.key"),
            "METAEXTRACT_TLS_CA": str(self.folder / "ca.pem"),
            **({"METAEXTRACT_TLS_CLIENT_CA": str(self.folder / "ca.pem")} if clients else {}),
        }
