"""Settings: one frozen dataclass per service; `configuration` reads them.

A field is declared with :func:`setting`, which keeps unit, range and meaning beside the default, so that
validation, error messages and the README's table come from one place.
"""

from __future__ import annotations

import dataclasses
import math
import typing
from dataclasses import dataclass

if typing.TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import DataclassInstance

PREFIX = "METAEXTRACT_"
ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Algorithms of tokens that may be named: with a shared secret, whoever can check a token can make one."""

_KINDS = {int: "a whole number", float: "a number"}
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


class InvalidSettingError(ValueError):
    """A variable has a value outside its type or range; the text names the variable and what it takes."""


T = typing.TypeVar("T")


def setting(
    default: T,
    doc: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    check: Callable[[T], object] | None = None,
) -> T:
    """A dataclass field with its documentation; `low` and `high` are inclusive. `check` raises ValueError for what can't be."""
    metadata = {"doc": doc, "unit": unit, "low": low, "high": high, "choices": choices, "check": check}
    return dataclasses.field(default=default, metadata=metadata)


def changed_fields(before: DataclassInstance, after: DataclassInstance) -> set[str]:
    """Names of the settings that differ."""
    return {
        field.name
        for field in dataclasses.fields(before)
        if getattr(before, field.name) != getattr(after, field.name)
    }


def describe(settings_type: type[DataclassInstance]) -> list[SettingRow]:
    """One row per setting, in the order of declaration, for the README and `--help`."""
    rows = []
    for field in dataclasses.fields(settings_type):
        meta = field.metadata
        rows.append(
            SettingRow(
                variable=PREFIX + field.name.upper(),
                default=_show(field.default),
                unit=meta["unit"],
                allowed=_show_range(meta["low"], meta["high"], meta["choices"]),
                doc=meta["doc"],
            )
        )
    return rows


@dataclass(frozen=True)
class SettingRow:
    """What a user has to know about one setting."""

    variable: str
    default: str
    unit: str
    allowed: str
    doc: str


def parse(variable: str, text: str, field: dataclasses.Field[typing.Any]) -> object:
    """The value that `text` stands for; `variable` is where it comes from, for the message.

    Raises:
        InvalidSettingError: it isn't of the field's type, or is out of range.
    """
    default = field.default
    try:
        value = _convert(text, default)
    except ValueError:
        kind = "true or false" if isinstance(default, bool) else _KINDS.get(type(default), "text")
        raise InvalidSettingError(f"{variable}={text!r}: {kind} is expected") from None
    meta = field.metadata
    if meta["choices"] and value not in meta["choices"]:
        raise InvalidSettingError(f"{variable}={text!r}: one of {', '.join(meta['choices'])} is expected")
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = meta["low"], meta["high"]
        if math.isnan(value) or (low is not None and value < low) or (high is not None and value > high):
            raise InvalidSettingError(
                f"{variable}={text!r}: out of range, allowed is {_show_range(low, high, ())}"
            )
    if meta["check"] is not None:
        try:
            meta["check"](value)
        except ValueError as error:
            raise InvalidSettingError(f"{variable}={text!r}: {error}") from None
    return value


def _convert(text: str, default: object) -> object:
    if isinstance(default, bool):
        lowered = text.strip().lower()
        if lowered in _TRUE:
            return True
        if lowered in _FALSE:
            return False
        raise ValueError(text)
    if isinstance(default, int):
        return int(text)
    if isinstance(default, float):
        return float(text)
    if isinstance(default, tuple):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value) or "(none)"
    if value == "":
        return "(none)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _show_range(low: float | None, high: float | None, choices: tuple[str, ...]) -> str:
    if choices:
        return " | ".join(choices)
    if low is None and high is None:
        return "any"
    if high is None:
        return f"{_number(low or 0)} or more"
    return f"{_number(low)} to {_number(high)}" if low is not None else f"up to {_number(high)}"


def _number(value: float) -> str:
    """The number as people read it; powers of two above a million as MiB, GiB, TiB."""
    for exponent, unit in ((40, "Ti"), (30, "Gi"), (20, "Mi")):
        if value >= 2**exponent and value % 2**exponent == 0:
            return f"{int(value) >> exponent} {unit}"
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


