"""What servers listen with: TLS by version, certificates that change, Unix sockets, and plaintext only where it is safe."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import stat
import subprocess
import time

import pytest

from metaextract_client import AsyncCacheClient, CacheClient, Security, SecurityError, UnavailableError
from service_runtime.settings import InvalidSettingError, RuntimeSettings
from service_runtime.transport import ServerCertificates, check_address
from tests.support.identities import SPIFFE, Realm
from tests.support.processes import CACHE, ServiceProcess, start_cache


@pytest.fixture(scope="module")
def realm(tmp_path_factory):
    return Realm(tmp_path_factory.mktemp("realm"))


@pytest.fixture(scope="module")
def tls_cache(realm):
    with start_cache(**realm.tls()) as process:
        yield process


def ca(realm, **more):
    return Security(tls_ca=str(realm.folder / "ca.pem"), **more)


def test_a_client_with_the_authority_calls_and_others_can_t(realm, tls_cache, tmp_path):
    with CacheClient(tls_cache.address, ca(realm)) as client:
        assert client.get_stats().version
    stranger = Realm(tmp_path / "other")
    for security in (Security(), ca(stranger), ca(realm, tls_server_name="other.example")):
        with CacheClient(tls_cache.address, security) as client, pytest.raises(UnavailableError):
            client.get_stats(timeout=5)


@pytest.mark.parametrize(
    ("version", "works"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_tls_1_2_and_1_3_and_nothing_older(realm, tls_cache, version, works):
    context = ssl.create_default_context(cafile=str(realm.folder / "ca.pem"))
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # or this side would refuse the old ones itself
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    with socket.create_connection(("127.0.0.1", tls_cache.port), timeout=5) as plain:
        if works:
            with context.wrap_socket(plain, server_hostname="localhost") as connection:
                assert connection.version() == version.name.replace("_", ".")
                assert connection.selected_alpn_protocol() == "h2"
        else:
            with pytest.raises(OSError, match=r"."):
                context.wrap_socket(plain, server_hostname="localhost").close()


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl isn't installed: apt-get install openssl"
)
def test_openssl_says_so_too(realm, tls_cache):
    def negotiated(option):
        answer = subprocess.run(
            ["openssl", "s_client", "-connect", tls_cache.address, option, "-alpn", "h2",
             "-CAfile", str(realm.folder / "ca.pem")],
            input=b"", capture_output=True, timeout=20, check=False,
        )  # fmt: skip
        return b"Verify return code: 0 (ok)" in answer.stdout and b"Cipher is (NONE)" not in answer.stdout

    assert [negotiated(option) for option in ("-tls1", "-tls1_1", "-tls1_2", "-tls1_3")] == [
        False, False, True, True,
    ]  # fmt: skip


def test_who_has_no_certificate_doesn_t_get_as_far_as_a_role(realm):
    access = realm.access_file(f'[[peer]]\nspiffe = "{SPIFFE}/admin"\nroles = ["admin"]\ntenant = "*"\n')
    with start_cache(**realm.tls(clients=True), METAEXTRACT_ACCESS_FILE=access) as cache:
        with CacheClient(cache.address, realm.certificate("admin", f"{SPIFFE}/admin")) as client:
            assert client.clear_cache() == 0
        with CacheClient(cache.address, ca(realm)) as client, pytest.raises(UnavailableError):
            client.get_stats(timeout=5)


def test_a_changed_certificate_counts_from_the_next_handshake_on(realm, tmp_path):
    own = Realm(tmp_path / "own")
    with start_cache(**own.tls()) as cache:

        def serial():
            context = ssl.create_default_context(cafile=str(own.folder / "ca.pem"))
            with (
                socket.create_connection(("127.0.0.1", cache.port), timeout=5) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as connection,
            ):
                return connection.getpeercert()["serialNumber"]

        before = serial()
        (own.folder / "server.pem").write_text("half of one")
        assert serial() == before, "what can't be read leaves the pair before in force"
        own.authority.issue("server")
        assert serial() != before


def test_a_key_that_isn_t_the_certificate_s_is_refused(realm, tmp_path):
    realm.tls()
    other = Realm(tmp_path / "other")
    other.tls()
    with pytest.raises(ValueError, match=r"server\.pem"):
        ServerCertificates(str(realm.folder / "server.pem"), str(other.folder / "server.key"), "")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "10.0.0.1:50052", "example.org:50052", "*:0"])
def test_plaintext_that_others_can_reach_is_refused_unless_the_network_is_trusted(address, caplog):
    with pytest.raises(InvalidSettingError, match="METAEXTRACT_ALLOW_PLAINTEXT"):
        check_address("METAEXTRACT_CACHE_ADDRESS", address, RuntimeSettings())
    check_address("METAEXTRACT_CACHE_ADDRESS", address, RuntimeSettings(allow_plaintext=True))
    assert "plaintext" in caplog.text


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "localhost:50052", "127.8.9.1:1"])
def test_this_machine_needs_no_certificate(address, caplog):
    check_address("METAEXTRACT_CACHE_ADDRESS", address, RuntimeSettings())
    assert not caplog.text


def test_a_service_on_all_addresses_says_why_it_doesn_t_start():
    with pytest.raises(RuntimeError, match="METAEXTRACT_ALLOW_PLAINTEXT"):
        ServiceProcess(CACHE, METAEXTRACT_CACHE_ADDRESS="0.0.0.0:0")
    with ServiceProcess(
        CACHE, METAEXTRACT_CACHE_ADDRESS="0.0.0.0:0", METAEXTRACT_ALLOW_PLAINTEXT="true"
    ) as cache:
        assert any("plaintext" in line for line in cache.log)
        assert any("whoever reaches 0.0.0.0:0" in line for line in cache.log)


def test_a_unix_socket_in_a_folder_of_its_own(tmp_path):
    address = f"unix:{tmp_path}/made/cache.sock"
    with ServiceProcess(CACHE, METAEXTRACT_CACHE_ADDRESS=address), CacheClient(address) as client:
        assert client.get_stats().version
        assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700


def test_a_unix_socket_in_an_open_folder_is_refused(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    os.chmod(folder, 0o755)  # noqa: PTH101 - whatever the umask is
    with pytest.raises(InvalidSettingError, match="chmod 700"):
        check_address("METAEXTRACT_CACHE_ADDRESS", f"unix:{folder}/s", RuntimeSettings())


@pytest.mark.parametrize("tls", [False, True])
def test_operators_can_have_an_address_of_their_own(realm, tls):
    from metaextract_client.errors import MetaExtractError

    own = ca(realm) if tls else Security()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = realm.tls() if tls else {}
    with start_cache(METAEXTRACT_CACHE_ADMIN_ADDRESS=f"127.0.0.1:{port}", **settings) as cache:
        with CacheClient(cache.address, own) as client, pytest.raises(MetaExtractError) as caught:
            client.clear_cache()
        assert caught.value.code.name == "UNIMPLEMENTED"
        with CacheClient(f"127.0.0.1:{port}", own) as client:
            assert client.clear_cache() == 0
            with pytest.raises(MetaExtractError) as caught:
                client.get_pressure()
        assert caught.value.code.name == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tls_cert": "a"}, "TLS_KEY"),
        ({"tls_client_ca": "a"}, "TLS_CERT"),
        ({"tls_cert": "a", "tls_key": "b", "tls_client_ca": "c"}, "ACCESS_FILE"),
        ({"jwt_keys": "a"}, "JWT_ISSUER"),
        ({"jwt_keys": "a", "jwt_issuer": "b", "jwt_audience": "c", "jwt_algorithms": ("HS256",)}, "HS256"),
        ({"jwt_keys": "a", "jwt_issuer": "b", "jwt_audience": "c", "jwt_algorithms": ("none",)}, "none"),
    ],
)
def test_settings_that_would_protect_nothing_are_refused(settings, message):
    with pytest.raises(InvalidSettingError, match=message):
        RuntimeSettings(**settings)


def test_a_token_never_leaves_this_machine_in_plaintext(tmp_path):
    with pytest.raises(SecurityError, match="readable on the way"):
        CacheClient("cache.example.org:50052", Security(token="secret"))
    with pytest.raises(SecurityError, match="no-such-file"):
        CacheClient("127.0.0.1:1", Security(token_file=str(tmp_path / "no-such-file")))
    CacheClient("127.0.0.1:1", Security(token="secret")).close()


async def test_a_client_s_certificate_and_token_are_read_again(realm, tmp_path):
    own = Realm(tmp_path / "own")
    own.access_file(
        f'[[peer]]\nspiffe = "{SPIFFE}/one"\nroles = ["observe"]\n[[peer]]\nspiffe = "{SPIFFE}/two"\nroles = ["admin"]\n'
    )
    settings = {
        **own.tls(clients=True),
        **own.tokens(),
        "METAEXTRACT_ACCESS_FILE": f"{own.folder}/access.toml",
    }
    with start_cache(**settings) as cache:
        async with AsyncCacheClient(cache.address, own.certificate("me", f"{SPIFFE}/one")) as client:
            assert (await client.get_stats()).version
            own.authority.issue("me", spiffe=f"{SPIFFE}/two")
            time.sleep(1.1)  # files are looked at once a second
            assert await client.clear_cache() == 0, "by the new certificate"
        (own.folder / "token").write_text(own.token("default", "observe"))
        security = own.certificate("nobody")._replace(token_file=str(own.folder / "token"))
        async with AsyncCacheClient(cache.address, security) as client:
            assert (await client.get_stats()).version
            (own.folder / "token").write_text(own.token("default", "admin"))
            time.sleep(1.1)
            assert await client.clear_cache() == 0


def test_a_client_knows_where_operators_ask(monkeypatch):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with start_cache(METAEXTRACT_CACHE_ADMIN_ADDRESS=f"127.0.0.1:{port}") as cache:
        monkeypatch.setenv("METAEXTRACT_CACHE_ADDRESS", cache.address)
        monkeypatch.setenv("METAEXTRACT_CACHE_ADMIN_ADDRESS", f"127.0.0.1:{port}")
        with CacheClient() as client:
            assert client.get_pressure().level and client.clear_cache() == 0


def test_an_extractor_that_the_cache_refuses_says_so(realm):
    from tests.support.processes import start_extractor, wait_until

    settings = realm.tokens()
    with (
        start_cache(**settings) as cache,
        start_extractor(cache.address, **settings | {"METAEXTRACT_CACHE_TOKEN_FILE": ""}) as extractor,
    ):
        wait_until(lambda: any("METAEXTRACT_CACHE_TOKEN_FILE" in line for line in extractor.log), 10)
        wait_until(lambda: any("calls were refused" in line for line in cache.log), 10)
        assert not any("Bearer" in line or "eyJ" in line for line in cache.log)
