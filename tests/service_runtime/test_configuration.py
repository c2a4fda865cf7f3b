"""Where settings come from, and what is said of wrong ones: one line each."""

import dataclasses

import pytest

from cache_service.checks import check as check_cache
from cache_service.settings import Settings as CacheSettings
from extractor_service.checks import check as check_extractor
from extractor_service.settings import Settings as ExtractorSettings
from service_runtime.configuration import Source, from_environ, load, shown
from service_runtime.settings import PREFIX, InvalidSettingError
from service_runtime.variables import ALL, OTHERS, SETTINGS


def test_the_list_of_variables_is_that_of_the_settings():
    names = {
        PREFIX + field.name.upper()
        for settings in (CacheSettings, ExtractorSettings)
        for field in dataclasses.fields(settings)
    }
    assert names == SETTINGS
    assert OTHERS & names <= {"METAEXTRACT_TLS_CA", "METAEXTRACT_TLS_SERVER_NAME"}, (
        "which the extractor is a client with"
    )


def test_flags_go_before_the_environment_that_before_the_file_that_before_the_default(tmp_path):
    file = tmp_path / "cache.toml"
    file.write_text(
        'log_level = "error"\nmax_connections = 100\ncache_large_ratio = 0.5\njwt_algorithms = ["ES256", "RS256"]\n'
        "open_reflection = false\nparse_concurrency = 7\n"  # the extractor's: one file may do for both
    )
    environ = {
        "METAEXTRACT_LOG_LEVEL": "debug",
        "METAEXTRACT_MAX_CONNECTIONS": "200",
        "METAEXTRACT_CONFIG_FILE": str(file),
    }
    found = load(CacheSettings, environ, {"log_level": "warning"})
    settings = found.settings
    assert (settings.log_level, settings.max_connections, settings.cache_large_ratio) == ("warning", 200, 0.5)
    assert settings.jwt_algorithms == ("ES256", "RS256") and settings.open_reflection is False
    named = {name: source for name, source in found.sources.items() if source is not Source.DEFAULT}
    assert named == {
        "log_level": Source.FLAG, "max_connections": Source.ENVIRONMENT, "cache_large_ratio": Source.FILE,
        "jwt_algorithms": Source.FILE, "open_reflection": Source.FILE,
    }  # fmt: skip
    assert found.changed()["max_connections"] == 200 and "drain_seconds" not in found.changed()


def test_what_is_printed_can_be_read_again(tmp_path):
    lines = load(
        CacheSettings, {"METAEXTRACT_JWT_ALGORITHMS": "ES256"}, {"cache_trace_path": 'a"b\\c'}
    ).lines()
    file = tmp_path / "printed.toml"
    file.write_text("\n".join(lines))
    assert (
        load(CacheSettings, {}, {}, str(file)).settings
        == load(
            CacheSettings, {"METAEXTRACT_JWT_ALGORITHMS": "ES256"}, {"cache_trace_path": 'a"b\\c'}
        ).settings
    )


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://user:secret@host:6379/0", "redis://user:********@host:6379/0"),
        ("rediss+cluster://:secret@a:1,b:2", "rediss+cluster://:********@a:1,b:2"),
        (
            "redis+sentinel://a:1/main?password=secret&db=1",
            "redis+sentinel://a:1/main?password=********&db=1",
        ),
        ("redis://host/0", "redis://host/0"),
    ],
)
def test_secrets_are_masked(url, told):
    assert shown(url) == told
    assert "secret" not in "\n".join(load(CacheSettings, {"METAEXTRACT_CACHE_REDIS_URL": url}, {}).lines())


@pytest.mark.parametrize(
    ("settings", "environ", "words"),
    [
        (CacheSettings, {"CACHE_MEMORY_BYTE": "1"}, "METAEXTRACT_CACHE_MEMORY_BYTES meant"),
        (ExtractorSettings, {"WHATEVER": "1"}, "METAEXTRACT_WHATEVER isn't known"),
        (CacheSettings, {"CACHE_ADDRESS": "127.0.0.1:65536"}, "0 to 65535"),
        (CacheSettings, {"CACHE_ADDRESS": "127.0.0.1"}, "HOST:PORT"),
        (CacheSettings, {"CACHE_OPERATIONS_ADDRESS": ":1"}, "HOST:PORT"),
        (ExtractorSettings, {"CACHE_ADDRESS": "cache:123456"}, "1 to 65535"),
        (ExtractorSettings, {"TENANT_HEADER": "X-Tenant"}, "lower-case"),
        (ExtractorSettings, {"TENANT_HEADER": "x-tenant-bin"}, "-bin"),
        (CacheSettings, {"CONFIG_FILE": "/nowhere/x.toml"}, "/nowhere/x.toml"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(settings, environ, words):
    with pytest.raises(InvalidSettingError) as caught:
        from_environ(settings, {PREFIX + name: value for name, value in environ.items()})
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["log_levle = 'info'", "log_level = {a = 1}", "log_level = [", "[cache]\nx = 1"]
)
def test_a_wrong_file_is_said_in_one_line(tmp_path, text):
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(InvalidSettingError, match=r"wrong\.toml"):
        load(CacheSettings, {}, {}, str(file))


def test_what_kubernetes_adds_is_none_of_our_settings():
    links = {
        "METAEXTRACT_CACHE_SERVICE_HOST": "10.0.0.1", "METAEXTRACT_CACHE_SERVICE_PORT": "50052",
        "METAEXTRACT_CACHE_SERVICE_PORT_GRPC": "50052", "METAEXTRACT_CACHE_PORT": "tcp://10.0.0.1:50052",
        "METAEXTRACT_CACHE_PORT_50052_TCP": "tcp://10.0.0.1:50052", "METAEXTRACT_CACHE_PORT_50052_TCP_ADDR": "10.0.0.1",
    }  # fmt: skip
    assert from_environ(CacheSettings, links) == CacheSettings()
    assert ALL.isdisjoint(links)


def test_folders_and_files_are_looked_at_before_anything_starts(tmp_path):
    check_cache(CacheSettings(cache_directory=str(tmp_path / "new")))
    assert not (tmp_path / "new").exists()
    check_extractor(ExtractorSettings(spool_directory=str(tmp_path)))
    for settings, check in (
        (CacheSettings(cache_directory=str(tmp_path / "a" / "b")), check_cache),
        (CacheSettings(policy_file=str(tmp_path / "none.toml")), check_cache),
        (ExtractorSettings(spool_directory=str(tmp_path / "none" / "x")), check_extractor),
        (ExtractorSettings(access_file=str(tmp_path / "none.toml")), check_extractor),
    ):
        with pytest.raises(InvalidSettingError, match=str(tmp_path)):
            check(settings)