@dataclass(frozen=True)
class RuntimeSettings:
    """Settings that both services have."""

    drain_seconds: float = setting(
        10.0,
        "Longest time after SIGTERM in which clients are moved on to other replicas, before the server stops; 0: it stops at once.",
        unit="s", low=0, high=3600,
    )  # fmt: skip
    shutdown_grace_seconds: float = setting(
        10.0,
        "Time that running calls get to finish after that; they are ended as UNAVAILABLE.",
        unit="s",
        low=0,
        high=600,
    )
    log_level: str = setting(
        "info", "Least severe records that are logged.", choices=("debug", "info", "warning", "error")
    )
    log_format: str = setting(
        "json",
        "How log lines are written: json, one object each; console, for people.",
        choices=("json", "console"),
    )
    access_log_ratio: float = setting(
        0.0,
        "Share of the calls of which the log has a line, at info; where it isn't 0, all that failed are told.",
        unit="ratio", low=0, high=1,
    )  # fmt: skip
    trace_endpoint: str = setting(
        "",
        "Collector of traces that speaks OTLP over HTTP (JSON), as http://host:4318. Unset: no traces.",
        unit="URL",
    )
    trace_ratio: float = setting(
        0.01,
        "Share of the calls that are traced, of those whose caller hasn't decided (W3C traceparent).",
        unit="ratio", low=0, high=1,
    )  # fmt: skip
    pressure_elevated_ratio: float = setting(
        0.60, "Memory used at which ELEVATED begins.", unit="ratio", low=0.05, high=0.99
    )
    pressure_high_ratio: float = setting(
        0.80, "Memory used at which HIGH begins.", unit="ratio", low=0.05, high=0.99
    )
    pressure_critical_ratio: float = setting(
        0.90, "Memory used at which CRITICAL begins.", unit="ratio", low=0.05, high=0.999
    )
    pressure_sample_seconds: float = setting(
        0.1, "Time between two samples of memory.", unit="s", low=0.01, high=60
    )
    pressure_kernel_events: bool = setting(
        True, "Whether the kernel's events lead to a sample at once, where it and our rights allow them."
    )
    pressure_hold_seconds: float = setting(
        30.0, "How long a lower level must last before it is announced.", unit="s", low=0, high=3600
    )
    pressure_release_ratio: float = setting(
        0.05, "How far below a threshold memory must fall to leave the level.", unit="ratio", low=0, high=0.5
    )

    connection_age_seconds: float = setting(
        0.0,
        "How long a connection takes new calls, less or more by 10 %; its calls go on. 0: seven tenths of METAEXTRACT_DRAIN_SECONDS, so"
        " that a drain moves every client on. Behind a proxy that goes by health: longer.",
        unit="s", low=0, high=31_536_000,
    )  # fmt: skip
    max_connections: int = setting(
        8192,
        "Most connections; half of the descriptors that the process may open, where that is less.",
        low=16,
        high=1_000_000,
    )
    max_connections_per_peer: int = setting(
        128,
        "Most connections from one address (an IPv6 /64); the longest silent are closed.",
        low=1,
        high=1_000_000,
    )
    connection_idle_seconds: float = setting(
        600.0, "How long a connection without a call is kept open.", unit="s", low=1, high=86_400
    )
    process_memory_bytes: int = setting(
        0,
        "Memory that this process may use where no container limits it; 0: only container and machine count.",
        unit="B", low=0, high=1 << 44,
    )  # fmt: skip
    tls_cert: str = setting(
        "", "Certificate of this service, with what is needed to verify it; read again when it changes. Unset: plaintext.",
        unit="PEM file",
    )  # fmt: skip
    tls_key: str = setting("", "Key of that certificate.", unit="PEM file")
    tls_client_ca: str = setting(
        "",
        "Whose certificates clients have to show; which roles each has, METAEXTRACT_ACCESS_FILE or a token says.",
        unit="PEM file",
    )
    allow_plaintext: bool = setting(
        False, "Whether an address that others can reach may do without TLS; warned of at every start."
    )
    jwt_keys: str = setting(
        "", "Key set (JWKS) of the issuer of bearer tokens, looked for again when it changes. Unset: no tokens.",
        unit="file or https URL",
    )  # fmt: skip
    jwt_issuer: str = setting("", "What tokens have to say as `iss`.")
    jwt_audience: str = setting("", "What tokens have to say as `aud`, maybe among others.")
    jwt_algorithms: tuple[str, ...] = setting(
        ("RS256", "ES256", "EdDSA"),
        "Algorithms that tokens may be signed by; none with a shared secret can be named.",
    )
    jwt_refresh_seconds: float = setting(
        300.0, "Time between two fetches of a key set behind a URL.", unit="s", low=1, high=86_400
    )
    access_file: str = setting(
        "",
        "TOML file with the roles of certificates and the quotas of tenants; see service_runtime/identity/README.md.",
    )
    open_reflection: bool = setting(
        True, "Whether strangers may ask for the service's description, where identities are configured."
    )
    policy_file: str = setting(
        "",
        "TOML file with what each class of work may do at each level. The cache broadcasts its own; an extractor's"
        " goes before it.",
    )

    def __post_init__(self) -> None:
        """Checks what concerns several fields at once."""
        levels = (self.pressure_elevated_ratio, self.pressure_high_ratio, self.pressure_critical_ratio)
        if not levels[0] < levels[1] < levels[2]:
            raise InvalidSettingError(
                f"pressure thresholds must rise: elevated {levels[0]}, high {levels[1]}, critical {levels[2]}"
            )
        if bool(self.tls_cert) != bool(self.tls_key):
            raise InvalidSettingError("METAEXTRACT_TLS_CERT and METAEXTRACT_TLS_KEY belong together")
        if self.tls_client_ca and not self.tls_cert:
            raise InvalidSettingError("METAEXTRACT_TLS_CLIENT_CA needs METAEXTRACT_TLS_CERT")
        if self.tls_client_ca and not (self.access_file or self.jwt_keys):
            raise InvalidSettingError(
                "METAEXTRACT_TLS_CLIENT_CA says who may connect; who may do what, METAEXTRACT_ACCESS_FILE or"
                " METAEXTRACT_JWT_KEYS has to say"
            )
        if self.jwt_keys and not (self.jwt_issuer and self.jwt_audience):
            raise InvalidSettingError(
                "METAEXTRACT_JWT_KEYS needs METAEXTRACT_JWT_ISSUER and METAEXTRACT_JWT_AUDIENCE"
            )
        if (self.jwt_issuer or self.jwt_audience) and not self.jwt_keys:
            raise InvalidSettingError(
                "METAEXTRACT_JWT_ISSUER and _AUDIENCE protect nothing without METAEXTRACT_JWT_KEYS"
            )
        for name in self.jwt_algorithms:
            if name not in ASYMMETRIC:
                raise InvalidSettingError(
                    f"METAEXTRACT_JWT_ALGORITHMS={name!r}: some of {', '.join(ASYMMETRIC)} are expected"
                )


RELOADABLE = frozenset(
    {
        "log_level",
        "access_log_ratio",
        "pressure_elevated_ratio",
        "pressure_high_ratio",
        "pressure_critical_ratio",
    }
)
"""What SIGHUP changes, beside the contents of the files of policy and access."""
