"""Where a service's settings come from: flags go before the environment, that before a file, that before the defaults."""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
import typing
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from service_runtime.settings import PREFIX, InvalidSettingError, parse
from service_runtime.variables import ALL

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance

CONFIG_VARIABLE = PREFIX + "CONFIG_FILE"
# What Kubernetes puts into the environment of each pod for each Service in its namespace; ours may well be called metaextract-cache.
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)$")
_MASK = "********"

S = typing.TypeVar("S", bound="DataclassInstance")


class Source(StrEnum):
    """Who has set a value."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


@dataclasses.dataclass(frozen=True)
class Configuration(typing.Generic[S]):
    """Settings, and where each comes from."""

    settings: S
    sources: Mapping[str, Source]

    def lines(self) -> list[str]:
        """Each setting as a line of a configuration file, with its source; secrets are masked."""
        return [
            f"{field.name} = {_toml(shown(getattr(self.settings, field.name)))}  # {self.sources[field.name]}"
            for field in dataclasses.fields(self.settings)
        ]

    def changed(self) -> dict[str, object]:
        """What isn't as it is by default, for the log; secrets are masked."""
        return {
            field.name: shown(getattr(self.settings, field.name))
            for field in dataclasses.fields(self.settings)
            if getattr(self.settings, field.name) != field.default
        }


def load(
    settings_type: type[S], environ: Mapping[str, str], flags: Mapping[str, str], path: str = ""
) -> Configuration[S]:
    """The settings. `flags` by their fields' names; `path` of a TOML file with such names, "" for METAEXTRACT_CONFIG_FILE.

    Raises:
        InvalidSettingError: a value doesn't parse, is out of range, or nobody knows its name.
    """
    _check_names(environ, ALL | {PREFIX + field.name.upper() for field in dataclasses.fields(settings_type)})
    file = _read(path or environ.get(CONFIG_VARIABLE, ""))
    values: dict[str, object] = {}
    sources: dict[str, Source] = {}
    for field in dataclasses.fields(settings_type):
        variable = PREFIX + field.name.upper()
        candidates = (
            (Source.FLAG, "--" + field.name.replace("_", "-"), flags.get(field.name)),
            (Source.ENVIRONMENT, variable, environ.get(variable)),
            (Source.FILE, field.name, file.get(field.name)),
        )
        sources[field.name] = Source.DEFAULT
        for source, name, text in candidates:
            if text:  # an empty one says nothing
                values[field.name] = parse(name, text, field)
                sources[field.name] = source
                break
    return Configuration(settings_type(**values), sources)


def from_environ(settings_type: type[S], environ: Mapping[str, str]) -> S:
    """The settings of the environment alone, and of the file that it names; raises InvalidSettingError."""
    return load(settings_type, environ, {}).settings


def shown(value: object) -> object:
    """The value without a password that stands in a URL."""
    if isinstance(value, str) and "://" in value:
        parts = urlsplit(value)
        user, at, host = parts.netloc.rpartition("@")
        if at and ":" in user:
            value = parts._replace(netloc=f"{user.partition(':')[0]}:{_MASK}@{host}").geturl()
        if "password=" in parts.query:
            value = re.sub(r"(password=)[^&]*", rf"\g<1>{_MASK}", str(value))
    return value


def _check_names(environ: Mapping[str, str], known: typing.AbstractSet[str]) -> None:
    """A misspelt setting would be ignored without a word."""
    for name in environ:
        if name.startswith(PREFIX) and name not in known and not _SERVICE_LINK.search(name):
            raise InvalidSettingError(f"{name} isn't known{_nearest(name, known)}")


def _read(path: str) -> dict[str, str]:
    if not path:
        return {}
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidSettingError(f"{path}: {error}") from error
    known = {name.removeprefix(PREFIX).lower() for name in ALL}
    found = {}
    for name, value in content.items():
        if name not in known:
            raise InvalidSettingError(f"{path}: {name} isn't known{_nearest(name, known)}")
        found[name] = _text(path, name, value)
    return found


def _text(path: str, name: str, value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_text(path, name, each) for each in value)
    if isinstance(value, str | int | float):
        return str(value)
    raise InvalidSettingError(f"{path}: {name}: a text, number, true, false or a list is expected")


def _nearest(name: str, known: typing.Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.8)
    return f"; is {near[0]} meant?" if near else ""


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
